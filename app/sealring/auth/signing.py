"""Signing of tokens by the local issuer, for `sealring token`."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from sealring.auth.jwks import KeySet, VerificationKey
from sealring.domain.ids import OrgId
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid
from sealring_plugin import ConfigInvalid, read_private

ALGORITHM = "ES256"

_COORDINATE_BYTES = 32  # RFC 7518 6.2.1.2


def create_signing_key(path: Path) -> None:
    """Write a new key to a file that only its owner can read.

    Raises SettingsInvalid if the file already exists (it stays as it is) or cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsInvalid(f"signing key {path} cannot be made: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(new_signing_key())
        file.flush()
        os.fsync(descriptor)


def new_signing_key() -> bytes:
    """Return a new P-256 key (PKCS #8, PEM)."""
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_jwks(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the key set (RFC 7517) with the public half of the key. Raises SettingsInvalid as `mint` does."""
    return {"keys": [public_jwk(path)]}


def public_jwk(path: Path) -> dict[str, str]:
    """Return the public half of the key as a JWK. Raises SettingsInvalid as `mint` does."""
    members = _public_members(_load(path))
    return {**members, "kid": _thumbprint(members), "use": "sig", "alg": ALGORITHM}


def verification_key(path: Path) -> VerificationKey:
    """Return the public half of the key, with its `kid`. Raises SettingsInvalid as `mint` does."""
    return KeySet.of(public_jwks(path)["keys"]).keys[0]


def mint(  # noqa: PLR0913  the claims of a token, all by name
    path: Path,
    *,
    issuer: str,
    audience: str | None,
    subject: str,
    name: str,
    organizations: Iterable[OrgId],
    permissions: Iterable[Permission],
    lifetime_s: int,
    now: int,
) -> str:
    """Sign a token with the key in `path`. `now` is in seconds since 1970; without an audience, the token has no `aud`.

    Raises SettingsInvalid if the file cannot be read, if others can read it, or if it holds no P-256 key.
    """
    key = _load(path)
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": subject,
        "name": name,
        "organization_ids": sorted(organizations),
        "permissions": sorted(permission.value for permission in permissions),
        "iat": now,
        "exp": now + lifetime_s,
        "jti": str(uuid.uuid4()),
    }
    if audience is not None:
        claims["aud"] = audience
    return jwt.encode(claims, key, ALGORITHM, {"kid": _thumbprint(_public_members(key))})


def _load(path: Path) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(read_private(path, "signing key"), password=None)
    except ConfigInvalid as error:
        raise SettingsInvalid(f"{error}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        raise SettingsInvalid(f"signing key {path} is not an unencrypted PEM file of a private key.") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SettingsInvalid(f"signing key {path} must be a P-256 key. Make one with `sealring init`.")
    return key


def _public_members(key: EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (_base64url(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _thumbprint(members: dict[str, str]) -> str:
    """Return the SHA-256 of the required members, in this order and without blanks (RFC 7638 3)."""
    text = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format_map(members)
    return _base64url(hashlib.sha256(text.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
