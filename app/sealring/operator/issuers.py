"""Checks of the issuers in the settings: whether their keys can be read, and match the local signing key."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sealring.auth.api_server import ApiServer, Reviewer
from sealring.auth.exchange import check_files, reason_of
from sealring.auth.jwks import KeySet, KeySetRefused
from sealring.auth.jwks_fetch import fetch_key_set
from sealring.auth.key_sources import read_key_set
from sealring.auth.profiles import IssuerProfile, LocalIssuer
from sealring.auth.signing import ALGORITHM, verification_key
from sealring.errors import SettingsInvalid
from sealring.settings import Settings


def check_issuers(settings: Settings) -> Iterator[str]:
    """Get the keys of each issuer, and yield a line for each. A URL has 5 seconds. Raises SettingsInvalid."""
    for profile in settings.issuers:
        keys = keys_of(profile)
        yield f"issuer    ok: {profile.issuer} ({_said(keys)})"
        if profile.token_review is not None:
            _check_reviews(profile.issuer, profile.token_review)
            yield f"reviews   ok: {profile.token_review.host}"
    if settings.local_issuer is not None:
        require_match(settings, settings.local_issuer)
        yield f"token     ok: {settings.local_issuer.signing_key_file}"


def require_match(settings: Settings, local: LocalIssuer) -> None:
    """Check that the issuer's profile accepts tokens of the local key, as far as that is known without a request.

    Raises SettingsInvalid if it does not.
    """
    signing = verification_key(local.signing_key_file)
    profile = settings.profile_of(local.issuer)
    if ALGORITHM not in profile.algorithms:
        raise SettingsInvalid(
            f"issuer '{local.issuer}': algorithms lack {ALGORITHM}, which `sealring token` signs with"
        )
    if profile.jwks_url is not None:
        return
    found = _known(profile).key(signing.kid, ALGORITHM)
    if found is None or found.public != signing.public:
        place = "" if profile.jwks_file is None else f" in {profile.jwks_file}"
        raise SettingsInvalid(
            f"[token] signing_key_file {local.signing_key_file} does not match the keys of '{local.issuer}'{place}: "
            "the server would refuse its tokens. Restore the file that belongs to another installation, or make a new "
            "key: `sealring token-key rotate`"
        )


def _check_reviews(issuer: str, server: ApiServer) -> None:
    """Let the API server review what is no token: it says so to who may ask. Raises SettingsInvalid."""
    check_files(server.ca_file, server.token_file)
    try:
        Reviewer(server, issuer).accepts("no-token", "")
    except OSError as error:
        raise SettingsInvalid(
            f"issuer '{issuer}': its API server on {server.host} reviews no tokens: {reason_of(error)}; status 401 or "
            "403: the service account of its token_file needs the cluster role system:auth-delegator"
        ) from error


def keys_of(profile: IssuerProfile) -> KeySet:
    """Get the keys of an issuer now. A URL has 5 seconds. Raises SettingsInvalid."""
    return _known(profile) if profile.jwks_url is None else _fetched(profile, profile.jwks_url)


def _known(profile: IssuerProfile) -> KeySet:
    if profile.jwks_file is not None:
        return read_key_set(profile.jwks_file)
    assert profile.jwks is not None, "IssuerProfile.parse requires one of the three"
    return profile.jwks


def _fetched(profile: IssuerProfile, url: str) -> KeySet:
    check_files(profile.ca_file, profile.token_file)
    try:
        return KeySet.parse(fetch_key_set(url, profile.ca_file, profile.token_file))
    except (OSError, KeySetRefused) as error:
        where = f"issuer '{profile.issuer}': its jwks_url on {urlsplit(url).netloc} gives no keys"
        raise SettingsInvalid(f"{where}: {reason_of(error)}") from error


def _said(keys: KeySet) -> str:
    count = f"{len(keys.keys)} key{'s' if len(keys.keys) > 1 else ''}"
    left_out = ", ".join(f"{number} {why}" for why, number in keys.unusable.items())
    return f"{count}; left out: {left_out}" if left_out else count
