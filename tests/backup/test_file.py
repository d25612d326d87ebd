"""The file of a backup: nothing that was changed in it is restored, and nothing of the store can be read in it."""

import hashlib
import io
import os
import stat
from contextlib import closing, contextmanager

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from backup.kit import unseen
from sealring import whole_store, wiring
from sealring.crypto.chunks import SEALED_BYTES
from sealring.domain.backup import BackupHead
from sealring.domain.layout import Layout
from sealring.domain.wire import Reader
from sealring.errors import BackupRefused, SealringError, SettingsInvalid, StoreUnavailable
from sealring.keys.backup_key import open_backup_key
from sealring.observability.logs import Log
from sealring.store.backup_file import BackupFile
from sealring.store.links import Links
from sealring.store.restore import Survey
from sealring_local.wrap import LocalProvider
from sealring_plugin import KEEP, ManagedKey, RootName, WrapBinding, WrappedKey
from support.make import ACME, caller, context
from support.roots import replace_roots

ME = caller(ACME)
NAME, VALUE, ORG = "the name of it", "the value of it", "org_hidden"


@pytest.fixture
def small(installed, opened):
    """A backup of one object, in one chunk."""
    opened.use.objects.create(caller(ORG), name=NAME, value=VALUE, context=context(organization_id=ORG))
    return installed.back_up()


@pytest.fixture
def large(installed, opened):
    """A backup of five chunks: the head, and where each of them begins and ends."""
    for number in range(4):
        opened.use.objects.create(ME, name=f"name {number}", value="v" * SEALED_BYTES, context=context())
    raw = installed.back_up().read_bytes()
    head = len(BackupHead.read(io.BytesIO(raw).read).encoded)
    chunks = [raw[start : start + SEALED_BYTES] for start in range(head, len(raw), SEALED_BYTES)]
    assert len(chunks) == 5
    return raw[:head], chunks


@pytest.fixture
def accepted(installed):
    """Whether bytes are taken for a backup, by all that a restore checks before it writes."""
    path = installed.folder / "tried"
    with closing(installed.gateway) as gateway:
        pin = wiring.trust_files(installed.settings).pin()

        def try_it(raw):
            path.write_bytes(raw)
            try:
                with BackupFile.opened(path) as file, open_backup_key(gateway, file.head, pin) as dek:
                    Survey(file.entries(dek, lambda _: None), file.head.layout.partitions)
            except SealringError:
                return False
            return True

        yield try_it


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_every_byte_of_it_counts(small, accepted, mask):
    raw = small.read_bytes()
    changed = (raw[:place] + bytes((raw[place] ^ mask,)) + raw[place + 1 :] for place in range(len(raw)))

    assert [place for place, each in enumerate(changed) if accepted(each)] == []
    assert accepted(raw)
    assert len(raw) > 1000


def test_a_file_that_was_cut_off_is_refused(small, accepted):
    raw = small.read_bytes()

    assert [size for size in range(len(raw)) if accepted(raw[:size])] == []


def test_a_file_that_was_cut_at_a_chunk_is_refused(large, accepted):
    head, chunks = large

    assert [count for count in range(5) if accepted(head + b"".join(chunks[:count]))] == []
    assert accepted(head + b"".join(chunks))


@pytest.mark.parametrize(
    "order", [(1, 0, 2, 3, 4), (0, 2, 1, 3, 4), (0, 0, 1, 2, 3, 4), (0, 2, 3, 4), (0, 1, 2, 3, 4, 4)]
)
def test_chunks_that_were_moved_doubled_or_left_out_are_refused(large, accepted, order):
    head, chunks = large

    assert not accepted(head + b"".join(chunks[number] for number in order))


def test_chunks_of_another_backup_of_the_store_are_refused(installed, small, accepted):
    one, other = small.read_bytes(), installed.back_up("other").read_bytes()
    head = len(BackupHead.read(io.BytesIO(one).read).encoded)

    assert not accepted(one[:head] + other[head:])
    assert not accepted(other[:head] + one[head:])


def test_a_byte_too_many_is_refused(small, accepted):
    assert not accepted(small.read_bytes() + b"\0")


def test_another_reader_opens_it_by_what_the_documentation_says(installed, small):
    """docs/backup.md, and of sealring only the provider that keeps the KEK."""
    raw = small.read_bytes()
    size = int.from_bytes(raw[5:7], "big")
    rest = Reader(raw[7 : 7 + size])
    time, layout, alg, wrapped = rest.take(8), Layout.decode(rest.lp16()), rest.lp8(), rest.lp16()
    provider = LocalProvider(installed.roots)
    kek = ManagedKey("local", layout.kek.provider_key_id, 1, layout.kek.scope, RootName(KEEP, 1), layout.kek.material)
    binding = WrapBinding({}, b"sealring/v1/backup" + b"\1" + layout.store_id + time)

    secret = provider.unwrap(WrappedKey(alg.decode(), wrapped), kek, binding, None)
    info = b"sealring/v1/chunks" + hashlib.sha256(raw[: 7 + size]).digest()
    cipher = AESGCM(HKDFExpand(SHA256(), 32, info).derive(secret))
    chunk = cipher.decrypt(bytes(12), raw[7 + size :], bytes(8) + b"\1")

    assert raw[:5] == b"SLRB\1"
    assert rest.exhausted
    assert chunk[:7] == b"\0\0\0\3\1\0\0"  # an entry of 3 bytes: partition 0


