"""Cloud KMS, as https://cloud.google.com/kms/docs/reference/rest/v1 describes it, with AES-GCM inside.

R below stands for that page's `projects.locations.keyRings.cryptoKeys`.
"""

import os
import struct
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fake_google.refusals import Refused

ENABLED, DISABLED, DESTROY_SCHEDULED, DESTROYED = "ENABLED", "DISABLED", "DESTROY_SCHEDULED", "DESTROYED"
USE_TO_ENCRYPT = "cloudkms.cryptoKeyVersions.useToEncrypt"  # R/encrypt, "IAM permission"
USE_TO_DECRYPT = "cloudkms.cryptoKeyVersions.useToDecrypt"  # R/decrypt
GET = "cloudkms.cryptoKeys.get"  # R/get
MAX_HSM_BYTES = 8192  # R/encrypt: "For HSM keys, the combined length of the plaintext and AAD ... 8KiB"
MAX_BYTES = 65536  # R/encrypt: software keys, each of the two

_HEADER = struct.Struct(">I12s")


def crc32c(binary):
    """https://www.rfc-editor.org/rfc/rfc3720#section-12.1, bit by bit: not the plugin's table."""
    crc = 0xFFFFFFFF
    for byte in binary:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@dataclass
class Version:
    state: str = ENABLED
    material: bytes = field(default_factory=lambda: os.urandom(32))
    destroy_time: str = ""


@dataclass
class Key:
    """`policy` has the members of each permission."""

    name: str
    policy: dict[str, set[str]]
    versions: dict[int, Version] = field(default_factory=lambda: {1: Version()})
    primary: int | None = 1
    purpose: str = "ENCRYPT_DECRYPT"
    protection: str = "SOFTWARE"
    labels: dict[str, str] = field(default_factory=dict)
    more: dict[str, object] = field(default_factory=lambda: {"rotationPeriod": "7776000s"})

    def rotate(self):
        self.primary = max(self.versions) + 1
        self.versions[self.primary] = Version()

    def version_name(self, number):
        return f"{self.name}/cryptoKeyVersions/{number}"

    def destroy(self, number):
        """R.cryptoKeyVersions/destroy: the state becomes DESTROY_SCHEDULED, with a destroyTime."""
        self.versions[number].state = DESTROY_SCHEDULED
        self.versions[number].destroy_time = "2030-01-31T12:00:00Z"

    def restore(self, number):
        """R.cryptoKeyVersions/restore: the state becomes DISABLED, and destroyTime is cleared."""
        self.versions[number].state = DISABLED
        self.versions[number].destroy_time = ""

    def usable(self, number):
        """https://cloud.google.com/kms/docs/key-states: only an enabled version can be used.

        The refusal is as clients of the real service have recorded it: the message, and a PreconditionFailure whose
        violation has the type KEY_ and the state.
        """
        version = self.versions[number]
        if version.state != ENABLED:
            name = self.version_name(number)
            raise Refused(
                "FAILED_PRECONDITION",
                f"{name} is not enabled, current state is: {version.state}.",
                violation={"type": f"KEY_{version.state}", "subject": name},
            )
        return AESGCM(version.material)


