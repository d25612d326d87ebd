"""Minting tokens of the local issuer."""

from __future__ import annotations

import time
from collections.abc import Collection

from sealring.auth.signing import mint
from sealring.client.expiry import in_words
from sealring.domain.ids import OrgId
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid
from sealring.operator.issuers import require_match
from sealring.settings import Settings


def mint_token(  # noqa: PLR0913  the claims of a token, all by name
    settings: Settings,
    *,
    subject: str,
    name: str,
    organizations: Collection[OrgId],
    permissions: Collection[Permission],
    lifetime_s: int,
) -> str:
    """Return a signed token. Permissions that the issuer's profile does not have are left out.

    Raises SettingsInvalid if the settings have no local issuer, or if its profile would refuse the token or its key.
    """
    local = settings.local_issuer
    if local is None:
        raise SettingsInvalid("[token] is missing: no token can be made without a signing key")
    profile = settings.profile_of(local.issuer)
    require_match(settings, local)
    if lifetime_s > profile.max_lifetime_s:
        longest = f"{in_words(profile.max_lifetime_s)} (max_lifetime_s = {profile.max_lifetime_s})"
        raise SettingsInvalid(f"a token of {local.issuer} is valid for at most {longest}")
    return mint(
        local.signing_key_file,
        issuer=local.issuer,
        audience=profile.audience,
        subject=subject,
        name=name,
        organizations=organizations,
        permissions=[permission for permission in permissions if permission in profile.permissions],
        lifetime_s=lifetime_s,
        now=int(time.time()),
    )
