"""POSIX access control lists of files in the format of Linux (`linux/posix_acl_xattr.h`)."""

from __future__ import annotations

import os
import struct

_NAME = "system.posix_acl_access"
_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")  # tag, permissions, user or group
_USER, _GROUP_OF_FILE, _GROUP, _OTHERS = 0x02, 0x04, 0x08, 0x20


def access_list(descriptor: int) -> bytes:
    """Return the list of an open file; empty if the file has none, or the system does not support them."""
    try:
        return os.getxattr(descriptor, _NAME) if hasattr(os, "getxattr") else b""
    except OSError:
        return b""


def lets_in_alone(entries: bytes, uid: int) -> bool:
    """Whether a list gives rights to that user, and to nobody else except the file's owner."""
    version, body = entries[:4], entries[4:]
    if version != _VERSION or len(body) % _ENTRY.size:
        return False
    rights = [(tag, who) for tag, permissions, who in _ENTRY.iter_unpack(body) if permissions]
    users = [who for tag, who in rights if tag == _USER]
    return users == [uid] and not any(tag in {_GROUP_OF_FILE, _GROUP, _OTHERS} for tag, _ in rights)
