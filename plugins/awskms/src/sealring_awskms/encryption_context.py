"""The encryption context of a wrapped key: what its owner may see, and a digest of all that it is bound to."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from sealring_plugin import CustomersKey, Unsupported, WrapContext

AAD_PAIR = "sealring-aad"
ORGANIZATION_PAIRS = ("organization_id", "organizationId")  # as the contexts of sealring spell it

_LABEL = b"sealring-awskms/v1/aad"
_GUARDED = {name.lower(): name for name in (*ORGANIZATION_PAIRS, AAD_PAIR)}


def bound_pairs(key: CustomersKey, context: WrapContext) -> Mapping[str, str]:
    """Return the encryption context. Raises Unsupported where a policy could take one pair for another.

    A key's policy compares the names of pairs without regard to case (IAM, `kms:EncryptionContext:context-key`). So
    `ORGANIZATION_ID`, beside or instead of `organization_id`, could claim the key of another organization.
    """
    names = [name.lower() for name in context.pairs]
    if len(set(names)) < len(names):
        raise Unsupported("two shown pairs differ in nothing but the case of their names: show one of them")
    if any(name.lower() in _GUARDED and name not in ORGANIZATION_PAIRS for name in context.pairs):
        raise Unsupported(f"a shown pair has a name that is kept for {', '.join(_GUARDED.values())}")
    return {**context.pairs, AAD_PAIR: _digest(key.version, context)}


def _digest(version: int, context: WrapContext) -> str:
    """SHA-256, in 43 characters of base64url: of the version, the pairs and the AAD, each part with its length.

    The pairs are in it too, since how KMS joins them is for KMS to know.
    """
    pairs = [part.encode() for pair in sorted(context.pairs.items()) for part in pair]
    parts = [_LABEL, str(version).encode(), *pairs, context.aad]
    packed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return urlsafe_b64encode(hashlib.sha256(packed).digest()).decode().rstrip("=")
