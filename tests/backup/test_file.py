"""The files of a backup: nothing that was changed in them is restored, and nothing of the store can be read in them."""

import io
import os
import stat
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from backup.kit import HIDDEN, NAME, VALUE, keys_of, unseen
from sealring.crypto.chunks import SEALED_BYTES
from sealring.domain.backup import BackupHead, FileKind
from sealring.errors import BackupRefused, SealringError, StoreUnavailable
from sealring.keys.backup_key import open_backup_key
from sealring.operator import whole_store
from sealring.server import wiring
from sealring.store.backup.file import BackupFile
from sealring.store.backup.restore import Survey
from support.make import ACME, caller, context
from support.roots import replace_roots

ME = caller(ACME)

both = pytest.mark.parametrize("kind", FileKind, ids=lambda kind: kind.name.lower())


def path_of(files, kind):
    return {FileKind.DATA: files.data, FileKind.KEYS: files.keys}[kind]


def head_of(raw):
    return raw[: len(BackupHead.read(io.BytesIO(raw).read).encoded)]


def flipped(path):
    """Changes its last byte."""
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes((raw[-1] ^ 1,)))


@pytest.fixture
def large(installed, opened):
    """The data of a backup, in five chunks: the head, and where each of them begins and ends."""
    for number in range(4):
        opened.use.objects.create(ME, name=f"name {number}", value="v" * SEALED_BYTES, context=context())
    raw = installed.back_up().data.read_bytes()
    head = len(head_of(raw))
    chunks = [raw[start : start + SEALED_BYTES] for start in range(head, len(raw), SEALED_BYTES)]
    assert len(chunks) == 5
    return raw[:head], chunks


@pytest.fixture
def accepted(installed):
    """Whether bytes are taken for a file of a backup, by all that a restore checks of one before it writes."""
    path, pin = installed.folder / "tried", wiring.trust_files(installed.settings).pin()
    with closing(installed.gateway) as gateway:

        def try_it(raw, kind=FileKind.DATA):
            path.write_bytes(raw)
            try:
                with BackupFile.opened(path, kind) as file, open_backup_key(gateway, file.head, pin) as dek:
                    Survey(file.entries(dek, lambda _: None), file.head.layout.partitions)
            except SealringError:
                return False
            return True

        yield try_it


@both
@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_every_byte_of_it_counts(small, accepted, mask, kind):
    raw = path_of(small, kind).read_bytes()
    changed = (raw[:place] + bytes((raw[place] ^ mask,)) + raw[place + 1 :] for place in range(len(raw)))

    assert [place for place, each in enumerate(changed) if accepted(each, kind)] == []
    assert accepted(raw, kind)
    assert len(raw) > 700


@both
def test_a_file_that_was_cut_off_is_refused(small, accepted, kind):
    raw = path_of(small, kind).read_bytes()

    assert [size for size in range(len(raw)) if accepted(raw[:size], kind)] == []


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


@both
def test_chunks_of_another_backup_of_the_store_are_refused(installed, small, accepted, kind):
    one, other = (path_of(each, kind).read_bytes() for each in (small, installed.back_up("other")))
    head = len(head_of(one))

    assert not accepted(one[:head] + other[head:], kind)
    assert not accepted(other[:head] + one[head:], kind)


def test_chunks_of_the_other_file_are_refused(small, accepted):
    data, keys = small.data.read_bytes(), small.keys.read_bytes()
    head = len(head_of(data))

    assert not accepted(data[:head] + keys[head:], FileKind.DATA)
    assert not accepted(keys[:head] + data[head:], FileKind.KEYS)


def test_a_file_is_not_taken_for_the_other_one(small, accepted):
    """Nor with the other one's kind in its head: its key is bound to its own."""
    data, keys = small.data.read_bytes(), small.keys.read_bytes()
    assert data[7:8] + keys[7:8] == b"\1\2"

    assert not accepted(data, FileKind.KEYS)
    assert not accepted(keys, FileKind.DATA)
    assert not accepted(data[:7] + b"\2" + data[8:], FileKind.KEYS)
    assert not accepted(keys[:7] + b"\1" + keys[8:], FileKind.DATA)


