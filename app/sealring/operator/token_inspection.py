"""Inspection of a token: its claims, and whether the server would accept it now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sealring.auth.key_sources import StaticKeys
from sealring.auth.profiles import IssuerProfile
from sealring.auth.scoping import principal_of
from sealring.auth.tokens import BearerToken, TokenVerifier, unverified
from sealring.client import expiry
from sealring.domain.principal import Principal
from sealring.domain.revocation import Revoked
from sealring.errors import SealringError, SettingsInvalid, Unauthenticated
from sealring.operator.issuers import keys_of
from sealring.providers.failures import for_the_operator
from sealring.server import wiring
from sealring.settings import Settings


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that is shown of a token: never the token itself or its signature."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    profile: IssuerProfile | None  # None: the settings have no profile of its issuer
    refused: str  # why the server refuses it now; empty if it does not
    revoked: str  # "yes", "no", or why that is not known; empty if the token does not verify
    principal: Principal | None  # None: the token does not verify


def inspect(settings: Settings, token: BearerToken) -> Inspection:
    """Verify a token, and look up in the store whether it is revoked. Raises Unauthenticated if it is not a token."""
    header, claims = unverified(token)
    profile = next((each for each in settings.issuers if each.issuer == claims.get("iss")), None)
    if profile is None:
        return Inspection(header, claims, None, "the settings have no profile of its issuer", "", None)
    try:
        verifier = TokenVerifier([profile], {profile.issuer: StaticKeys(keys_of(profile))})
        principal = principal_of(verifier.verify(token))
    except Unauthenticated as error:
        return Inspection(header, claims, profile, error.reason, "", None)
    except SettingsInvalid as error:
        return Inspection(header, claims, profile, f"the keys of its issuer are not available: {error}", "", None)
    revoked = _revoked(settings, principal)
    return Inspection(header, claims, profile, "revoked" if revoked == "yes" else "", revoked, principal)


def in_words(seconds: object, now: float) -> str:
    """Return a time as text, e.g. "2026-01-31T12:00:00Z, in 3 days"; "no time" for anything that is not a time."""
    if type(seconds) is not int and type(seconds) is not float:
        return "no time"
    try:
        at = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # outside of the years 1 to 9999, or NaN
        return "no time"
    length = expiry.in_words(abs(seconds - now))
    return f"{at}, in {length}" if seconds > now else f"{at}, {length} ago"


def lines(found: Inspection, now: float | None = None) -> Sequence[str]:
    """Return the lines to print, without header and claims."""
    now = time.time() if now is None else now
    issuer = "in the settings" if found.profile is not None else "not in the settings"
    told = [
        f"issuer    {issuer}",
        f"verifies  {f'no: {found.refused}' if found.refused and found.revoked != 'yes' else 'yes'}",
        *([f"revoked   {found.revoked}"] if found.revoked else []),
        *times(found.claims, now),
    ]
    if found.principal is not None:
        everywhere = "vault:all_organizations" in found.principal.permissions
        organizations = "all" if everywhere else ", ".join(sorted(found.principal.organizations)) or "none"
        permissions = ", ".join(sorted(each.value for each in found.principal.permissions)) or "none"
        told += [
            f"acts in   {found.principal.environment}",
            f"for       {organizations}",
            f"may       {permissions}",
        ]
    return told


def times(claims: Mapping[str, object], now: float) -> Sequence[str]:
    """Return the lines to print of a token's times, whether or not it verifies."""
    return [f"issued    {in_words(claims.get('iat'), now)}", f"expires   {in_words(claims.get('exp'), now)}"]


def _revoked(settings: Settings, principal: Principal) -> str:
    try:
        with wiring.opened_stores(settings) as (_, stores):
            listed = Revoked.by(stores.revocations.load(principal.environment))
    except SealringError as error:
        return f"not known: {for_the_operator(error)}"
    return "yes" if listed.covers(principal) else "no"
