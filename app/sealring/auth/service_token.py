"""The service token: one static bearer, for callers of vault.v1 that know only one token."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from sealring.auth.scoping import Authenticator
from sealring.auth.tokens import bearer_token
from sealring.domain.ids import EnvironmentId
from sealring.domain.keyrings import Keyring
from sealring.domain.principal import Permission, Principal
from sealring.errors import InvalidBody, SettingsInvalid
from sealring.table import Table
from sealring_plugin import ConfigInvalid, read_private

WARNING = (
    "a service token is set: whoever has it may use all keyrings of [connect] service_token_keyrings, and it never "
    "expires; give its callers tokens of their own when they can use them"
)
MIN_CHARACTERS = 32  # of a random text, such as 16 random bytes in hexadecimal
MAX_KEYRINGS = 10_000

_TOKEN = re.compile(rf"[!-+\--~]{{{MIN_CHARACTERS},4096}}")  # visible ASCII without a comma, which joins headers
_ISSUER = "urn:sealring:service-token"


class Authenticates(Protocol):
    def authenticate(self, values: Sequence[str]) -> Principal:
        """Return the principal of a request with these Authorization values. Raises AccessError; MalformedRequest."""


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """The digest of the token, and who has it: a caller for some keyrings of one environment, and for nothing else."""

    digest: bytes = field(repr=False)
    principal: Principal

    @classmethod
    def parse(cls, table: Table, base: Path, environments: Sequence[EnvironmentId]) -> Self | None:
        """Check the table of the settings; return None if it names no file.

            service_token_file = "service-token"             # at least 32 visible characters; readable by us alone
            service_token_keyrings = ["ws_1", "org_acme/x"]  # exact names, and only these
            service_token_environment = "environment_01..."  # only if the issuers have several

        Raises SettingsInvalid.
        """
        table.only("service_token_file", "service_token_keyrings", "service_token_environment")
        if not table.members:
            return None
        token, keyrings = _token(table, base), _keyrings(table)
        environment = _environment(table, environments)
        use = frozenset({Permission.KEYRINGS_USE})
        name = "service token"
        principal = Principal(_ISSUER, name, name, environment, frozenset(), use, keyrings=keyrings)
        return cls(_digest(token), principal)


class WithServiceToken:
    """Knows the service token beside the tokens of issuers. Called from many threads."""

    def __init__(self, service_token: ServiceToken, others: Authenticator) -> None:
        self._service_token = service_token
        self._others = others

    def authenticate(self, values: Sequence[str]) -> Principal:
        if hmac.compare_digest(_digest(bearer_token(values)), self._service_token.digest):
            self._others.refuse_revoked(self._service_token.principal)
            return self._service_token.principal
        return self._others.authenticate(values)


def _digest(token: str) -> bytes:
    """Digests have one length, so that comparing them does not tell that of the token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _token(table: Table, base: Path) -> str:
    try:
        text = read_private(base / table.text("service_token_file"), "service_token_file").decode("ascii").strip()
    except ConfigInvalid as error:
        raise SettingsInvalid(f"{table.name} {error}") from error
    except UnicodeDecodeError:
        text = ""
    if not _TOKEN.fullmatch(text):
        table.refuse(
            "service_token_file",
            f"must hold at least {MIN_CHARACTERS} visible ASCII characters without a comma; "
            "make one with: openssl rand -hex 32",
        )
    return text


def _keyrings(table: Table) -> frozenset[str]:
    names = table.texts("service_token_keyrings")
    if not 1 <= len(names) <= MAX_KEYRINGS:
        table.refuse("service_token_keyrings", f"must name 1 to {MAX_KEYRINGS} keyrings")
    try:
        return frozenset(Keyring(name).name for name in names)
    except InvalidBody as error:
        raise SettingsInvalid(f"{table.name} service_token_keyrings: {error}") from error


def _environment(table: Table, environments: Sequence[EnvironmentId]) -> EnvironmentId:
    if "service_token_environment" not in table.members and len(environments) == 1:
        return environments[0]
    named = table.text("service_token_environment")
    if named not in environments:
        table.refuse("service_token_environment", f"must be one of the issuers': {', '.join(environments)}")
    return EnvironmentId(named)
