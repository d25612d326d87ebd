"""Key sets (RFC 7517): the public keys that an issuer signs with."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from sealring.domain.byte_order_mark import WHAT_TO_DO, is_marked
from sealring.domain.strict_json import MalformedJson, parse_object

MAX_KEY_SET_BYTES = 64 * 1024
MIN_RSA_BITS = 2048  # RFC 7518 3.3
MAX_RSA_BITS = 16_384  # OPENSSL_RSA_MAX_MODULUS_BITS: OpenSSL verifies with no longer key

KEY_TYPE_OF = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}  # RFC 7518 3.1, RFC 8037 3.1
ALGORITHMS = frozenset(KEY_TYPE_OF)

_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 6.2.2, 6.3.2, 6.4
_P256_COORDINATE_BYTES = 32  # RFC 7518 6.2.1.2
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
_Places = dict[tuple[str | None, str], "VerificationKey"]  # by kid and algorithm


class KeySetRefused(ValueError):
    """A key set without a key that we can use. The message never contains a member's value."""


class _Unusable(ValueError):
    """A key that breaks a rule. The message is one of a few fixed texts, for the log."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key of an issuer."""

    kid: str | None
    kty: str
    alg: str | None  # the only algorithm of the key, if the issuer names one
    public: PublicKey

    def fits(self, alg: str) -> bool:
        """Return whether this key may verify a signature by `alg`."""
        return KEY_TYPE_OF.get(alg) == self.kty and self.alg in (None, alg)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The verification keys of a set, at least one. `parse` and `of` check them; nothing checks them again."""

    keys: tuple[VerificationKey, ...]
    unusable: Mapping[str, int]  # the reasons why keys were left out, each with its number of keys
    _found: _Places = field(repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse a key set from JSON of at most 64 KiB. Raises KeySetRefused as `of` does, and for malformed JSON."""
        if len(raw) > MAX_KEY_SET_BYTES:
            raise KeySetRefused("over 64 KiB")
        if is_marked(raw):
            raise KeySetRefused(f"it {WHAT_TO_DO}")
        try:
            document = parse_object(raw)
        except MalformedJson as error:
            raise KeySetRefused(str(error)) from None
        return cls.of(document.get("keys"))

    @classmethod
    def of(cls, jwks: object) -> Self:
        """Check the keys of a set, each a mapping of JWK members; a null member counts as absent.

        A key that cannot be used is left out, as RFC 7517 5 asks: if it has another use, type or size, is symmetric,
        has private members (everybody who reads the set could sign with it) or invalid values, or if earlier keys with
        its kid cover all its algorithms. Raises KeySetRefused if no key is left.
        """
        if not isinstance(jwks, list):
            raise KeySetRefused("a set has a list of keys")
        keys: list[VerificationKey] = []
        found: _Places = {}
        unusable: Counter[str] = Counter()
        for jwk in jwks:
            try:
                key = _key(jwk)
                found |= _places(key, found)
            except _Unusable as why:
                unusable[str(why)] += 1
            else:
                keys.append(key)
        if not keys:
            said = ", ".join(f"{count} {why}" for why, count in unusable.items())
            raise KeySetRefused(f"no key for RS256, PS256, ES256 or EdDSA signatures{said and f' ({said})'}")
        return cls(tuple(keys), dict(unusable), _only_ones(keys) | found)

    def key(self, kid: str | None, alg: str) -> VerificationKey | None:
        """Return the key with that id for an algorithm; without an id, the key without one, else the only key.

        RFC 7515 4.1.4 and RFC 7517 4.5: an id is optional, and keys of several types may share one.
        """
        return self._found.get((kid, alg))


def _places(key: VerificationKey, taken: _Places) -> _Places:
    """Return the places of a key that no earlier key has taken. Raises _Unusable if there are none."""
    algorithms = [alg for alg in ALGORITHMS if key.fits(alg)]
    if not algorithms:
        raise _Unusable("for another algorithm")
    places = {(key.kid, alg): key for alg in algorithms if (key.kid, alg) not in taken}
    if not places:
        raise _Unusable("with the kid of another key")
    return places


def _only_ones(keys: Sequence[VerificationKey]) -> _Places:
    """Return the places for tokens without an id, with each key that is the only one for an algorithm."""
    fitting = {alg: [key for key in keys if key.fits(alg)] for alg in ALGORITHMS}
    return {(None, alg): fit[0] for alg, fit in fitting.items() if len(fit) == 1}


def _key(jwk: object) -> VerificationKey:
    if not isinstance(jwk, Mapping):
        raise _Unusable("not an object")
    members = {name: value for name, value in jwk.items() if value is not None}  # some issuers write null for absent
    if members.get("kty") == "oct":
        raise _Unusable("symmetric")
    if _SECRET_MEMBERS & members.keys():
        raise _Unusable("with private members")
    if not _is_for_us(members):
        raise _Unusable("for another use, type or curve")
    kid, alg = _optional_text(members, "kid"), _optional_text(members, "alg")
    try:
        return VerificationKey(kid, str(members["kty"]), alg, _public_key(members))
    except _Unusable:
        raise
    except ValueError:
        raise _Unusable("with invalid values") from None


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
    bits = modulus.bit_length()
    if bits < MIN_RSA_BITS:
        raise _Unusable(f"RSA under {MIN_RSA_BITS} bits")
    if bits > MAX_RSA_BITS:
        raise _Unusable(f"RSA over {MAX_RSA_BITS} bits")
    return RSAPublicNumbers(exponent, modulus).public_key()


def _p256(jwk: Mapping[str, object]) -> EllipticCurvePublicKey:
    x, y = (_octets(jwk, member) for member in ("x", "y"))
    if len(x) != _P256_COORDINATE_BYTES or len(y) != _P256_COORDINATE_BYTES:
        raise ValueError("a P-256 coordinate has 32 bytes")
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
    return numbers.public_key()


def _octets(jwk: Mapping[str, object], member: str) -> bytes:
    value = jwk.get(member)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        raise ValueError(f"{member} is not base64url")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _optional_text(jwk: Mapping[str, object], member: str) -> str | None:
    value = jwk.get(member)
    if value is not None and (not isinstance(value, str) or not value):
        raise _Unusable(f"with a {member} that is not text")
    return value
