"""Issuer profiles: the accepted issuers, each with rules for its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from sealring.auth.addresses import file_for, url_of
from sealring.auth.api_server import ApiServer
from sealring.auth.cluster_rules import SubjectRule
from sealring.auth.jwks import ALGORITHMS, KeySet, KeySetRefused
from sealring.domain.ids import EnvironmentId, environment_id
from sealring.domain.principal import Permission
from sealring.table import Table

MAX_LEEWAY_S = 30
_MAX_LIFETIME_S = 100 * 366 * 86_400
NO_AUDIENCE = "none"  # the setting for an issuer whose tokens have no audience


class IssuerKind(StrEnum):
    """What decides for which organizations a token is, and what it may do."""

    CLAIMS = "claims"  # its claims
    KUBERNETES = "kubernetes"  # its subject, by the rules of the profile: the issuer is the API server of a cluster


_TYPES = {IssuerKind.CLAIMS: ["JWT", "at+jwt"], IssuerKind.KUBERNETES: ["", "JWT"]}
_LIFETIME_S = {IssuerKind.CLAIMS: 86_400, IssuerKind.KUBERNETES: 3_600}  # kubelet asks for an hour by default
_OF_CLAIMS = ("organization_claim", "organizations_claim", "permissions_claim", "keyrings_claim")
_OF_KUBERNETES = ("rules", "token_review")


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
    token_file: Path | None  # the token to send to `jwks_url`
    jwks_file: Path | None
    jwks: KeySet | None
    algorithms: frozenset[str]
    audience: str | None  # None: the settings say "none", and a token must have no aud
    types: frozenset[str]  # allowed `typ`, each in the form of `media_type`; "": tokens without one
    environment_id: EnvironmentId
    organization_claim: str
    organizations_claim: str
    permissions_claim: str
    keyrings_claim: str
    permissions: frozenset[Permission]  # the ceiling
    max_lifetime_s: int
    leeway_s: int
    kind: IssuerKind
    rules: tuple[SubjectRule, ...]  # only of a cluster, and there at least one
    token_review: ApiServer | None  # only of a cluster

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
            keyrings_claim = "keyrings"                     # names of keyrings, beside those of the organizations
            max_lifetime_s = 86400
            leeway_s = 10                                   # at most 30

        A cluster has kind = "kubernetes", [[issuers.rules]] as `SubjectRule.parse` has them instead of the claims, and
        may have [issuers.token_review] as `ApiServer.parse` has it. Then max_lifetime_s is 3600 by default, and types
        ["", "JWT"].

        Raises SettingsInvalid for an unknown name, a wrong type, or a value that breaks a rule.
        """
        fields = Table(f"issuer {table.get('issuer')!r}:", table)
        fields.only(*cls.__dataclass_fields__)
        if len({"jwks_url", "jwks_file", "jwks"} & table.keys()) != 1:
            fields.refuse("jwks_url, jwks_file or jwks", "must be there, and only one of them")
        kind = _kind(fields)
        permissions = frozenset(map(Permission, fields.choices("permissions", frozenset(Permission))))
        return cls(
            issuer=fields.printable("issuer"),
            jwks_url=url_of(fields, "jwks_url") if "jwks_url" in table else None,
            ca_file=file_for(fields, "ca_file", "jwks_url", base),
            token_file=file_for(fields, "token_file", "jwks_url", base),
            jwks_file=base / fields.printable("jwks_file") if "jwks_file" in table else None,
            jwks=_inline(fields),
            algorithms=fields.choices("algorithms", ALGORITHMS),
            audience=_audience(fields, kind),
            types=_types(fields, kind),
            environment_id=_environment(fields),
            organization_claim=fields.printable("organization_claim", "org_id"),
            organizations_claim=fields.printable("organizations_claim", "organization_ids"),
            permissions_claim=fields.printable("permissions_claim", "permissions"),
            keyrings_claim=fields.printable("keyrings_claim", "keyrings"),
            permissions=permissions,
            max_lifetime_s=fields.number("max_lifetime_s", _LIFETIME_S[kind], most=_MAX_LIFETIME_S),
            leeway_s=fields.number("leeway_s", 10, least=0, most=MAX_LEEWAY_S),
            kind=kind,
            rules=_rules(fields, permissions) if kind is IssuerKind.KUBERNETES else (),
            token_review=ApiServer.parse(fields.table("token_review"), base) if "token_review" in table else None,
        )


def _kind(fields: Table) -> IssuerKind:
    """Return the kind. Raises SettingsInvalid for settings of the other one: they would do nothing."""
    kind = fields.members.get("kind", IssuerKind.CLAIMS.value)
    if kind not in [each.value for each in IssuerKind]:
        fields.refuse("kind", "must be 'claims' or 'kubernetes'")
    foreign = _OF_KUBERNETES if kind == IssuerKind.CLAIMS else _OF_CLAIMS
    for member in foreign:
        if member in fields.members:
            fields.refuse(member, f"is not a setting of kind '{kind}'")
    return IssuerKind(str(kind))


def _rules(fields: Table, ceiling: frozenset[Permission]) -> tuple[SubjectRule, ...]:
    rules = fields.tables("rules")
    return tuple(
        SubjectRule.parse(Table(f"{fields.name} rules[{number}]:", rule), ceiling)
        for number, rule in enumerate(rules, start=1)
    )


def _types(fields: Table, kind: IssuerKind) -> frozenset[str]:
    types = fields.texts("types", _TYPES[kind])
    if not types:
        fields.refuse("types", "must not be empty")
    return frozenset(map(media_type, types))


def _inline(fields: Table) -> KeySet | None:
    if "jwks" not in fields.members:
        return None
    jwks = fields.members["jwks"]
    try:
        return KeySet.of(jwks["keys"] if isinstance(jwks, Mapping) and "keys" in jwks else jwks)
    except KeySetRefused as error:
        fields.refuse("jwks", f"is refused: {error}")


def _audience(fields: Table, kind: IssuerKind) -> str | None:
    audience = fields.printable("audience")
    if kind is IssuerKind.KUBERNETES and audience in {NO_AUDIENCE, fields.members.get("issuer")}:
        fields.refuse("audience", "must be one of our own: every pod has a token for that of the API server")
    return None if audience == NO_AUDIENCE else audience


def _environment(fields: Table) -> EnvironmentId:
    environment = environment_id(fields.printable("environment_id"))
    if environment is None:
        fields.refuse("environment_id", "must be environment_ followed by a ULID")
    return environment


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """The signing key of `sealring token`, and the issuer whose profile accepts its tokens."""

    signing_key_file: Path
    issuer: str

    @classmethod
    def parse(cls, root: Table, base: Path) -> Self | None:
        """Check the table of the settings, if it is there. Raises SettingsInvalid."""
        if "token" not in root.members:
            return None
        table = root.table("token")
        table.only("signing_key_file", "issuer")
        return cls(base / table.text("signing_key_file"), table.text("issuer"))