class Kms:
    """`project_members`: who may see that a key does not exist."""

    def __init__(self):
        self.keys = {}
        self.project_members = set()

    def add(self, name, members=(), permissions=(USE_TO_ENCRYPT, USE_TO_DECRYPT, GET)):
        self.keys[name] = Key(name, {permission: set(members) for permission in permissions})
        return self.keys[name]

    def call(self, name, verb, body, caller):
        verbs = {"encrypt": self._encrypt, "decrypt": self._decrypt, "testIamPermissions": self._granted, "": self._get}
        if verb not in verbs:
            raise Refused("UNIMPLEMENTED", f"{verb} is not part of this fake")
        return verbs[verb](name, body, caller)

    def _encrypt(self, name, body, caller):
        """R/encrypt: by a CryptoKey with its primary version, or by a CryptoKeyVersion."""
        of_key, _, number = name.partition("/cryptoKeyVersions/")
        key = self._permitted(of_key, USE_TO_ENCRYPT, caller, "ENCRYPT_DECRYPT")
        plaintext, aad, verified = _received(body, "plaintext")
        _check_sizes(key, plaintext, aad)
        used = int(number) if number else key.primary
        if used is None:
            raise Refused("FAILED_PRECONDITION", f"{name} has no primary version")
        nonce = os.urandom(12)
        header = _HEADER.pack(used, nonce)
        ciphertext = header + key.usable(used).encrypt(nonce, bytes(plaintext), key.name.encode() + b"\0" + aad)
        return {
            "name": key.version_name(used),
            **_checked("ciphertext", ciphertext),
            **verified,
            "protectionLevel": key.protection,
        }

    def _decrypt(self, name, body, caller):
        """R/decrypt: by a CryptoKey alone; "The server will choose the appropriate version"."""
        key = self._permitted(name, USE_TO_DECRYPT, caller, "ENCRYPT_DECRYPT")
        ciphertext, aad, _ = _received(body, "ciphertext")
        try:
            used, nonce = _HEADER.unpack(ciphertext[: _HEADER.size])
            plaintext = key.usable(used).decrypt(nonce, ciphertext[_HEADER.size :], key.name.encode() + b"\0" + aad)
        except (KeyError, InvalidTag, struct.error):
            raise Refused(
                "INVALID_ARGUMENT", "Decryption failed: verify that 'name' refers to the correct CryptoKey."
            ) from None
        answer = {**_checked("plaintext", plaintext), "protectionLevel": key.protection}
        # proto3 JSON mapping: false is left out
        return {**answer, "usedPrimary": True} if used == key.primary else answer

    def _get(self, name, _body, caller):
        """R/get and R#CryptoKey."""
        key = self._permitted(name, GET, caller)
        template = {"protectionLevel": key.protection, "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION"}
        described = {
            "name": name,
            "purpose": key.purpose,
            "createTime": "2026-01-01T00:00:00Z",
            "versionTemplate": template,
            "destroyScheduledDuration": "2592000s",
            **key.more,
        }
        if key.labels:
            described["labels"] = key.labels
        if key.primary:
            version = key.versions[key.primary]
            described["primary"] = {"name": key.version_name(key.primary), "state": version.state, **template}
            if version.destroy_time:
                described["primary"]["destroyTime"] = version.destroy_time
        return described

    def _granted(self, name, body, caller):
        """R/testIamPermissions: needs no permission; of a resource that does not exist, an empty set."""
        policy = self.keys[name].policy if name in self.keys else {}
        granted = [each for each in body["permissions"] if caller in policy.get(each, ())]
        return {"permissions": granted} if granted else {}

    def _permitted(self, name, permission, caller, purpose=None):
        key = self.keys.get(name)
        if key is None and caller in self.project_members:
            raise Refused("NOT_FOUND", f"CryptoKey {name} not found.")
        if key is None or caller not in key.policy.get(permission, ()):
            message = f"Permission '{permission}' denied on resource '{name}' (or it may not exist)."
            raise Refused("PERMISSION_DENIED", message, reason="IAM_PERMISSION_DENIED")
        if purpose not in {None, key.purpose}:  # R/encrypt: "The CryptoKey.purpose must be ENCRYPT_DECRYPT"
            raise Refused("INVALID_ARGUMENT", f"{name} is of another purpose")
        return key


def _received(body, name):
    """Return the bytes, the AAD, and what was verified.

    https://cloud.google.com/kms/docs/data-integrity-guidelines: "sets boolean fields ... to true to indicate that it
    received the relevant checksum, and returns an INVALID_ARGUMENT error if the checksum doesn't match".
    """
    verified, received = {}, []
    for field_name in (name, "additionalAuthenticatedData"):
        binary = b64decode(body.get(field_name, ""), validate=True)
        checksum = body.get(f"{field_name}Crc32c")
        if checksum is not None and int(checksum) != crc32c(binary):
            raise Refused("INVALID_ARGUMENT", f"the checksum of {field_name} does not match")
        if checksum is not None:
            verified[f"verified{field_name[0].upper()}{field_name[1:]}Crc32c"] = True
        received.append(binary)
    return (*received, verified)


def _check_sizes(key, plaintext, aad):
    too_large = max(len(plaintext), len(aad)) > MAX_BYTES
    if key.protection == "HSM":
        too_large = len(plaintext) + len(aad) > MAX_HSM_BYTES
    if too_large:
        raise Refused("INVALID_ARGUMENT", "plaintext or additional_authenticated_data is too large")


def _checked(name, binary):
    """JSON has bytes as base64 and int64 as text (https://protobuf.dev/programming-guides/json/)."""
    return {name: b64encode(binary).decode(), f"{name}Crc32c": str(crc32c(binary))}
