"""A second reader and writer of keyrings' bytes, written from docs/stored-formats.md alone: it shares no code with ours."""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def varint(number):
    out = b""
    number %= 1 << 64
    while number > 127:
        out += bytes((number % 128 + 128,))
        number //= 128
    return out + bytes((number,))


def message(*fields):
    """The bytes of (number, value) in that order; of defaults, none."""
    out = b""
    for number, value in fields:
        if isinstance(value, int) and value:
            out += varint(number * 8) + varint(value)
        elif not isinstance(value, int) and value:
            raw = value.encode() if isinstance(value, str) else value
            out += varint(number * 8 + 2) + varint(len(raw)) + raw
    return out


def fields(raw):
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            part = raw[at]
            at += 1
            value += part % 128 << shift
            shift += 7
            if part < 128:
                return value

    while at < len(raw):
        key = number()
        if key % 8 == 0:
            found[key // 8] = number()
        elif key % 8 == 2:
            size = number()
            assert at + size <= len(raw)
            found[key // 8] = raw[at : at + size]
            at += size
        else:
            raise AssertionError(key)
    return found


def lp8(raw):
    return bytes((len(raw),)) + raw


def lp16(raw):
    return len(raw).to_bytes(2, "big") + raw


def bound_aad(environment, name, key_id, time):
    label = b"sealring/v1/keyring/envelope"
    return label + b"".join(lp16(each.encode()) for each in (environment, name, key_id)) + time.to_bytes(8, "big")


def opened(envelope, dek, environment, name):
    """The value of an envelope."""
    found = fields(envelope)
    assert set(found) <= {1, 2, 3, 4, 5}
    aad = {0: None, 100: bound_aad(environment, name, found[4].decode(), found[5])}[found.get(1, 0)]
    return AESGCM(dek).decrypt(found[2], found[3], aad)


def sealed(value, dek, key_id, nonce, time):
    """A compatible envelope."""
    return message((2, nonce), (3, AESGCM(dek).encrypt(nonce, value, None)), (4, key_id), (5, time))


def unwrapped(record, master_keys):
    """The id and the DEK of an EncryptedDataEncryptionKey under a master key."""
    outer = fields(record)
    found = fields(outer[3])
    assert 1 not in found
    inner = fields(AESGCM(master_keys[found[4].decode()]).decrypt(found[2], found[3], None))
    assert inner[1] == outer[1]
    return outer[1].decode(), inner[3]


def wrapped(key_id, dek, created_at, master, nonce, time):
    """An EncryptedDataEncryptionKey under a master key, its id and its bytes."""
    inner = message((1, key_id), (2, created_at), (3, dek))
    ciphertext = AESGCM(master[1]).encrypt(nonce, inner, None)
    encrypted = message((2, nonce), (3, ciphertext), (4, master[0]), (5, time))
    return message((1, key_id), (2, created_at), (3, encrypted))


def subkey(store_key, purpose):
    return hmac.digest(store_key, f"sealring/v1/store/{purpose}".encode() + b"\x01", hashlib.sha256)


def mac(store_key, purpose, text):
    return hmac.digest(subkey(store_key, purpose), text, hashlib.sha256)[:16]


def digest(store_key, environment, name):
    return mac(store_key, "locator", b"keyring" + lp16(environment.encode()) + lp16(name.encode()))


def head(store_key, environment, name, newest, deks):
    body = b"\x01" + lp8(environment.encode()) + lp16(name.encode()) + lp8(newest.encode()) + deks.to_bytes(4, "big")
    return body + mac(store_key, "record", b"keyring" + digest(store_key, environment, name) + body)


def stored_dek(store_key, environment, name, key_id, record):
    body = b"\x01" + record
    place = b"keyring DEK" + digest(store_key, environment, name) + lp8(key_id.encode())
    return body + mac(store_key, "record", place + body)
