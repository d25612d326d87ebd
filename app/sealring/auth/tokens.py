"""Bearer tokens: the only place where a string becomes claims.

The rules are those of RFC 8725 and those that PyJWT leaves to its caller; PyJWT checks only the signature.
"""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from sealring.auth.jwks import ALGORITHMS, VerificationKey
from sealring.auth.key_sources import KeySource
from sealring.auth.profiles import IssuerProfile, media_type
from sealring.domain.strict_json import parse_object
from sealring.errors import MalformedRequest, SettingsInvalid, Unauthenticated

BearerToken = NewType("BearerToken", str)  # made by bearer_token(); its content is not checked

MAX_HEADER_BYTES = 8_000  # gunicorn stops at 8,190
MAX_SUBJECT_CHARACTERS = 255  # OpenID Connect Core 2
MAX_SECONDS = 2**53  # RFC 8259 6: JSON numbers beyond it are not exact
MAX_TOKEN_ID_CHARACTERS = 255  # our own limit: nobody can revoke an id that cannot be typed

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+", re.ASCII)  # RFC 7515 7.1
_PLAIN = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")  # no controls, no lone surrogates

# Header members that choose keys or change what is signed (RFC 7515 4.1, RFC 7516 4.1.3, RFC 7797 3).
_REFUSED_MEMBERS = frozenset({"crit", "jku", "x5u", "jwk", "x5c", "b64", "zip"})

_SIGNATURES = PyJWS(sorted(ALGORITHMS), {"verify_signature": True, "enforce_minimum_key_length": True})


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token. Only TokenVerifier makes them; auth/scoping.py reads them."""

    profile: IssuerProfile  # of the issuer that signed
    subject: str
    expires_at: float  # seconds since 1970
    issued_at: int  # likewise, rounded down, for comparison with whole seconds
    token_id: str  # empty if it has none
    members: Mapping[str, object] = field(repr=False)  # as signed; the code that uses a member checks it


def bearer_token(values: Sequence[str]) -> BearerToken:
    """Take the token from all Authorization header values of a request.

    Raises MalformedRequest for two headers, a comma (with which servers join two) or more than 8,000 bytes;
    Unauthenticated for no header, another scheme than Bearer, or no token.
    """
    if not values:
        raise Unauthenticated("no token")
    value = values[0]
    if len(values) > 1 or "," in value:
        raise MalformedRequest("Send one Authorization header, with one token.")
    if len(value) > MAX_HEADER_BYTES:  # in WSGI a character is a byte
        raise MalformedRequest(f"The Authorization header is over {MAX_HEADER_BYTES} bytes. Use a smaller token.")
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("scheme")
    token = rest.lstrip(" ")  # RFC 9110 11.4: one space or more
    if not token:
        raise Unauthenticated("no token")
    return BearerToken(token)


def plain_text(value: object, limit: int) -> str | None:
    """Return `value` if it is a text of 1 to `limit` characters without controls and lone surrogates, else None."""
    return value if isinstance(value, str) and len(value) <= limit and _PLAIN.fullmatch(value) else None


def unverified(token: BearerToken) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and payload, not verified yet. Raises Unauthenticated if it is not a token.

    They are parsed from the signed bytes, so that the claims need not be parsed again after the signature is checked.
    """
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise Unauthenticated("form")
    return _member_object(parts[1], "header"), _member_object(parts[2], "payload")


