"""The local signing keys of an installation, as its commands change them."""

import json

from auth.kit import NOW, SetClock, profile, verifier_of
from sealring.auth.signing import mint, public_jwk
from sealring.errors import Unauthenticated

VALIDITY_S = 1_000
LOCAL = "urn:sealring:local"


def rotate(keys, now=NOW, wait=lambda _seconds: None):
    return list(keys.rotate(now, wait))


def prune(keys, now, **options):
    return list(keys.prune(now, **options))


def signed(keys):
    return mint(
        keys.signing_key_file,
        issuer=LOCAL,
        audience="sealring",
        subject="alice",
        name="Alice",
        organizations=[],
        permissions=[],
        lifetime_s=600,
        now=NOW,
    )


def is_taken(keys, token):
    """Whether a server that reads the set as it is now takes the token."""
    local = profile(issuer=LOCAL, audience="sealring", jwks=json.loads(keys.jwks_file.read_text()))
    try:
        verifier_of(local, clock=SetClock()).verify(token)
    except Unauthenticated:
        return False
    return True


def kid(path):
    return public_jwk(path)["kid"]


def published(keys):
    return {each["kid"]: each.get("exp") for each in json.loads(keys.jwks_file.read_text())["keys"]}
