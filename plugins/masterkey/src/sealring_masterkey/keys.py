"""The file of master keys, which only its owner can read: the current one first, then those that still unwrap.

Each line is the base64 of a KeyEncryptionKey: id 1 (text), created_at 2 (ms, int64), key 3 (32 bytes). The old service
has them in its settings `master_key` and `previous_master_key`.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sealring_plugin import ConfigInvalid, protobuf, read_private

KEY_BYTES = 32  # AES-256

_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARACTERS = 9  # of an id, as other servers of vault.v1 make them
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The master keys by id. Only the current one wraps."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the content of the file. Raises ValueError with the number of the line; it quotes nothing."""
        found: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                key_id, key = _parsed(line.strip(), number)
                if key_id in found:
                    raise ValueError(f"line {number} has the id of an earlier one")
                found[key_id] = key
        if not found:
            raise ValueError("there is no key in it")
        return cls(next(iter(found)), found)


def read_master_keys(path: Path) -> MasterKeys:
    """Raises ConfigInvalid if the file is missing, open to others, or a line of it is no master key."""
    try:
        return MasterKeys.parse(read_private(path, "master_keys_file").decode("ascii"))
    except UnicodeDecodeError:
        raise ConfigInvalid(
            f"master_keys_file {path} is not text; write one master key in base64 on each line"
        ) from None
    except ValueError as error:
        raise ConfigInvalid(f"master_keys_file {path}: {error}") from None


def new_line() -> str:
    """Return a line for the file, with a key that nobody has yet."""
    key_id = "kek_" + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    fields = (
        protobuf.bytes_field(1, key_id.encode()),
        protobuf.number_field(2, time.time_ns() // 1_000_000),
        protobuf.bytes_field(3, secrets.token_bytes(KEY_BYTES)),
    )
    return base64.b64encode(b"".join(fields)).decode()


def _parsed(line: str, number: int) -> tuple[str, bytes]:
    try:
        fields = protobuf.parse(base64.b64decode(line, validate=True))
        key_id, key = protobuf.text_of(fields, 1), protobuf.bytes_of(fields, 3)
    except ValueError:
        raise ValueError(f"line {number} is not the base64 of a master key") from None
    if not _ID.fullmatch(key_id):
        raise ValueError(f"line {number} has no id, or one of more than letters, digits, '_' and '-'")
    if len(key) != KEY_BYTES:
        raise ValueError(f"line {number} has a key of {len(key)} bytes; AES-256 takes {KEY_BYTES}")
    return key_id, key
