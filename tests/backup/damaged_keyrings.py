"""Ways to damage keyrings; each returns what a sweep has to find."""

from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.store.schema.keyspace import Kind
from support.make import ACME, BETA, caller


def _made(it, org=BETA, rotations=1):
    """A keyring with an older DEK; in one partition, all digests are in it."""
    ring = Keyring(f"{org}/payments")
    for _ in range(rotations):
        it.opened.use.keyrings.rotate(ring, caller(org))
    it.opened.use.keyrings.encrypt(ring, b"value", caller(org))
    owned = OwnedKeyring(it.mine.environment, ring)
    return it.keyspace.keyring(owned), f"keyring {it.keyspace.keyring_digest(owned).hex()}"


def _oldest(it, key):
    return next(field for field in it.call(b"HKEYS", key) if field)


def altered_head(it):
    key, called = _made(it)
    it.call(b"HSET", key, b"", b"noise")
    return [f"{called}: its head was altered"]


def head_of_another(it):
    key, called = _made(it)
    other, _ = _made(it, ACME)
    it.call(b"HSET", key, b"", it.call(b"HGET", other, b""))
    return [f"{called}: its head was altered"]


def altered_dek(it):
    key, called = _made(it)
    field = _oldest(it, key)
    it.call(b"HSET", key, field, it.call(b"HGET", key, field)[:-1] + b"x")
    return [f"{called}: the record of a key was altered"]


def dek_of_no_id(it):
    key, called = _made(it)
    it.call(b"HSET", key, b"a/b", b"noise")
    return [
        f"{called}: a key of it is missing, or one too many is there",
        f"{called}: the record of a key was altered",
        *_counted(it, 1, 2),
    ]


def lost_dek(it):
    key, called = _made(it, rotations=2)
    it.call(b"HDEL", key, _oldest(it, key))
    return [f"{called}: a key of it is missing, or one too many is there", *_counted(it, 2, 1)]


def unlisted(it):
    key, called = _made(it)
    it.call(b"ZREM", it.keyspace.keyrings(0), key[-16:])
    return [f"{called}: it is not listed"]


def listed_in_vain(it):
    it.call(b"ZADD", it.keyspace.keyrings(0), 0, b"k" * 16)
    return [f"keyring {(b'k' * 16).hex()}: it is listed, and does not exist"]


def keyring_of_another_type(it):
    it.call(b"SET", it.place(Kind.KEYRING, b"k" * 16), b"noise")
    return [f"keyring {(b'k' * 16).hex()}: it is of another type"]


def altered_encryptions(it):
    key, called = _made(it)
    it.call(b"HSET", it.place(Kind.KEYRING_USES, key[-16:]), b"dek_x", b"-1")
    return [f"{called}: its counts were altered"]


def encryptions_of_another_type(it):
    it.call(b"SET", it.place(Kind.KEYRING_USES, b"k" * 16), b"noise")
    return [f"keyring {(b'k' * 16).hex()}: its counts were altered"]


def list_of_another_type(it):
    it.call(b"SET", it.keyspace.keyrings(0), b"noise")
    return ["partition 0: the list of keyrings is of another type"]


def _counted(it, counted, found):
    home = it.keyspace.home(it.mine.environment, BETA).raw.hex().upper()
    size = it.theirs.current.size
    said = [f"{each + 1} objects, {size} bytes and 2 contexts" for each in (counted, found)]
    return [f"secret_{home}\u2026 ({it.mine.environment}): counted as {said[0]}, but there are {said[1]}"]


KEYRINGS = [
    altered_head,
    head_of_another,
    altered_dek,
    dek_of_no_id,
    lost_dek,
    unlisted,
    listed_in_vain,
    keyring_of_another_type,
    altered_encryptions,
    encryptions_of_another_type,
    list_of_another_type,
]
