"""Scoping: makes the principal of a request from the claims of its token."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from sealring.auth.cluster_rules import granted_to
from sealring.auth.profiles import IssuerKind
from sealring.auth.revoked import RevokedTokens
from sealring.auth.token_reviews import TokenReviews
from sealring.auth.tokens import BearerToken, Claims, TokenVerifier, bearer_token, plain_text
from sealring.auth.url_keys import WAIT_S
from sealring.domain.ids import EnvironmentId, OrgId, org_id
from sealring.domain.keyrings import Keyring
from sealring.domain.principal import Permission, Principal
from sealring.errors import InvalidBody, IssuerUnavailable, Unauthenticated
from sealring.fibers import Lane, Turns, aside, current

MAX_NAME_CHARACTERS = 200
CACHE_S = 60  # the longest time for which a key that its issuer has removed still counts
MAX_CACHED = 4_096


def operator(environment: EnvironmentId) -> Principal:
    """Return the principal of the command line: it has all permissions, since its user has the server's keys."""
    subject = f"uid {os.getuid()}"
    return Principal("urn:sealring:operator", subject, subject, environment, frozenset(), frozenset(Permission))


def principal_of(claims: Claims) -> Principal:
    """Make the principal of a verified token.

    Of a cluster's token only the subject counts. Of another one, permissions that are unknown or above the issuer's
    ceiling are ignored. Raises Unauthenticated if a claim of organizations, permissions or keyrings is malformed.
    """
    if claims.profile.kind is IssuerKind.KUBERNETES:
        granted = granted_to(claims.subject, claims.profile.rules)
        return _principal(claims, None, granted.organizations, granted.permissions)
    name = plain_text(claims.members.get("name"), MAX_NAME_CHARACTERS)
    made = _principal(claims, name, _organizations(claims), _permissions(claims))
    return replace(made, keyrings=_keyrings(claims)) if claims.profile.keyrings_claim in claims.members else made


def _principal(
    claims: Claims, name: str | None, organizations: frozenset[OrgId], permissions: frozenset[Permission]
) -> Principal:
    return Principal(
        issuer=claims.profile.issuer,
        subject=claims.subject,
        name=claims.subject if name is None else name,
        environment=claims.profile.environment_id,
        organizations=organizations,
        permissions=permissions,
        token_id=claims.token_id,
        issued_at=claims.issued_at,
    )


class Authenticator:
    """Turns the Authorization header of a request into a principal. Called from many threads.

    A verified token is cached for 60 seconds, but never beyond its `exp`: by its SHA-256, at most 4,096 tokens, the
    oldest dropped first. Failures are not cached. Revocation is checked each time, and then what the token's cluster
    says of it, if the settings ask for that.
    """

    __slots__ = ("_adding", "_cached", "_clock", "_observe", "_reviews", "_revoked", "_verifier", "_waiting")

    def __init__(
        self,
        verifier: TokenVerifier,
        revoked: RevokedTokens,
        clock: Callable[[], float] = time.time,
        reviews: Mapping[str, TokenReviews] = MappingProxyType({}),
        observe: Callable[[bool], None] = lambda _cached: None,
    ) -> None:
        """`clock` gives seconds since 1970; `reviews` are those of each issuer that has them.

        `observe` is called for each token, with whether it was cached.
        """
        self._observe = observe
        self._verifier = verifier
        self._revoked = revoked
        self._reviews = reviews
        self._clock = clock
        self._adding = threading.Lock()
        self._waiting: dict[str, Turns] = {}  # by issuer; only for the loop's thread
        self._cached: dict[bytes, tuple[float, float, Principal]] = {}  # from, until, principal

    def authenticate(self, values: Sequence[str]) -> Principal:
        """Return the principal of a request with these Authorization values.

        Raises as `bearer_token`, `verify`, `principal_of`, `RevokedTokens.refuse` and `TokenReviews.require` do.
        """
        token = bearer_token(values)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        principal = self._verified(token, digest)
        self.refuse_revoked(principal)
        reviews = self._reviews.get(principal.issuer)
        if reviews is not None:
            reviews.require(token, digest, principal)
        return principal

    def refuse_revoked(self, principal: Principal) -> None:
        """Raises as `RevokedTokens.refuse` does."""
        self._revoked.refuse(principal)

    def _verified(self, token: BearerToken, digest: bytes) -> Principal:
        cached = self._cached.get(digest)
        if cached is not None and cached[0] <= self._clock() < cached[1]:  # cached[0]: the clock may have been set back
            self._observe(True)
            return cached[2]
        self._observe(False)
        now = self._clock()
        claims = self._claims(token)
        principal = principal_of(claims)
        self._add(digest, (now, min(claims.expires_at, now + CACHE_S), principal))
        return principal

    def _claims(self, token: BearerToken) -> Claims:
        """On an event loop, who waits for the keys of an issuer takes one thread, however many they are."""
        issuer = None if current() is None else self._verifier.awaits(token)
        if issuer is None:
            return aside(lambda: self._verifier.verify(token), Lane.TOKENS)
        try:
            with self._waiting.setdefault(issuer, Turns(1)).taken(WAIT_S):
                return aside(lambda: self._verifier.verify(token), Lane.KEY_SETS)
        except TimeoutError:
            raise IssuerUnavailable from None

    def _add(self, digest: bytes, entry: tuple[float, float, Principal]) -> None:
        with self._adding:
            self._cached.pop(digest, None)
            if len(self._cached) >= MAX_CACHED:
                del self._cached[next(iter(self._cached))]
            self._cached[digest] = entry


def _organizations(claims: Claims) -> frozenset[OrgId]:
    members, profile = claims.members, claims.profile
    one = [members[profile.organization_claim]] if profile.organization_claim in members else []
    several = members.get(profile.organizations_claim, [])
    if not isinstance(several, list):
        raise Unauthenticated("organization claim")
    return frozenset(_organization(named) for named in [*one, *several])


def _organization(named: object) -> OrgId:
    org = org_id(named) if isinstance(named, str) else None
    if org is None:
        raise Unauthenticated("organization claim")
    return org


def _keyrings(claims: Claims) -> frozenset[str]:
    named = claims.members[claims.profile.keyrings_claim]
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise Unauthenticated("keyrings claim")
    try:
        return frozenset(Keyring(each).name for each in named)
    except InvalidBody:
        raise Unauthenticated("keyrings claim") from None


def _permissions(claims: Claims) -> frozenset[Permission]:
    named = _words(claims, "scope") | _words(claims, claims.profile.permissions_claim)
    return frozenset(permission for permission in claims.profile.permissions if permission.value in named)


def _words(claims: Claims, name: str) -> frozenset[str]:
    """Return the words of a claim that is a list of texts or one text with spaces (RFC 8693 4.2)."""
    value = claims.members.get(name, [])
    words = value.split(" ") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Unauthenticated("permissions claim")
    return frozenset(words)
