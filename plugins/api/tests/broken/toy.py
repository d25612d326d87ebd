"""A correct provider in memory, with every power. Its cipher is a toy: never ship it."""

import hashlib
import hmac
import os
import time
from dataclasses import dataclass, field, replace

from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    ConfigField,
    CustomersSpec,
    DeadlineExceeded,
    Finding,
    KeyDescription,
    KeyDestroyed,
    KeyDisabled,
    KeyPendingDeletion,
    KeyState,
    ManagedKey,
    ManagedSpec,
    RootName,
    SetupGuide,
    Severity,
    WrappedKey,
)

ALG = "toy"
NONCE_BYTES = TAG_BYTES = 16
STATES = {KeyDisabled: "disabled", KeyPendingDeletion: "pending_deletion", KeyDestroyed: "destroyed"}


@dataclass
class Vault:
    """What a KMS would hold, for all providers."""

    root: bytes = b"root of the vault"
    destroyed: set = field(default_factory=set)
    failing: type | None = None
    settings_fail: bool = False
    silent: bool = False
    owners: dict = field(default_factory=dict)  # of keys that one organization has for itself


def mac(key, *parts):
    return hmac.digest(key, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")


def packed(pairs):
    return b"".join(mac(b"pair", name.encode(), text.encode()) for name, text in sorted(pairs.items()))


def seal(kek, dek, aad):
    nonce = os.urandom(NONCE_BYTES)
    body = xor(dek, kek, nonce)
    return nonce + body + mac(kek, nonce, body, aad)[:TAG_BYTES]


def opened(kek, blob, aad):
    nonce, body, tag = blob[:NONCE_BYTES], blob[NONCE_BYTES:-TAG_BYTES], blob[-TAG_BYTES:]
    if not hmac.compare_digest(tag, mac(kek, nonce, body, aad)[:TAG_BYTES]):
        raise CiphertextRejected("does not open")
    return bytearray(xor(body, kek, nonce))


def xor(text, kek, nonce):
    return bytes(a ^ b for a, b in zip(text, hashlib.shake_256(kek + nonce).digest(len(text)), strict=True))


class Named:
    """Its keys exist, and have names. No power but that of authenticating the context."""

    def __init__(self, vault, token="token"):
        self.vault = vault
        self.token = token

    def wrap(self, key, dek, context, call):
        self.enter(call)
        self.admit(key, context)
        return WrappedKey(ALG, seal(self.kek(key), dek, self.aad(context)))

    def unwrap(self, wrapped, key, context, call):
        self.enter(call)
        self.admit(key, context)
        if wrapped.alg != ALG:
            raise CiphertextRejected("another algorithm")
        return opened(self.kek(key), wrapped.blob, self.aad(context))

    def close(self):
        pass

    def bound_pairs(self, context):
        return context.pairs

    def enter(self, call):
        if self.vault.failing is not None:
            raise self.vault.failing
        if self.vault.silent:
            time.sleep(max(0.0, call.deadline - time.monotonic()))
            raise DeadlineExceeded

    def admit(self, key, context):
        owner = self.vault.owners.get(key.key_id)
        if owner not in {None, context.pairs.get("organization_id")}:
            raise AccessDenied

    def aad(self, context):
        return packed(context.pairs) + context.aad

    def kek(self, key):
        return mac(self.vault.root, key.key_id.encode(), str(key.version).encode())


class Full(Named):
    """Its keys are made just in time, and kept with us. It has every power."""

    def create_key(self, key_id, version, scope, domain, call):
        self.enter(call)
        seed = os.urandom(16)
        key = ManagedKey("toy", key_id, version, scope, RootName(domain, 1))
        return replace(key, material=seed + self.tag(key, seed))

    def tag(self, key, seed):
        name = key.key_id.encode(), str(key.version).encode(), key.scope
        return mac(self.vault.root, *name, key.root.domain.encode(), str(key.root.epoch).encode(), seed)

    def kek(self, key):
        seed, tag = key.material[:16], key.material[16:]
        if not hmac.compare_digest(tag, self.tag(key, seed)):
            raise CiphertextRejected("the material is of another key")
        if (key.key_id, key.version, key.material) in self.vault.destroyed:
            raise KeyDestroyed
        return mac(self.vault.root, b"kek", seed)

    def destroy_key(self, key, call):
        self.vault.destroyed.add((key.key_id, key.version, key.material))

    def generate_data_key(self, key, context, call):
        dek = bytearray(os.urandom(32))
        return dek, self.wrap(key, dek, context, call)

    def rewrap(self, wrapped, old, new, call):
        return self.wrap(new[0], self.unwrap(wrapped, *old, call), new[1], call)

    def describe(self, key, call):
        return KeyDescription(KeyState(STATES.get(self.vault.failing, "enabled")), ("1",), "toy", "", "software")

    def validate(self, key, call):
        if self.vault.failing is None:
            return []
        return [Finding("key_is_off", Severity.ERROR, "The key cannot be used.", "Enable it.")]

    def explain_setup(self, *, principal, organization_id, external_id):
        return SetupGuide(("Paste the policy.",), f"allow {principal} for {organization_id}")

    def check(self, call):
        self.enter(call)

    def announcement(self):
        return "a toy"


TOKEN = ConfigField("token", str, "the token", required=True, secret=True)
SPEC = ManagedSpec(name="toy", config=(TOKEN,), build=lambda config: Full(Vault(), config["token"]), max_wraps=None)
CUSTOMERS_SPEC = CustomersSpec(
    name="toy", config=(TOKEN,), build=lambda config: Named(Vault(), config["token"]), bound_as="TOY_KMS"
)