class TokenVerifier:
    """Verifies tokens against the profiles of their issuers. Called from many threads."""

    __slots__ = ("_clock", "_issuers")

    def __init__(
        self,
        profiles: Iterable[IssuerProfile],
        sources: Mapping[str, KeySource],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`sources` holds the keys of each issuer; `clock` gives seconds since 1970.

        Raises SettingsInvalid for two profiles of one issuer.
        """
        self._clock = clock
        self._issuers: dict[str, tuple[IssuerProfile, KeySource]] = {}
        for profile in profiles:
            if profile.issuer in self._issuers:
                raise SettingsInvalid(f"issuer {profile.issuer!r}: there are two profiles of it; remove one.")
            self._issuers[profile.issuer] = (profile, sources[profile.issuer])

    def verify(self, token: BearerToken) -> Claims:
        """Run all checks of a token, in the order of RFC 8725.

        Raises Unauthenticated, with a short reason for the log, if the token is not valid now.
        """
        header, members = unverified(token)
        _refuse_members(header)
        profile, source = self._issuer(members.get("iss"))
        alg = _algorithm(header, profile)
        _check_type(header, profile)
        _check_signature(token, alg, _key(header, source, alg))
        issued_at, expires_at = _check_times(members, profile, self._clock())
        _check_audience(members, profile)
        if "cnf" in members:
            raise Unauthenticated("cnf")  # the token is bound to a key of its sender, which we cannot check
        subject = plain_text(members.get("sub"), MAX_SUBJECT_CHARACTERS)
        if subject is None:
            raise Unauthenticated("sub")
        return Claims(profile, subject, expires_at, issued_at, _token_id(members), members)

    def awaits(self, token: BearerToken) -> str | None:
        """Return the issuer whose keys may have to be fetched to verify a token; None: they are there, or of no use."""
        try:
            header, members = unverified(token)
            profile, source = self._issuer(members.get("iss"))
            alg, kid = _algorithm(header, profile), header.get("kid")
        except Unauthenticated:
            return None
        needed = (kid is None or isinstance(kid, str)) and not source.at_hand(kid, alg)
        return profile.issuer if needed else None

    def _issuer(self, issuer: object) -> tuple[IssuerProfile, KeySource]:
        """Return the profile of the still unverified issuer: an exact match, no prefix. Raises Unauthenticated."""
        found = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if found is None:
            raise Unauthenticated("iss")
        return found


def _member_object(part: str, reason: str) -> dict[str, object]:
    try:
        return parse_object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise Unauthenticated(reason) from None


def _refuse_members(header: Mapping[str, object]) -> None:
    if refused := _REFUSED_MEMBERS & header.keys():
        raise Unauthenticated(min(refused))


def _algorithm(header: Mapping[str, object], profile: IssuerProfile) -> str:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in profile.algorithms:
        raise Unauthenticated("alg")
    return alg


def _check_type(header: Mapping[str, object], profile: IssuerProfile) -> None:
    typ = header.get("typ", "")
    if not isinstance(typ, str) or media_type(typ) not in profile.types:
        raise Unauthenticated("typ")


def _key(header: Mapping[str, object], source: KeySource, alg: str) -> VerificationKey:
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise Unauthenticated("kid")
    key = source.key(kid, alg)
    if key is None:
        raise Unauthenticated("kid")
    return key


def _check_signature(token: BearerToken, alg: str, key: VerificationKey) -> None:
    try:
        _SIGNATURES.decode_complete(token, key.public, algorithms=[alg])
    except (PyJWTError, ValueError):
        raise Unauthenticated("signature") from None


def _check_times(members: Mapping[str, object], profile: IssuerProfile, now: float) -> tuple[int, float]:
    """Return `iat`, rounded down, and `exp`. The leeway applies to exp, iat and nbf, but not to the lifetime."""
    expires_at, issued_at = _seconds(members, "exp"), _seconds(members, "iat")
    if now >= expires_at + profile.leeway_s:
        raise Unauthenticated("expired")
    if issued_at > now + profile.leeway_s:
        raise Unauthenticated("iat")
    if "nbf" in members and _seconds(members, "nbf") > now + profile.leeway_s:
        raise Unauthenticated("nbf")
    if not 0 < expires_at - issued_at <= profile.max_lifetime_s:
        raise Unauthenticated("lifetime")
    return math.floor(issued_at), expires_at


def _seconds(members: Mapping[str, object], name: str) -> float:
    """Return a NumericDate (RFC 7519 2), with or without a fraction: some libraries write floats."""
    seconds = members.get(name)
    if type(seconds) is not int and type(seconds) is not float:  # isinstance takes a bool for an int
        raise Unauthenticated(name)
    if not -MAX_SECONDS <= seconds <= MAX_SECONDS:  # refuses infinity too
        raise Unauthenticated(name)
    return seconds


def _token_id(members: Mapping[str, object]) -> str:
    """Return the `jti` (RFC 7519 4.1.7), or "". It must be a text that an operator can name to revoke the token."""
    if "jti" not in members:
        return ""
    token_id = plain_text(members["jti"], MAX_TOKEN_ID_CHARACTERS)
    if token_id is None:
        raise Unauthenticated("jti")
    return token_id


def _check_audience(members: Mapping[str, object], profile: IssuerProfile) -> None:
    """RFC 7519 4.1.3: a token that names audiences is only for those, so it is refused if we have no name."""
    if profile.audience is None and "aud" not in members:
        return
    named = members.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if profile.audience not in audiences or not all(isinstance(audience, str) for audience in audiences):
        raise Unauthenticated("audience")
