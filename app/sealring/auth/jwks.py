"""Key sets (RFC 7517): the public keys that an issuer signs with."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from sealring.domain.strict_json import MalformedJson, parse_object

MAX_KEY_SET_BYTES = 64 * 1024
MAX_KEYS = 32
MIN_RSA_BITS = 2048  # RFC 7518 3.3

KEY_TYPE_OF = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}  # RFC 7518 3.1, RFC 8037 3.1
ALGORITHMS = frozenset(KEY_TYPE_OF)

_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 6.2.2, 6.3.2, 6.4
_P256_COORDINATE_BYTES = 32  # RFC 7518 6.2.1.2
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class KeySetRefused(ValueError):
    """A key set that breaks a rule. The message names the key by its place and the rule, never a member's value."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key of an issuer."""

    kid: str | None
    kty: str
    alg: str | None  # the only algorithm it is for, where the issuer says so
    public: PublicKey

    def fits(self, alg: str) -> bool:
        """Whether a signature by `alg` may be checked with this key."""
        return KEY_TYPE_OF.get(alg) == self.kty and self.alg in (None, alg)


@dataclass(frozen=True, slots=True)
class KeySet:
    """One to 32 verification keys. Made by `parse` or `of`; after that nobody checks again."""

    keys: tuple[VerificationKey, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a key set from JSON of at most 64 KiB. Raises KeySetRefused as `of` does, and for malformed JSON."""
        if len(raw) > MAX_KEY_SET_BYTES:
            raise KeySetRefused("over 64 KiB")
        try:
            document = parse_object(raw)
        except MalformedJson as error:
            raise KeySetRefused(str(error)) from None
        return cls.of(document.get("keys"))

    @classmethod
    def of(cls, jwks: object) -> Self:
        """Check the keys of a set, each a mapping of JWK members.

        A key that is not for checking our signatures (encryption, another type or curve) is left out, as RFC 7517 5
        asks: identity providers publish such keys beside the others.

        Raises KeySetRefused: not 1-32 keys; none that is for us; a symmetric key or one with private members; RSA under
        2048 bits; values that are no key; two keys of one kid; several keys of which one has no kid.
        """
        if not isinstance(jwks, list) or not 1 <= len(jwks) <= MAX_KEYS:
            raise KeySetRefused(f"a set has a list of 1 to {MAX_KEYS} keys")
        read = [_key(jwk, f"key {place}") for place, jwk in enumerate(jwks, start=1)]
        keys = tuple(key for key in read if key is not None)
        if not keys:
            raise KeySetRefused("no key for RS256, PS256, ES256 or EdDSA signatures")
        kids = [key.kid for key in keys]
        if len(set(kids)) != len(kids):
            raise KeySetRefused("two keys have the same kid")
        if None in kids and len(kids) > 1:
            raise KeySetRefused("every key of several needs a kid")
        return cls(keys)

    def key(self, kid: str | None) -> VerificationKey | None:
        """Return the key of that id; without an id, the key of a set that has exactly one."""
        if kid is None:
            return self.keys[0] if len(self.keys) == 1 else None
        return next((key for key in self.keys if key.kid == kid), None)


def _key(jwk: object, place: str) -> VerificationKey | None:
    """Return the key, or None where it is not for us."""
    if not isinstance(jwk, Mapping):
        raise KeySetRefused(f"{place}: not an object")
    if jwk.get("kty") == "oct" or _SECRET_MEMBERS & jwk.keys():
        raise KeySetRefused(f"{place}: symmetric or private; publish public keys only")
    if not _is_for_us(jwk):
        return None
    kid = _optional_text(jwk, "kid", place)
    try:
        return VerificationKey(kid, str(jwk["kty"]), _optional_text(jwk, "alg", place), _public_key(jwk))
    except KeySetRefused as error:
        raise KeySetRefused(f"{place}: {error}") from None
    except ValueError:
        raise KeySetRefused(f"{place}: its values are no public key") from None


def _is_for_us(jwk: Mapping[str, object]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and jwk.get("kty") in ("RSA", "EC", "OKP")
        and (jwk["kty"] == "RSA" or jwk.get("crv") == _CURVES[str(jwk["kty"])])
    )


def _public_key(jwk: Mapping[str, object]) -> PublicKey:
    if jwk["kty"] == "RSA":
        return _rsa(jwk)
    if jwk["kty"] == "EC":
        return _p256(jwk)
    return Ed25519PublicKey.from_public_bytes(_octets(jwk, "x"))


def _rsa(jwk: Mapping[str, object]) -> RSAPublicKey:
    exponent, modulus = (int.from_bytes(_octets(jwk, member), "big") for member in ("e", "n"))
    if modulus.bit_length() < MIN_RSA_BITS:
        raise KeySetRefused(f"RSA under {MIN_RSA_BITS} bits")
    return RSAPublicNumbers(exponent, modulus).public_key()


def _p256(jwk: Mapping[str, object]) -> EllipticCurvePublicKey:
    x, y = (_octets(jwk, member) for member in ("x", "y"))
    if len(x) != _P256_COORDINATE_BYTES or len(y) != _P256_COORDINATE_BYTES:
        raise KeySetRefused("a P-256 coordinate has 32 bytes")
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
    return numbers.public_key()


def _octets(jwk: Mapping[str, object], member: str) -> bytes:
    value = jwk.get(member)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        raise KeySetRefused(f"{member} is not base64url")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _optional_text(jwk: Mapping[str, object], member: str, place: str) -> str | None:
    value = jwk.get(member)
    if value is None and member not in jwk:
        return None
    if not isinstance(value, str) or not value:
        raise KeySetRefused(f"{place}: {member} is not a text")
    return value
