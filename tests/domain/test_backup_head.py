"""The head of a backup: what the key of a file is bound to."""

from sealring.domain.backup import FileKind, backup_aad

STORE = bytes(range(16))


def test_a_key_is_bound_to_format_kind_store_and_time():
    assert backup_aad(FileKind.DATA, STORE, 1) == b"sealring/v1/backup\x03\x01" + STORE + b"\0\0\0\0\0\0\0\x01"
    assert backup_aad(FileKind.KEYS, STORE, 258) == b"sealring/v1/backup\x03\x02" + STORE + b"\0\0\0\0\0\0\x01\x02"