@both
def test_a_byte_too_many_is_refused(small, accepted, kind):
    assert not accepted(path_of(small, kind).read_bytes() + b"\0", kind)


@both
def test_a_refused_file_leaves_the_store_empty(installed, small, kind):
    flipped(path_of(small, kind))

    with pytest.raises(BackupRefused, match=rf"{kind.name.lower()} was altered or cut off; take another copy of it$"):
        installed.restore(small)

    assert keys_of(installed.other_url) == []


def test_other_keys_than_those_of_the_backup_are_refused(installed, small):
    replace_roots(installed.folder / "etc" / "root.key")

    with pytest.raises(
        BackupRefused, match=r"^the backup was made with other keys of 'local', or was altered: restore"
    ):
        installed.restore(small)


@both
@pytest.mark.parametrize(
    "content", [b"", b"SLRB", b"SLRB\2\0\0", b"SLRB\1" + bytes(100), b"SLRB\3" + bytes(100), os.urandom(1000)]
)
def test_what_is_no_backup_is_refused(installed, small, content, kind):
    path_of(small, kind).write_bytes(content)

    with pytest.raises(BackupRefused, match=rf"{kind.name.lower()} is not a backup of sealring"):
        installed.restore(small)


@both
def test_a_file_that_is_not_there_is_refused(installed, small, kind):
    path_of(small, kind).unlink()

    with pytest.raises(BackupRefused, match=rf"{kind.name.lower()} cannot be read \(No such file or directory\)"):
        installed.restore(small)


@both
def test_nothing_of_the_store_can_be_read_in_it(small, kind):
    raw = path_of(small, kind).read_bytes()

    assert [text for text in (NAME, VALUE, HIDDEN, "organization_id", "vault.object") if text.encode() in raw] == []


@both
def test_two_backups_have_nothing_in_common_but_the_head(installed, small, kind):
    one, other = (path_of(each, kind).read_bytes() for each in (small, installed.back_up("other")))

    assert one[-64:] != other[-64:]
    assert len(one) == len(other)


@both
def test_it_is_for_its_owner_only(small, kind):
    assert stat.S_IMODE(path_of(small, kind).stat().st_mode) == 0o600


def test_a_backup_that_fails_leaves_the_old_files_as_they_were(installed, small, opened):
    before = small.data.read_bytes(), small.keys.read_bytes()
    opened.links.call((b"DEL", b"s1:{0}:a"), (b"SET", b"s1:{0}:a", b"no stream"))

    with pytest.raises(BackupRefused, match="does not have the type that sealring gave it"):
        installed.back_up()

    assert (small.data.read_bytes(), small.keys.read_bytes()) == before
    assert sorted(path.name for path in installed.folder.iterdir()) == ["etc", "store.data", "store.keys"]


def test_a_backup_does_not_go_on_with_another_connection(installed, small, opened):
    """It may lead to another node, which may lack the last events."""
    before = small.data.read_bytes(), small.keys.read_bytes()

    @contextmanager
    def progress(_step, _length):
        yield lambda _: opened.links.call((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))

    with pytest.raises(StoreUnavailable, match="Start again"):
        whole_store.backup(installed.settings, small, progress)

    assert (small.data.read_bytes(), small.keys.read_bytes()) == before


@pytest.mark.parametrize("field", ["data", "keys"])
def test_a_folder_that_does_not_exist_is_refused(installed, small, field):
    """Of either file; and the other one is not made."""
    files = replace(small, data=installed.folder / "new.data", keys=installed.folder / "new.keys")
    files = replace(files, **{field: installed.folder / "nowhere" / "file"})

    with pytest.raises(BackupRefused, match=r"cannot be written \(No such file or directory\)"):
        whole_store.backup(installed.settings, files, unseen)

    assert not files.data.exists()
    assert not files.keys.exists()
