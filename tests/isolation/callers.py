"""Those who knock: tokens that should open nothing, each wrong in one way and right in all others.

Every one of them says that it is for org_acme with all permissions, so that a check that is missing lets it in.
"""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from support.live import ALL_PERMISSIONS

OWNER = "org_acme"
OTHER = "org_beta"


def own(live, permission):
    return live.token(OWNER)


def other(live, permission):
    return live.token(OTHER)


def everywhere(live, permission):
    return live.token()


def no_token(live, permission):
    return None


def expired(live, permission):
    return signed(live, iat=int(time.time()) - 7200, exp=int(time.time()) - 3600)


def wrong_audience(live, permission):
    return signed(live, aud="another-service")


def wrong_issuer(live, permission):
    return signed(live, iss="urn:sealring:local/")


def alg_none(live, permission):
    header, claims = _parts(live)
    return f"{_b64({**header, 'alg': 'none'})}.{_b64(claims)}."


def alg_hs256(live, permission):
    """The public key, which everybody has, as the secret of an HMAC."""
    header, claims = _parts(live)
    public = _key(live).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = f"{_b64({**header, 'alg': 'HS256'})}.{_b64(claims)}"
    mac = hmac.digest(public, body.encode(), hashlib.sha256)
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def another_key(live, permission):
    """Signed well, under the same `kid`, by a key that nobody knows."""
    header, claims = _parts(live)
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": header["kid"]})


def lacking(live, permission):
    return live.token(OWNER, permissions=ALL_PERMISSIONS - {permission})


CALLERS = (
    own, other, everywhere, no_token, expired, wrong_audience, wrong_issuer, alg_none, alg_hs256, another_key, lacking
)  # fmt: skip


def signed(live, **changes):
    """A token of the real issuer, signed with the real key; `changes` replace claims."""
    header, claims = _parts(live)
    return jwt.encode(claims | changes, _key(live), "ES256", {"kid": header["kid"]})


def _parts(live):
    good = live.token(OWNER)
    return jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})


def _key(live):
    return load_pem_private_key((live.folder / "token-key.pem").read_bytes(), None)


def _b64(members):
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()
