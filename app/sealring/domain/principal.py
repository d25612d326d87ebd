"""The principal: who calls, from which environment, for which organizations, with which permissions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from sealring.domain.events import Origin, operation_of_item
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.keyrings import Keyring
from sealring.domain.values import value
from sealring.errors import Forbidden, WriteContention

REQUEST_S = 10.0  # how long a request may start again because its data keeps changing


class Permission(StrEnum):
    OBJECTS_READ = "vault:objects:read"
    OBJECTS_LIST = "vault:objects:list"
    OBJECTS_CREATE = "vault:objects:create"
    OBJECTS_UPDATE = "vault:objects:update"
    OBJECTS_DELETE = "vault:objects:delete"
    OBJECTS_RESTORE = "vault:objects:restore"
    KEYS_USE = "vault:keys:use"
    BINDINGS_MANAGE = "vault:bindings:manage"
    KEKS_MANAGE = "vault:keks:manage"
    AUDIT_READ = "vault:audit:read"
    KEYRINGS_USE = "vault:keyrings:use"
    USAGE_READ = "vault:usage:read"
    PORTAL_LINK = "vault:portal:link"
    ALL_ORGANIZATIONS = "vault:all_organizations"


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller. Only auth/ makes one, and domain/portal.py that of a session; `of_one` makes a lesser one."""

    issuer: str
    subject: str
    name: str  # for people: the token's name claim, or the subject if it has none
    environment: EnvironmentId
    organizations: frozenset[OrgId]
    permissions: frozenset[Permission]
    token_id: str = ""  # the `jti` of its token, if it has one
    issued_at: int = 0  # seconds since 1970: the `iat` of its token
    keyrings: frozenset[str] = frozenset()  # that it may use besides those of its organizations

    @property
    def actor(self) -> str:
        """The owner of an Idempotency-Key. The same subject of two issuers is two actors."""
        return f"{self.issuer}|{self.subject}"

    @property
    def everywhere(self) -> bool:
        """Whether the caller may act for every organization of its environment, and without one."""
        return Permission.ALL_ORGANIZATIONS in self.permissions

    def may_see(self, environment: EnvironmentId, org: OrgId) -> bool:
        return environment == self.environment and (self.everywhere or org in self.organizations)

    def require(self, permission: Permission) -> None:
        """Raises Forbidden if the token lacks the permission."""
        if permission not in self.permissions:
            raise Forbidden(f"Insufficient permissions: the token needs {permission.value}.")

    def require_organization(self, org: OrgId) -> None:
        """Raises Forbidden if the token is not for `org`; NO_ORG stands for a request without an organization."""
        if self.everywhere or org in self.organizations:
            return
        if org:
            raise Forbidden("Insufficient permissions: the token is not for this organization.")
        raise Forbidden(
            "Insufficient permissions: add the pair organization_id to the key context, "
            f"or use a token with {Permission.ALL_ORGANIZATIONS.value}."
        )

    def require_keyring(self, ring: Keyring) -> None:
        """Raises Forbidden if the token may not use the keyring, whether or not it exists."""
        if not (self.everywhere or ring.organization in self.organizations or ring.name in self.keyrings):
            raise Forbidden("Insufficient permissions: the token is not for this keyring.")

    def of_one(self, org: OrgId) -> Principal:
        """Return this caller as one for `org` alone. Raises Forbidden if the token is not for `org`."""
        self.require_organization(org)
        left = self.permissions - {Permission.ALL_ORGANIZATIONS}
        return replace(self, organizations=frozenset({org}), permissions=left, keyrings=frozenset())


def _free(_org: OrgId, _items: int = 1) -> None:
    return None


def _uncounted(_items: int) -> None:
    return None


def _all(wanted: int) -> int:
    return wanted


@value
class Caller:
    """A principal in one HTTP request: the first argument of every service method.

    A service calls `acts_for` when it knows which organization the request is for, and that the caller may act for it:
    then the request counts for that organization. A further call for the same one does nothing. Raises LimitError.
    """

    principal: Principal
    request_id: str  # at most 64 of [A-Za-z0-9._-]
    idempotent: IdempotentRequest | None = None  # of a write that its client may retry
    deadline: float = field(default_factory=lambda: time.monotonic() + REQUEST_S)  # seconds of time.monotonic()

    source: str = ""  # the class of the caller's address
    operation: bytes = field(default_factory=lambda: os.urandom(16))
    attempt: int = 0

    acts_for: Callable[[OrgId], None] = _free
    count: Callable[[int], None] = (
        _uncounted  # the items of a bulk, as so many requests of the token; raises LimitError
    )
    items_for: Callable[[OrgId, int], None] = _free  # of a batch: each item counts as a request; raises LimitError
    places: Callable[[int], int] = _all  # of a batch: how many of so many items may be in work at once

    def of_item(self, index: int) -> Self:
        """Return the caller for one item of a batch, which is a request of its own: its events are of no other item."""
        idempotent = None if self.idempotent is None else self.idempotent.of_item(index)
        counted: set[OrgId] = set()

        def acts_for(org: OrgId) -> None:
            if org not in counted:
                self.items_for(org, 1)
                counted.add(org)

        return replace(self, operation=self.operation_of(index), idempotent=idempotent, acts_for=acts_for)

    def again(self) -> Self:
        """Return the caller for the next attempt. Raises WriteContention if the deadline has passed."""
        if time.monotonic() >= self.deadline:
            raise WriteContention("The data that the request needs keeps changing; nothing was answered. Try again.")
        return replace(self, attempt=min(self.attempt + 1, 255))

    @property
    def origin(self) -> Origin:
        """The origin of this request's events."""
        who = self.principal
        return Origin(who.issuer, who.subject, self.request_id, self.operation, self.attempt, who.token_id, self.source)

    def operation_of(self, index: int) -> bytes:
        """The operation of one item of a batch."""
        return operation_of_item(self.operation, index)
