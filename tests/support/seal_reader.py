"""Reads a seal of root keys as docs/stored-formats.md describes it, and shares no code with the server."""

import base64
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def read_seal(text, recovery_key):
    """What a seal holds, as a dictionary. Raises an exception for any other text."""
    heading, encoded, end = text.split("\n")
    assert (heading, end) == ("sealring root seal 1", "")
    raw = base64.b64decode(encoded, validate=True)
    assert base64.b64encode(raw).decode() == encoded
    fields = _Fields(raw)
    assert fields.take(1) == b"\1"
    provider, root_id = fields.short().decode(), fields.take(16)
    (generation, count) = struct.unpack(">IH", fields.take(6))
    epochs = [[fields.short().decode(), *struct.unpack(">I", fields.take(4))] for _ in range(count)]
    assert epochs == sorted(epochs)
    assert len({tuple(each) for each in epochs}) == count > 0
    assert fields.short() == b"recovery"
    head = raw[: fields.at]
    (size,) = struct.unpack(">H", fields.take(2))
    sealed_key = fields.take(size)
    bound = raw[: fields.at]
    file_key = _opened_key(recovery_key, sealed_key, head)
    content = AESGCM(file_key).decrypt(fields.take(12), raw[fields.at :], bound)
    said = b"sealring/v1/root-id" + bytes([len(provider)]) + provider.encode() + content
    assert hashlib.sha256(said).digest()[:16] == root_id
    return {
        "provider": provider,
        "root_id": root_id.hex(),
        "generation": generation,
        "epochs": epochs,
        "content": content.decode(),
    }


def _opened_key(recovery_key, sealed_key, head):
    aad = b"sealring/v1/root-seal/key" + hashlib.sha256(head).digest()
    prk = hmac.digest(b"sealring/v1/root-seal/recovery", recovery_key, "sha512")
    key = hmac.digest(prk, aad + b"\1", "sha512")[:32]
    return AESGCM(key).decrypt(sealed_key[:12], sealed_key[12:], aad)


class _Fields:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, size):
        self.at += size
        assert self.at <= len(self.raw)
        return self.raw[self.at - size : self.at]

    def short(self):
        return self.take(self.take(1)[0])
