"""Everything a secret could be seen in besides the answers: the store, its files, and what the processes say."""

from pathlib import Path

from support.live import LiveServer

KEY_FILES = {"root.key", "token-key.pem"}  # secrets of the operator, where they belong


def store_keys(live: LiveServer) -> bytes:
    with live.store as client:
        return b"\n".join(client.scan_iter(count=1000))


def store_values(live: LiveServer) -> bytes:
    with live.store as client:
        return b"\n".join(part for key in client.scan_iter(count=1000) for part in _parts(client, key))


def files(folder: Path) -> dict[str, bytes]:
    """The contents of all files of an installation, its logs and the store's append-only file among them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in KEY_FILES
    }


def _parts(client, key):
    yield client.dump(key)
    readers = {
        b"string": lambda: [client.get(key)],
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
        b"list": lambda: client.lrange(key, 0, -1),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"stream": lambda: [part for _, fields in client.xrange(key) for pair in fields.items() for part in pair],
    }
    yield from readers[client.type(key)]()
