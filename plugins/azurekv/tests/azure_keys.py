"""The keys of the fake, and what their material does. Pages are below https://learn.microsoft.com/azure/key-vault/."""

import os
import uuid
from collections import defaultdict

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from entra_fake import binary, text

OAEP_256 = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)  # keys/about-keys-details#rsa-algorithms

_RSA_KEYS = defaultdict(list)  # by size


class Version:
    """Its name is "system-generated, 32 character": general/about-keys-secrets-certificates#object-identifiers."""

    def __init__(self, kty, bits):
        self.name = uuid.uuid4().hex
        self.attributes = {"enabled": True, "recoveryLevel": "Recoverable", "recoverableDays": 90, "exportable": False}
        self.secret = _secret(kty, bits)


class Key:
    def __init__(self, kty="RSA", bits=2048):
        self.kty, self.bits, self.tags, self.managed, self.versions = kty, bits, {}, False, []
        self.operations = ["encrypt", "decrypt", "wrapKey", "unwrapKey"]
        self.rotates = False
        self.rotate()

    def rotate(self):
        """The new one is current: general/about-keys-secrets-certificates#objects-identifiers-and-versioning."""
        self.versions.append(Version(self.kty, self.bits))

    @property
    def newest(self):
        return self.versions[-1]


def bundle(vault, name, key, version=None):
    """rest/api/keyvault/keys/get-key#keybundle; of a symmetric key, "no key material is released"."""
    version = version or key.newest
    shown = {"kid": f"{vault}/keys/{name}/{version.name}", "kty": key.kty, "key_ops": key.operations}
    if key.kty.startswith("RSA"):
        numbers = version.secret.public_key().public_numbers()
        shown |= {"n": text(numbers.n.to_bytes(key.bits // 8, "big")), "e": text(numbers.e.to_bytes(3, "big"))}
    told = {"key": shown, "attributes": version.attributes, "tags": key.tags}
    return {**told, "managed": True} if key.managed else told


def use(key, version, body, *, opens):
    """Return the parts of a KeyOperationResult. Raises ValueError, AttributeError or InvalidTag: a BadParameter."""
    does = _aes if key.kty == "oct-HSM" else _rsa
    return does(version.secret, body, binary(body["value"]), opens)


def _secret(kty, bits):
    if kty == "oct-HSM":
        return os.urandom(32)
    return ec.generate_private_key(ec.SECP256R1()) if kty == "EC" else _rsa_key(bits)


def _rsa_key(bits):
    """Return another than the last five: to make one takes a tenth of a second."""
    keys = _RSA_KEYS[bits]
    keys.append(keys.pop(0) if len(keys) == 6 else rsa.generate_private_key(65537, bits))
    return keys[-1]


def _rsa(key, body, value, opens):
    if body["alg"] != "RSA-OAEP-256":
        raise ValueError
    return {"value": key.decrypt(value, OAEP_256) if opens else key.public_key().encrypt(value, OAEP_256)}


def _aes(key, body, value, opens):
    """To encrypt, an `iv` is for AES-CBC alone; A256GCM answers with its own, and a `tag`: so Microsoft's clients."""
    if body["alg"] != "A256GCM" or (not opens and "iv" in body):
        raise ValueError
    aad = binary(body.get("aad", ""))
    if opens:
        return {"value": AESGCM(key).decrypt(binary(body["iv"]), value + binary(body["tag"]), aad)}
    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, value, aad)
    return {"value": sealed[:-16], "iv": nonce, "tag": sealed[-16:], "aad": aad}
