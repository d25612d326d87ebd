"""The awskms provider: each wrap is an Encrypt, each unwrap a Decrypt, under a key that its owner keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sealring_awskms import setup
from sealring_awskms.client import Client
from sealring_awskms.config import AwsConfig
from sealring_awskms.description import Metadata
from sealring_awskms.encryption_context import bound_pairs
from sealring_awskms.findings import findings
from sealring_awskms.key import Key
from sealring_plugin import (
    Call,
    CiphertextRejected,
    CustomersKey,
    Finding,
    KeyDescription,
    KeyDisabled,
    KeyPendingDeletion,
    KeyState,
    ProviderError,
    SetupGuide,
    Unavailable,
    Unsupported,
    WrapContext,
    WrappedKey,
)

ALG = "aws-symmetric-default"
MIN_DEK_BYTES = 16
MAX_DEK_BYTES = 64
MAX_BLOB_BYTES = 6144  # KMS API Reference, Decrypt: CiphertextBlob


class AwsKmsProvider:
    """Wraps with customers' keys in AWS KMS. Thread-safe; connects on the first call.

    Permissions, on the key: kms:Encrypt and kms:Decrypt with the organization's encryption context, kms:DescribeKey and
    kms:GetKeyRotationStatus. On our own role: sts:AssumeRole on customers' roles, with an external id; and for bindings
    with `grant = "direct"` those on keys, for `arn:aws:kms:*:*:key/*`. `explain_setup` gives the key's policy. Complete
    configuration:

        [plugins.awskms]
        principal = "arn:aws:iam::111122223333:role/sealring"
        access_key_id = "AKIAIOSFODNN7EXAMPLE"            # leave out for botocore's default chain
        secret_access_key_file = "aws-secret-access-key"
        session_token_file = "aws-session-token"          # for temporary credentials
        allowed_hosts = "vpce-0a1b-2c3d.kms.eu-west-1.vpce.amazonaws.com, localhost:4566"
        sts_endpoint = "http://localhost:4566"            # an emulator's
        ca_file = "private-ca.pem"
        reencrypt = false                                 # true needs kms:ReEncryptFrom and kms:ReEncryptTo
    """

    def __init__(self, config: AwsConfig) -> None:
        """Raises ConfigInvalid."""
        self._config = config
        self._client = Client(config)

    def wrap(self, key: CustomersKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        if not MIN_DEK_BYTES <= len(dek) <= MAX_DEK_BYTES:
            raise Unsupported(f"a data key has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        used, pairs = Key.of(self._config, key), bound_pairs(key, context)
        answer = self._use("encrypt", used, call, KeyId=used.arn, Plaintext=dek, EncryptionContext=pairs)
        expect_key(answer, "KeyId", used)
        return WrappedKey(ALG, blob_of(answer, "CiphertextBlob"))

    def unwrap(self, wrapped: WrappedKey, key: CustomersKey, context: WrapContext, call: Call) -> bytearray:
        _check_form(wrapped)
        used, pairs = Key.of(self._config, key), bound_pairs(key, context)
        answer = self._use("decrypt", used, call, KeyId=used.arn, CiphertextBlob=wrapped.blob, EncryptionContext=pairs)
        expect_key(answer, "KeyId", used)
        dek = bytearray(blob_of(answer, "Plaintext"))
        if not MIN_DEK_BYTES <= len(dek) <= MAX_DEK_BYTES:
            raise CiphertextRejected("what opened is no data key")
        return dek

    def bound_pairs(self, context: WrapContext) -> Mapping[str, str]:
        return context.pairs

    def describe(self, key: CustomersKey, call: Call) -> KeyDescription:
        used = Key.of(self._config, key)
        return self.metadata(used, call).description(used.region)

    def validate(self, key: CustomersKey, call: Call) -> Sequence[Finding]:
        """Raises Throttled, Unavailable or DeadlineExceeded where nothing can be said of the key now."""
        return list(findings(self, self._config, key, call))

    def explain_setup(self, *, principal: str, organization_id: str, external_id: str) -> SetupGuide:
        return setup.guide(principal, organization_id, external_id, reencrypt=self._config.reencrypt)

    def close(self) -> None:
        self._client.close()

    def authenticate(self, key: Key, call: Call) -> None:
        self._client.authenticate(key, call)

    def is_let_in(self, key: Key, call: Call) -> bool:
        return self._client.is_let_in(key, call)

    def metadata(self, key: Key, call: Call) -> Metadata:
        return Metadata.of(self._client.call("describe_key", key, call, KeyId=key.arn))

    def rotates(self, key: Key, call: Call) -> bool:
        answer = self._client.call("get_key_rotation_status", key, call, KeyId=key.arn)
        return answer.get("KeyRotationEnabled") is True

    def _use(self, operation: str, key: Key, call: Call, **parameters: Any) -> Mapping[str, Any]:
        try:
            return self._client.call(operation, key, call, **parameters)
        except KeyPendingDeletion as told:
            raise self._explained(told, key, call) from None

    def _explained(self, told: KeyPendingDeletion, key: Key, call: Call) -> ProviderError:
        """KMSInvalidStateException stands for several states: ask which, where we may."""
        try:
            found = self.metadata(key, call)
        except ProviderError:
            return told
        if found.key_state is KeyState.PENDING_DELETION:
            return KeyPendingDeletion("the key is to be deleted", when=found.deletion)
        if found.state in {"Disabled", "PendingImport"}:
            return KeyDisabled("the key is disabled, or its imported material is gone")
        return Unavailable("the key cannot be used now: is its key store connected?")


class ReEncryptingProvider(AwsKmsProvider):
    """Moves data keys between keys of a region by ReEncrypt, unseen by us.

    Permissions, beside those of AwsKmsProvider: kms:ReEncryptFrom on the old key, kms:ReEncryptTo on the new one.
    """

    def rewrap(
        self,
        wrapped: WrappedKey,
        old: tuple[CustomersKey, WrapContext],
        new: tuple[CustomersKey, WrapContext],
        call: Call,
    ) -> WrappedKey:
        """Raises Unsupported where one call cannot reach both keys: unwrap and wrap instead."""
        _check_form(wrapped)
        source, target = Key.of(self._config, old[0]), Key.of(self._config, new[0])
        if _reached_by(source) != _reached_by(target):
            raise Unsupported("the two keys are not reached by the same endpoint and credentials")
        answer = self._use(
            "re_encrypt",
            target,
            call,
            CiphertextBlob=wrapped.blob,
            SourceKeyId=source.arn,
            SourceEncryptionContext=bound_pairs(*old),
            DestinationKeyId=target.arn,
            DestinationEncryptionContext=bound_pairs(*new),
        )
        expect_key(answer, "SourceKeyId", source)
        expect_key(answer, "KeyId", target)
        return WrappedKey(ALG, blob_of(answer, "CiphertextBlob"))


def _reached_by(key: Key) -> tuple[object, ...]:
    return key.region, key.kms, key.role_arn, key.external_id


def _check_form(wrapped: WrappedKey) -> None:
    if wrapped.alg != ALG:
        raise CiphertextRejected("wrapped with another algorithm")
    if not 1 <= len(wrapped.blob) <= MAX_BLOB_BYTES:
        raise CiphertextRejected("not the size of a wrapped data key")


def expect_key(answer: Mapping[str, Any], name: str, key: Key) -> None:
    if name not in answer:
        raise Unavailable("KMS gave no answer that can be read")
    if answer[name] != key.arn:
        raise CiphertextRejected("KMS used another key than the one that was asked for")


def blob_of(answer: Mapping[str, Any], name: str) -> bytes:
    blob = answer.get(name)
    if not isinstance(blob, bytes) or not blob:
        raise Unavailable("KMS gave no answer that can be read")
    return blob
