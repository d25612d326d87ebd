"""Issuer profiles: whose tokens are taken, and what of them is believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self
from urllib.parse import urlsplit

from sealring.auth.jwks import ALGORITHMS, KeySet, KeySetRefused
from sealring.domain.ids import EnvironmentId, environment_id
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid

MAX_LEEWAY_S = 30
NO_AUDIENCE = "none"  # what a settings table must say where tokens carry no audience

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_VISIBLE_ASCII = re.compile(r"[!-~]+")


def media_type(typ: str) -> str:
    """Return the one spelling of a `typ`: case does not count, and "application/" may be left out (RFC 7515 4.1.9)."""
    lower = typ.lower()
    short = lower.removeprefix("application/")
    return short if short and "/" not in short else lower


@dataclass(frozen=True, slots=True)
class IssuerProfile:
    """The rules for the tokens of one issuer. Made by `parse`; after that nobody checks again.

    Exactly one of `jwks_url`, `jwks_file` and `jwks` is set.
    """

    issuer: str  # compared exactly
    jwks_url: str | None
    ca_file: Path | None  # whom to trust as well, for `jwks_url`
    jwks_file: Path | None
    jwks: KeySet | None
    algorithms: frozenset[str]
    audience: str | None  # None: the settings say "none", and a token must have no aud
    types: frozenset[str]  # allowed `typ`, each as `media_type` gives it; "" stands for a token that has none
    environment_id: EnvironmentId
    organization_claim: str
    organizations_claim: str
    permissions_claim: str
    permissions: frozenset[Permission]  # the ceiling
    max_lifetime_s: int
    leeway_s: int

    @classmethod
    def parse(cls, table: Mapping[str, object], *, base: Path) -> Self:
        """Check a table of the settings; `base` is the folder that files are relative to. Reads no file.

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

        Raises SettingsInvalid: an unknown name, a wrong type, or a value that breaks a rule.
        """
        fields = _Fields(table)
        fields.check_names(frozenset(cls.__dataclass_fields__))
        return cls(
            issuer=fields.text("issuer"),
            jwks_url=_url(fields),
            ca_file=_ca_file(fields, base),
            jwks_file=base / fields.text("jwks_file") if "jwks_file" in table else None,
            jwks=_inline(fields),
            algorithms=fields.choices("algorithms", ALGORITHMS),
            audience=_audience(fields),
            types=frozenset(map(media_type, fields.texts("types", ["JWT", "at+jwt"]))),
            environment_id=_environment(fields),
            organization_claim=fields.text("organization_claim", "org_id"),
            organizations_claim=fields.text("organizations_claim", "organization_ids"),
            permissions_claim=fields.text("permissions_claim", "permissions"),
            permissions=frozenset(map(Permission, fields.choices("permissions", frozenset(Permission)))),
            max_lifetime_s=fields.number("max_lifetime_s", 86_400, least=1),
            leeway_s=fields.number("leeway_s", 10, least=0, most=MAX_LEEWAY_S),
        )


@dataclass(frozen=True, slots=True)
class _Fields:
    """The named values of one table."""

    table: Mapping[str, object]

    def refuse(self, name: str, wrong: str) -> NoReturn:
        raise SettingsInvalid(f"issuer {self.table.get('issuer')!r}: {name} {wrong}.")

    def text(self, name: str, default: str | None = None) -> str:
        text = self.table.get(name, default)
        if not isinstance(text, str) or not text or not text.isprintable():
            self.refuse(name, "must be a text of printable characters")
        return text

    def texts(self, name: str, default: list[str] | None = None) -> list[str]:
        texts = self.table.get(name, default)
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            self.refuse(name, "must be a list of texts, and not empty")
        return texts

    def choices(self, name: str, allowed: frozenset[str]) -> frozenset[str]:
        chosen = frozenset(self.texts(name))
        if not chosen <= allowed:
            self.refuse(name, f"must be of {', '.join(sorted(allowed))}")
        return chosen

    def number(self, name: str, default: int, *, least: int, most: int | None = None) -> int:
        number = self.table.get(name, default)
        bounds = f"of at least {least}" if most is None else f"of {least} to {most}"
        if type(number) is not int or number < least or (most is not None and number > most):
            self.refuse(name, f"must be a whole number {bounds}")
        return number

    def check_names(self, known: frozenset[str]) -> None:
        """Raises SettingsInvalid for an unknown name, and unless there is one source of keys."""
        for name in sorted(self.table.keys() - known):
            self.refuse(name, "is not a setting of an issuer")
        if len({"jwks_url", "jwks_file", "jwks"} & self.table.keys()) != 1:
            self.refuse("jwks_url, jwks_file or jwks", "must be there, and one of them only")


def _url(fields: _Fields) -> str | None:
    if "jwks_url" not in fields.table:
        return None
    url = fields.text("jwks_url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        fields.refuse("jwks_url", "is not a URL")
    if not host or "@" in parts.netloc or "#" in url or not _VISIBLE_ASCII.fullmatch(url):
        fields.refuse("jwks_url", "must have a host, no user, no fragment and no blanks")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        fields.refuse("jwks_url", "must begin with https:// (http:// for a loopback host only)")
    return url


def _ca_file(fields: _Fields, base: Path) -> Path | None:
    if "ca_file" not in fields.table:
        return None
    if not str(fields.table.get("jwks_url", "")).startswith("https://"):
        fields.refuse("ca_file", "is for a jwks_url that begins with https://")
    return base / fields.text("ca_file")


def _inline(fields: _Fields) -> KeySet | None:
    if "jwks" not in fields.table:
        return None
    jwks = fields.table["jwks"]
    try:
        return KeySet.of(jwks["keys"] if isinstance(jwks, Mapping) and "keys" in jwks else jwks)
    except KeySetRefused as error:
        fields.refuse("jwks", f"is refused: {error}")


def _audience(fields: _Fields) -> str | None:
    audience = fields.text("audience")
    return None if audience == NO_AUDIENCE else audience


def _environment(fields: _Fields) -> EnvironmentId:
    environment = environment_id(fields.text("environment_id"))
    if environment is None:
        fields.refuse("environment_id", "must be environment_ and a ULID")
    return environment
