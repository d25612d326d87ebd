"""Keys, profiles and tokens to test with. Tokens are put together by hand, so that any rule can be broken."""

import base64
import json
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import PyJWS

from sealring.auth.jwks import KeySet
from sealring.auth.key_sources import StaticKeys
from sealring.auth.profiles import IssuerProfile
from sealring.auth.revoked import RevokedTokens
from sealring.auth.tokens import TokenVerifier
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import NO_ORG
from sealring.errors import Unauthenticated
from support.memory import MemoryAudit
from support.memory_revocations import MemoryRevocations

ISSUER = "https://auth.example.com"
AUDIENCE = "https://vault.example.com"
ENVIRONMENT = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"
NOW = 1_800_000_000


class SetClock:
    """A clock that shows what it is set to."""

    def __init__(self, now=float(NOW)):
        self.now = now

    def __call__(self):
        return self.now


@cache
def ec_key(number=1):
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


@cache
def ed_key():
    return ed25519.Ed25519PrivateKey.generate()


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def b64_number(number, size):
    return b64(number.to_bytes(size, "big"))


def jwk(key, kid="k1", **members):
    """The public JWK of a private key, written down from RFC 7518 6 and RFC 8037 2."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        fields = {"kty": "RSA", "n": b64_number(numbers.n, public.key_size // 8), "e": "AQAB"}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        size = (public.curve.key_size + 7) // 8
        crv = {256: "P-256", 384: "P-384"}[public.curve.key_size]
        fields = {"kty": "EC", "crv": crv, "x": b64_number(numbers.x, size), "y": b64_number(numbers.y, size)}
    else:
        fields = {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}
    if kid is not None:
        fields["kid"] = kid
    return fields | members


def jwks_bytes(*jwks):
    return json.dumps({"keys": list(jwks)}).encode()


def settings(**changes):
    """A table for one issuer. None leaves a name out."""
    table = {
        "issuer": ISSUER,
        "jwks": [jwk(ec_key())],
        "algorithms": ["ES256"],
        "audience": AUDIENCE,
        "environment_id": ENVIRONMENT,
        "permissions": ["vault:objects:read", "vault:objects:create", "vault:keys:use"],
    }
    return {name: value for name, value in (table | changes).items() if value is not None}


def profile(**changes):
    return IssuerProfile.parse(settings(**changes), base=Path("/nowhere"))


def verifier(*jwks, clock=None, **changes):
    """A verifier for one issuer with these keys."""
    if jwks:
        changes["jwks"] = list(jwks)
    return verifier_of(profile(**changes), clock=clock)


def verifier_of(*profiles, clock=None):
    sources = {one.issuer: StaticKeys(one.jwks) for one in profiles}
    return TokenVerifier(profiles, sources, clock or SetClock())


def claims(**changes):
    """A payload that the profile takes. None leaves a claim out."""
    members = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user_1", "iat": NOW - 60, "exp": NOW + 300}
    return {name: value for name, value in (members | changes).items() if value is not None}


def sign(payload=None, *, key=None, alg="ES256", header=None, **members):
    """A token. `payload` and `header` are objects, or bytes that stand as they are; `members` change the header."""
    key = key or ec_key()
    if header is None:
        header = {"alg": alg, "typ": "JWT", "kid": "k1"} | members
        header = {name: value for name, value in header.items() if value is not None}
    if payload is None:
        payload = claims()
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = ".".join(map(b64, parts))
    return f"{signed}.{b64(PyJWS().get_algorithm_by_name(alg).sign(signed.encode(), key))}"


def nothing_revoked():
    """An environment with a list of revocations that is empty."""
    revocations = MemoryRevocations(MemoryAudit())
    revocations.begin(
        ENVIRONMENT, Event(Action.REVOCATIONS_BEGUN, ENVIRONMENT, NO_ORG, Origin(ISSUER, "alice", "request-1"))
    )
    return RevokedTokens(revocations)


def key_set(*jwks):
    return KeySet.of(list(jwks))


def refusal(token, verify=None):
    """The reason for which a token is refused."""
    with pytest.raises(Unauthenticated) as caught:
        (verify or verifier()).verify(token)
    return caught.value.reason


def payload_with(text):
    """A payload with these members, as JSON text, added to the usual ones."""
    return json.dumps(claims())[:-1].encode() + b"," + text.encode() + b"}"
