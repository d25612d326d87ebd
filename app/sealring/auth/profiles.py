"""Issuer profiles: the accepted issuers, each with rules for its tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from sealring.auth.jwks import ALGORITHMS, KeySet, KeySetRefused
from sealring.domain.ids import EnvironmentId, environment_id
from sealring.domain.principal import Permission
from sealring.table import Table

MAX_LEEWAY_S = 30
_MAX_LIFETIME_S = 100 * 366 * 86_400
NO_AUDIENCE = "none"  # the setting for an issuer whose tokens have no audience

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_VISIBLE_ASCII = re.compile(r"[!-~]+")


def media_type(typ: str) -> str:
    """Return the normal form of a `typ`: case is ignored, and "application/" is optional (RFC 7515 4.1.9)."""
    lower = typ.lower()
    short = lower.removeprefix("application/")
    return short if short and "/" not in short else lower


@dataclass(frozen=True, slots=True)
class IssuerProfile:
    """The rules for the tokens of one issuer. `parse` checks them; nothing checks them again.

    Exactly one of `jwks_url`, `jwks_file` and `jwks` is set.
    """

    issuer: str  # compared exactly
    jwks_url: str | None
    ca_file: Path | None  # more certificates to trust for `jwks_url`
    jwks_file: Path | None
    jwks: KeySet | None
    algorithms: frozenset[str]
    audience: str | None  # None: the settings say "none", and a token must have no aud
    types: frozenset[str]  # allowed `typ`, each in the form of `media_type`; "": tokens without one
    environment_id: EnvironmentId
    organization_claim: str
    organizations_claim: str
    permissions_claim: str
    permissions: frozenset[Permission]  # the ceiling
    max_lifetime_s: int
    leeway_s: int

    @classmethod
    def parse(cls, table: Mapping[str, object], *, base: Path) -> Self:
        """Check a table of the settings; paths are relative to the folder `base`. Reads no file.

            issuer = "https://auth.example.com"
            jwks_url = "https://auth.example.com/jwks"      # or jwks_file = "issuer.jwks", or jwks = [{...}]
            ca_file = "ca.pem"                              # certificates (PEM) to trust beside the system's
            algorithms = ["RS256"]                          # of RS256, PS256, ES256, EdDSA
            audience = "sealring"                           # or "none": tokens must then carry no aud
            types = ["JWT", "at+jwt"]                       # this is the default; add "" for tokens without typ
            environment_id = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"
            permissions = ["vault:objects:read"]            # no token of the issuer can have more
            organization_claim = "org_id"                   # the rest are defaults
            organizations_claim = "organization_ids"
            permissions_claim = "permissions"               # `scope` is always read as well
            max_lifetime_s = 86400
            leeway_s = 10                                   # at most 30

        Raises SettingsInvalid for an unknown name, a wrong type, or a value that breaks a rule.
        """
        fields = Table(f"issuer {table.get('issuer')!r}:", table)
        fields.only(*cls.__dataclass_fields__)
        if len({"jwks_url", "jwks_file", "jwks"} & table.keys()) != 1:
            fields.refuse("jwks_url, jwks_file or jwks", "must be there, and only one of them")
        return cls(
            issuer=fields.printable("issuer"),
            jwks_url=_url(fields),
            ca_file=_ca_file(fields, base),
            jwks_file=base / fields.printable("jwks_file") if "jwks_file" in table else None,
            jwks=_inline(fields),
            algorithms=fields.choices("algorithms", ALGORITHMS),
            audience=_audience(fields),
            types=_types(fields),
            environment_id=_environment(fields),
            organization_claim=fields.printable("organization_claim", "org_id"),
            organizations_claim=fields.printable("organizations_claim", "organization_ids"),
            permissions_claim=fields.printable("permissions_claim", "permissions"),
            permissions=frozenset(map(Permission, fields.choices("permissions", frozenset(Permission)))),
            max_lifetime_s=fields.number("max_lifetime_s", 86_400, most=_MAX_LIFETIME_S),
            leeway_s=fields.number("leeway_s", 10, least=0, most=MAX_LEEWAY_S),
        )


def _url(fields: Table) -> str | None:
    if "jwks_url" not in fields.members:
        return None
    url = fields.printable("jwks_url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        fields.refuse("jwks_url", "is not a URL")
    if not host or "@" in parts.netloc or "#" in url or not _VISIBLE_ASCII.fullmatch(url):
        fields.refuse("jwks_url", "must have a host, and no user, fragment or blanks")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        fields.refuse("jwks_url", "must begin with https:// (http:// only for a loopback host)")
    return url


def _types(fields: Table) -> frozenset[str]:
    types = fields.texts("types", ["JWT", "at+jwt"])
    if not types:
        fields.refuse("types", "must not be empty")
    return frozenset(map(media_type, types))


def _ca_file(fields: Table, base: Path) -> Path | None:
    if "ca_file" not in fields.members:
        return None
    if not str(fields.members.get("jwks_url", "")).startswith("https://"):
        fields.refuse("ca_file", "needs a jwks_url that begins with https://")
    return base / fields.printable("ca_file")


def _inline(fields: Table) -> KeySet | None:
    if "jwks" not in fields.members:
        return None
    jwks = fields.members["jwks"]
    try:
        return KeySet.of(jwks["keys"] if isinstance(jwks, Mapping) and "keys" in jwks else jwks)
    except KeySetRefused as error:
        fields.refuse("jwks", f"is refused: {error}")


def _audience(fields: Table) -> str | None:
    audience = fields.printable("audience")
    return None if audience == NO_AUDIENCE else audience


def _environment(fields: Table) -> EnvironmentId:
    environment = environment_id(fields.printable("environment_id"))
    if environment is None:
        fields.refuse("environment_id", "must be environment_ followed by a ULID")
    return environment
