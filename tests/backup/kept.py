"""A whole store as a file: every key with what it holds, the files beside the settings, and what a reader has to find."""

import json
from contextlib import closing
from pathlib import Path

from backup.kit import Installation
from sealring import settings
from sealring.operator import installation
from sealring.store.connection.links import Links
from support.cmk import Key

FILES = ("root.key", "store-pin", "store-layout")
_EACH = {  # by type: how to read it, and how to write it
    b"string": (lambda key: (b"GET", key), lambda key, raw: [(b"SET", key, raw)]),
    b"hash": (lambda key: (b"HGETALL", key), lambda key, flat: [(b"HSET", key, *flat)]),
    b"list": (lambda key: (b"LRANGE", key, 0, -1), lambda key, flat: [(b"RPUSH", key, *flat)]),
    b"zset": (
        lambda key: (b"ZRANGE", key, 0, -1, b"WITHSCORES"),
        lambda key, flat: [(b"ZADD", key, *(part for pair in _pairs(flat) for part in reversed(pair)))],
    ),
    b"stream": (
        lambda key: (b"XRANGE", key, b"-", b"+"),
        lambda key, entries: [(b"XADD", key, event_id, *parts) for event_id, parts in entries],
    ),
}


def _pairs(flat):
    return zip(flat[::2], flat[1::2], strict=True)


def kept(installed: Installation, holds) -> str:
    """The store of an installation as the text of a file, without what expires within a day."""
    with closing(Links.to(installed.settings.store_url)) as links:
        keys = [key for key in sorted(links.scan(b"*")) if links.call((b"TTL", key)) == [-1]]
        types = links.call(*((b"TYPE", key) for key in keys))
        contents = links.call(*(_EACH[each][0](key) for key, each in zip(keys, types, strict=True)))
    whole = {
        "environment": next(iter(installed.settings.environments)),
        "files": {name: (installed.folder / "etc" / name).read_text() for name in FILES},
        "keys of customers": {name: key.secret.hex() for name, key in installed.kms.items()},
        "holds": holds,
        "store": [
            [key.hex(), each.decode(), _hex(found)] for key, each, found in zip(keys, types, contents, strict=True)
        ],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def put_back(path: Path, folder: Path, store_url: str, other_url: str) -> Installation:
    """An installation with the settings of today on the store of a file, which is written into an empty one."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    list(installation.create_files(folder / "etc", store_url, "local"))
    for name, text in whole["files"].items():
        (folder / "etc" / name).write_text(text)
    file = folder / "etc" / installation.SETTINGS_FILE
    (fresh,) = settings.load(file).environments
    file.write_text(file.read_text().replace(fresh, whole["environment"]))
    with closing(Links.to(store_url)) as links:
        for key, each, found in whole["store"]:
            links.call(*_EACH[each.encode()][1](bytes.fromhex(key), _raw(found)))
    kms = {name: Key(bytes.fromhex(secret)) for name, secret in whole["keys of customers"].items()}
    return Installation(settings.load(file), other_url, folder, kms=kms)


def holds(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))["holds"]


def _hex(found):
    return found.hex() if isinstance(found, bytes) else [_hex(each) for each in found]


def _raw(found):
    return bytes.fromhex(found) if isinstance(found, str) else [_raw(each) for each in found]
