"""Rules for the service accounts of a Kubernetes cluster: for which organizations each may act, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from sealring.domain.ids import OrgId, org_id
from sealring.domain.principal import Permission
from sealring.table import Table

_PREFIX = "system:serviceaccount:"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1123 label, as Kubernetes requires
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")  # and subdomain
_PATTERN = re.compile(r"[-a-z0-9.*]{1,253}")  # of the special characters of fnmatch, only the star


@dataclass(frozen=True, slots=True)
class Granted:
    """What a service account may do."""

    organizations: frozenset[OrgId]
    permissions: frozenset[Permission]


NOTHING = Granted(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class SubjectRule:
    """A rule for the subjects that it covers. A star stands for any characters of the namespace, or of the name."""

    namespace: str  # a pattern, as the name
    name: str
    granted: Granted

    @classmethod
    def parse(cls, fields: Table, ceiling: frozenset[Permission]) -> Self:
        """Check a table of the settings.

            sub = "system:serviceaccount:shop:billing"     # or with stars: "system:serviceaccount:shop-*:billing"
            organizations = ["org_acme"]
            permissions = ["vault:objects:read"]            # of those of the issuer

        Raises SettingsInvalid.
        """
        fields.only("sub", "organizations", "permissions")
        namespace, name = _patterns(fields)
        permissions = frozenset(map(Permission, fields.choices("permissions", frozenset(ceiling))))
        return cls(namespace, name, Granted(_organizations(fields, permissions), permissions))

    def covers(self, namespace: str, name: str) -> bool:
        return fnmatchcase(namespace, self.namespace) and fnmatchcase(name, self.name)


def granted_to(subject: str, rules: Iterable[SubjectRule]) -> Granted:
    """Return what the first rule grants that covers the subject; nothing if none does.

    A subject that is not exactly that of a service account has nothing, whatever the rules say.
    """
    namespace, _, name = subject.removeprefix(_PREFIX).partition(":")
    if not (subject.startswith(_PREFIX) and _NAMESPACE.fullmatch(namespace) and _NAME.fullmatch(name)):
        return NOTHING
    return next((rule.granted for rule in rules if rule.covers(namespace, name)), NOTHING)


def _patterns(fields: Table) -> tuple[str, str]:
    """Return the patterns for the namespace and for the name."""
    sub = fields.text("sub")
    patterns = sub.removeprefix(_PREFIX).split(":")
    if not sub.startswith(_PREFIX) or len(patterns) != 2 or not all(map(_PATTERN.fullmatch, patterns)):
        fields.refuse("sub", f"must be {_PREFIX}NAMESPACE:NAME, of lower case letters, digits, '-', '.' and '*'")
    namespace, name = patterns
    return namespace, name


def _organizations(fields: Table, permissions: frozenset[Permission]) -> frozenset[OrgId]:
    named = fields.texts("organizations", [])
    organizations = frozenset(org for text in named if (org := org_id(text)) is not None)
    if len(organizations) != len(named):
        fields.refuse("organizations", "must be different ids of 1 to 64 letters, digits, '_' and '-'")
    if bool(organizations) == (Permission.ALL_ORGANIZATIONS in permissions):
        fields.refuse(
            "organizations",
            f"must name at least one, or permissions {Permission.ALL_ORGANIZATIONS.value}, but not both",
        )
    return organizations
