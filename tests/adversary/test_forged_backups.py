"""Attacks SECURITY.md, "Control over the store": no backup that somebody forged makes their store key ours."""

from contextlib import closing
from dataclasses import replace

import pytest

from adversary.rooted import NOT_OURS, another_layout, unseen, wrapped_by_the_attacker
from sealring.crypto.data_key import DataKey
from sealring.domain.backup import FileKind, backup_aad
from sealring.domain.layout import STORE_CONTEXT, STORE_SCOPE
from sealring.errors import BackupRefused, SettingsInvalid
from sealring.keys.backup_key import make_head
from sealring.operator import whole_store
from sealring.operator.whole_store import BackupFiles
from sealring.server import wiring
from sealring.store.backup.file import BackupWriter
from sealring.store.schema.counts import Counts
from sealring_plugin import WrapContext


def test_a_backup_whose_head_names_another_provider_is_refused_before_any_key_is_asked(attacked, tmp_path):
    """Its head is all that the attacker needs to make: the rest they seal with a key of their own."""
    files = forged_files(tmp_path, attacked, attacked.forged_layout())
    with attacked.links() as links:
        links.call((b"FLUSHALL",))

    with pytest.raises(BackupRefused, match=f"^the backup is not of the pinned store: {NOT_OURS}"):
        whole_store.restore(attacked.config, files, unseen, print)

    assert attacked.kms.asked == []
    assert attacked.layout is None


def test_no_word_of_the_operators_makes_such_a_backup_trusted(attacked, tmp_path):
    files = forged_files(tmp_path, attacked, attacked.forged_layout())
    with attacked.links() as links:
        links.call((b"FLUSHALL",))
    attacked.config.pin_file.unlink()

    with pytest.raises(SettingsInvalid, match=NOT_OURS):
        whole_store.restore(attacked.config, files, unseen, print, trusting=True)

    assert attacked.kms.asked == []
    assert not attacked.config.pin_file.exists()


def forged_files(folder, attacked, layout):
    files = BackupFiles(folder / "data", folder / "keys")
    for target, kind in ((files.data, FileKind.DATA), (files.keys, FileKind.KEYS)):
        head = forged_head(attacked, layout, kind)
        with DataKey(bytearray(b"b" * 32)) as dek, BackupWriter.writing(target, head, dek) as writer:
            writer.end(Counts())
    return files


def forged_head(attacked, layout, kind):
    with closing(wiring.make_gateway(attacked.config)) as gateway, DataKey(bytearray(b"b" * 32)) as dek:
        head = make_head(gateway, attacked.layout, dek, kind, 1)
    context = WrapContext(STORE_CONTEXT.as_dict(), backup_aad(kind, layout.store_id, 1))
    wrapped = wrapped_by_the_attacker(attacked.kms, STORE_SCOPE.encoded, b"b" * 32, context)
    attacked.kms.asked.clear()
    return replace(head, layout=layout, alg=wrapped.alg, wrapped_key=wrapped.blob)


def test_a_backup_of_another_store_of_the_same_keys_is_refused(attacked, tmp_path):
    files, layout = BackupFiles(tmp_path / "data", tmp_path / "keys"), another_layout(attacked)
    with closing(wiring.make_gateway(attacked.config)) as gateway, DataKey.fresh() as dek:
        for target, kind in ((files.data, FileKind.DATA), (files.keys, FileKind.KEYS)):
            with BackupWriter.writing(target, make_head(gateway, layout, dek, kind, 1), dek) as writer:
                writer.end(Counts())
    with attacked.links() as links:
        links.call((b"FLUSHALL",))

    with pytest.raises(BackupRefused, match="^the backup is not of the pinned store: this is store "):
        whole_store.restore(attacked.config, files, unseen, print)