def test_a_refused_file_leaves_the_store_empty(installed, small):
    raw = small.read_bytes()
    small.write_bytes(raw[:-1] + bytes((raw[-1] ^ 1,)))

    with pytest.raises(BackupRefused, match=r"was altered or cut off; take another copy of it$"):
        installed.restore(small)

    assert keys_of(installed.other_url) == []


def test_other_keys_than_those_of_the_backup_are_refused(installed, small):
    replace_roots(installed.folder / "etc" / "root.key")

    with pytest.raises(
        BackupRefused, match=r"^the backup was made with other keys of 'local', or was altered: restore"
    ):
        installed.restore(small)


@pytest.mark.parametrize("content", [b"", b"SLRB", b"SLRB\1\0\0", b"SLRB\2" + bytes(100), os.urandom(1000)])
def test_what_is_no_backup_is_refused(installed, content):
    (installed.folder / "file").write_bytes(content)

    with pytest.raises(BackupRefused, match="is no backup of sealring"):
        installed.restore(installed.folder / "file")


def test_a_file_that_is_not_there_is_refused(installed):
    with pytest.raises(BackupRefused, match=r"cannot be read \(No such file or directory\)"):
        installed.restore(installed.folder / "nowhere")


def test_nothing_of_the_store_can_be_read_in_it(small):
    raw = small.read_bytes()

    assert [text for text in (NAME, VALUE, ORG, "organization_id", "vault.object") if text.encode() in raw] == []


def test_two_backups_have_nothing_in_common_but_the_head(installed, small):
    one, other = small.read_bytes(), installed.back_up("other").read_bytes()

    assert one[-64:] != other[-64:]
    assert len(one) == len(other)


def test_it_is_for_its_owner_only(small):
    assert stat.S_IMODE(small.stat().st_mode) == 0o600


def test_a_backup_that_fails_leaves_the_old_file_as_it_was(installed, small, opened):
    before = small.read_bytes()
    opened.links.call((b"DEL", b"s1:{0}:a"), (b"SET", b"s1:{0}:a", b"no stream"))

    with pytest.raises(BackupRefused, match="another type than sealring gave it"):
        installed.back_up()

    assert small.read_bytes() == before
    assert sorted(path.name for path in installed.folder.iterdir()) == ["etc", "store.backup"]


def test_a_backup_does_not_go_on_with_another_connection(installed, small, opened):
    """It may lead to another node, which may lack the last events."""
    before = small.read_bytes()

    @contextmanager
    def progress(_step, _length):
        yield lambda _: opened.links.call((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))

    with pytest.raises(StoreUnavailable, match="Begin again"):
        whole_store.backup(installed.settings, small, progress)

    assert small.read_bytes() == before


def test_a_folder_that_does_not_exist_is_refused(installed):
    with pytest.raises(BackupRefused, match=r"cannot be written \(No such file or directory\)"):
        installed.back_up("nowhere/file")


# --- where it is restored


class Interrupted(Exception):
    pass


@pytest.fixture
def half_restored(installed, small):
    """A restore that ended before its last step."""

    def progress(step, length):
        if step == "verify":
            raise Interrupted
        return unseen(step, length)

    with pytest.raises(Interrupted):
        installed.restore(small, progress)
    assert len(keys_of(installed.other_url)) > 5


def test_no_server_starts_on_a_restore_that_was_interrupted(installed, half_restored):
    with pytest.raises(SettingsInvalid, match="^the store is empty; make it ready"):
        wiring.make_app(installed.there, Log())


def test_a_restore_that_was_interrupted_is_not_made_ready(installed, half_restored):
    with pytest.raises(SettingsInvalid, match="^the store is not empty: .* interrupted"):
        wiring.initialise_store(installed.there, 2)


def test_a_restore_that_was_interrupted_is_not_continued(installed, small, half_restored):
    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small)

    installed.empty_the_other()
    assert installed.restore(small).objects == 1


@pytest.mark.parametrize("key", [b"s1:ready", b"s1:{0}:a"])
def test_a_store_that_has_any_key_of_ours_is_refused(installed, small, key):
    with closing(Links.to(installed.other_url)) as links:
        links.call((b"SET", key, b"1"))

    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small)


def test_a_store_that_is_in_use_is_refused(installed, small):
    installed.restore(small)

    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small)


def test_keys_of_others_are_none_of_our_business(installed, small):
    with closing(Links.to(installed.other_url)) as links:
        links.call((b"SET", b"theirs", b"1"))

    assert installed.restore(small).objects == 1


def test_a_store_that_is_away_is_said_to_be(installed, small):
    installed.other_url = "redis://127.0.0.1:1"

    with pytest.raises(StoreUnavailable):
        installed.restore(small)


def test_an_object_that_was_damaged_before_the_backup_is_restored_as_it_was(installed, opened, small):
    whole = opened.use.objects.create(ME, name="whole", value="v", context=context())
    damaged = opened.use.objects.create(ME, name="damaged", value="v", context=context())
    key = opened.parts.keyspace.object(damaged.id)
    opened.links.call((b"SETRANGE", key, 60, b"\xff\xff"))
    (raw,) = opened.links.call((b"GET", key))

    assert installed.restore(installed.back_up()).objects == 3

    assert installed.findings == [f"{damaged.id}: its record was altered"]
    with installed.opened(installed.there) as restored:
        assert restored.links.call((b"GET", key)) == [raw]
        assert restored.use.objects.read(ME, str(whole.id)).value == "v"


def keys_of(url):
    with closing(Links.to(url)) as links:
        return list(links.scan(b"*"))
