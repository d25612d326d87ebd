"""A second reader of format 1, written from docs/envelope-format.md alone: it shares no code with the server."""

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refused(Exception):
    pass


class Bytes:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, size):
        if self.at + size > len(self.raw):
            raise Refused("truncated")
        self.at += size
        return self.raw[self.at - size : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def prefixed(self, size):
        return self.take(self.number(size))


def header(source):
    if source.take(4) != b"SLRG" or source.number(1) != 1:
        raise Refused("magic or format")
    suite, combine = source.number(2), source.number(1)
    if suite not in {1, 3, 4} or combine not in {1, 2}:
        raise Refused("suite or combine")
    message_id = source.take(32)
    environment, org, object_id, version_id = (source.prefixed(2) for _ in range(4))
    context_hash = source.take(32)
    return {
        "suite": suite,
        "combine": combine,
        "message_id": message_id,
        "environment": environment.decode(),
        "org": org.decode(),
        "object_id": object_id,
        "version_id": version_id,
        "context_hash": context_hash,
        "H": source.raw[: source.at],
    }


def wraps(source, combine):
    found = [
        {
            "provider": source.prefixed(1).decode(),
            "kek_id": source.take(16),
            "kek_version": source.number(4),
            "alg": source.prefixed(1).decode(),
            "share_index": source.number(1),
            "blob": source.prefixed(2),
        }
        for _ in range(source.number(1))
    ]
    expected = list(range(len(found))) if combine == 2 else [0] * len(found)
    if not 1 <= len(found) <= 16 or [wrap["share_index"] for wrap in found] != expected:
        raise Refused("wraps")
    return found


def wrap_aad(head, wrap):
    return (
        b"sealring/v1/wrap"
        + hashlib.sha256(head["H"]).digest()
        + wrap["kek_id"]
        + struct.pack(">IB", wrap["kek_version"], wrap["share_index"])
    )


def expand(dek, head, label):
    prk = hmac.digest(head["message_id"], dek, "sha512")
    return hmac.digest(prk, label + struct.pack(">H", head["suite"]) + b"\x01", "sha512")[:32]


def local_key(kek, aad):
    return hmac.digest(kek, b"sealring-local/v1/dek" + aad + b"\x01", "sha256")


def unwrap(head, found, keks):
    """The DEK. Each blob is what the provider `local` makes."""
    shares = []
    for wrap in found:
        if wrap["alg"] != "hkdf-a256gcm":
            raise Refused("algorithm")
        key, nonce, body = keks[wrap["kek_id"]], wrap["blob"][:12], wrap["blob"][12:]
        try:
            shares.append(AESGCM(local_key(key, wrap_aad(head, wrap))).decrypt(nonce, body, None))
        except InvalidTag:
            raise Refused("wrap") from None
        if head["combine"] == 1:
            return shares[0]
    dek = 0
    for share in shares:
        dek ^= int.from_bytes(share, "big")
    return dek.to_bytes(32, "big")


def committed_dek(head, found, commitment, keks):
    dek = unwrap(head, found, keks)
    if not hmac.compare_digest(expand(dek, head, b"sealring/v1/commit"), commitment):
        raise Refused("commitment")
    return dek


def read_object(raw, keks):
    source = Bytes(raw)
    head = header(source)
    found = wraps(source, head["combine"])
    commitment, nonce, ciphertext = source.take(32), source.take(12), source.prefixed(4)
    if head["suite"] != 1 or source.at != len(raw) or len(head["object_id"]) != 16 or len(head["version_id"]) != 16:
        raise Refused("form")
    dek = committed_dek(head, found, commitment, keks)
    try:
        return AESGCM(expand(dek, head, b"sealring/v1/enc")).decrypt(nonce, ciphertext, head["H"] + commitment)
    except InvalidTag:
        raise Refused("ciphertext") from None


def blob_mac(store_key, number, body):
    """HMAC-SHA-256 of the blob before it and the number, under HKDF-Expand with SHA-256 of the store key."""
    key = hmac.digest(store_key, f"sealring/v1/store/blob/{number}".encode() + b"\x01", "sha256")
    return hmac.digest(key, body, "sha256")


def item_key(dek, head, index):
    """HKDF-Expand with the index of the item after its label and the suite."""
    prk = hmac.digest(head["message_id"], dek, "sha512")
    return hmac.digest(prk, b"sealring/v1/item" + struct.pack(">HI", head["suite"], index) + b"\x01", "sha512")[:32]


def start_of(source):
    """What an item of a batch and a data key begin with: head, wraps, commitment and context."""
    head = header(source)
    return head, wraps(source, head["combine"]), source.take(32), source.prefixed(2)


def verified_dek(source, suite, start, keks, store_key):
    """The DEK of a blob that was read up to its MAC.

    Without the store key (None) the origin is not verified: anybody with a public key could have made the wraps.
    """
    head, found, commitment, context = start
    body, number, mac = source.raw[: source.at], source.number(2), source.take(32)
    if head["suite"] != suite or source.at != len(source.raw) or head["object_id"] or head["version_id"]:
        raise Refused("form")
    if store_key is not None and (number != 1 or not hmac.compare_digest(blob_mac(store_key, number, body), mac)):
        raise Refused("MAC")
    if hashlib.sha256(context).digest() != head["context_hash"]:
        raise Refused("context")
    return committed_dek(head, found, commitment, keks)


def read_item(raw, keks, store_key):
    """An item of a batch, and its index."""
    source = Bytes(raw)
    start = head, _, commitment, _ = start_of(source)
    index, nonce, ciphertext = source.number(4), source.take(12), source.prefixed(4)
    dek = verified_dek(source, 4, start, keks, store_key)
    try:
        aad = head["H"] + commitment + struct.pack(">I", index)
        return index, AESGCM(item_key(dek, head, index)).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise Refused("ciphertext") from None


def read_data_key(raw, keks, store_key):
    source = Bytes(raw)
    return verified_dek(source, 3, start_of(source), keks, store_key)
