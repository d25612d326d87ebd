"""Files that settings name, read up to a limit, and secret ones only if nobody else can read them."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from sealring_plugin.access_lists import access_list, lets_in_alone
from sealring_plugin.errors import ConfigInvalid

MAX_FILE_BYTES = 65_536

_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # some editors write one


def read_private(path: Path, field: str) -> bytes:
    """Return the content of a file with a secret, at most 64 KiB. `field` is its name in messages.

    Raises ConfigInvalid if the file is missing, not a regular file, larger, or open to others: only its owner may have
    rights. A file of root's may also be readable by our group, like a Kubernetes secret of a pod with `fsGroup`, or
    give rights to our user in its access control list, like a credential of systemd.
    """
    found = _read(path, field)
    uid = os.geteuid()
    if is_open(found.status, groups={os.getegid(), *os.getgroups()}) and not found.is_handed_to(uid):
        raise ConfigInvalid(f"{field} {path} is open to others; run: chmod 600 {path}")
    return found.content


def read_shared(path: Path, field: str) -> bytes:
    """Return the content of a file that others may also read. In all else like `read_private`."""
    return _read(path, field).content


def is_open(status: os.stat_result, *, groups: Collection[int]) -> bool:
    """Whether anyone has rights to a file except its owner and, if that is root, members of these groups (to read)."""
    others = stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    if status.st_uid == 0 and status.st_gid in groups:
        others &= ~stat.S_IRGRP
    return others != 0


@dataclass(frozen=True, slots=True)
class _Found:
    content: bytes = field(repr=False)
    status: os.stat_result
    entries: bytes

    def is_handed_to(self, uid: int) -> bool:
        return self.status.st_uid == 0 and lets_in_alone(self.entries, uid)


def _read(path: Path, field: str) -> _Found:
    """Open the file only once, so that the content and the rights belong to the same file."""
    try:
        with open(path, "rb", opener=open_at_once) as file:  # Path.open takes no opener
            number = file.fileno()
            found = _Found(file.read(MAX_FILE_BYTES + 1), os.fstat(number), access_list(number))
    except (OSError, ValueError) as error:  # ValueError: the path has a NUL in it
        raise ConfigInvalid(f"{field} {path} cannot be read ({getattr(error, 'strerror', 'no path')})") from error
    if len(found.content) > MAX_FILE_BYTES:
        raise ConfigInvalid(f"{field} {path} is larger than {MAX_FILE_BYTES} bytes")
    if found.content.startswith(_BYTE_ORDER_MARKS):
        raise ConfigInvalid(f"{field} {path} begins with a byte order mark; save it as UTF-8 without BOM")
    return found


def open_at_once(path: str, flags: int) -> int:
    """Open a regular file, without waiting if it is a pipe. Raises OSError."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file")
