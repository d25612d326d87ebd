"""Limits of organizations: those in force, what is used of them, and their changes by the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG, EnvironmentId, OrgId
from sealring.domain.limits import NO_LIMITS, Limits, Override, Use
from sealring.domain.limits_ports import LimitsChange, LimitsStore, UsageStore
from sealring.domain.principal import Caller, Permission
from sealring.errors import ChangeRefused, IntegrityFailure, StoreError

RENEW_S = 2.0  # how often each worker reads the overrides: one is in force 4 s after it was stored
MAX_OVERRIDES = 10_000  # of one environment; each worker has all of them in memory

Overrides = Mapping[OrgId, Override]


class LimitsInForce:
    """The settings' limits with the operator's overrides, in memory: a request costs no round trip. Thread-safe.

    What belongs to no organization has no limits of an organization.
    """

    def __init__(self, store: LimitsStore, defaults: Limits, environments: Sequence[EnvironmentId]) -> None:
        self._store = store
        self.defaults = defaults
        self._environments = environments
        self._limits: dict[EnvironmentId, tuple[Overrides, Mapping[OrgId, Limits]]] = {}

    def of(self, environment: EnvironmentId, org: OrgId) -> Limits:
        if not org:
            return NO_LIMITS
        held = self._limits.get(environment)
        return self.defaults if held is None else held[1].get(org, self.defaults)

    def renew(self) -> Sequence[str]:
        """Read all overrides again, and return a line for each environment whose overrides could not be used.

        Such an environment keeps what it had, because limits protect only the share of others: a request that is
        refused for them would do more harm.
        """
        return [line for each in self._environments if (line := self._renewed(each)) is not None]

    def _renewed(self, environment: EnvironmentId) -> str | None:
        held = self._limits.get(environment)
        try:
            found = self._store.load(environment)
        except (StoreError, IntegrityFailure) as failure:
            why = "altered or removed" if isinstance(failure, IntegrityFailure) else "not readable"
            keeps = "the settings' limits apply" if held is None else "the last ones stay in force"
            return f"{environment}: the limits that were set for its organizations are {why}; {keeps}"
        if held is None or held[0] is not found:
            self._limits[environment] = found, {org: each.limits(self.defaults) for org, each in found.items()}
        return None


@dataclass(frozen=True, slots=True)
class Usage:
    """The limits of an organization, and what it uses of them."""

    org: OrgId
    limits: Limits
    use: Use


class Usages:
    """The one use case of usage. Thread-safe."""

    def __init__(self, store: UsageStore, limits: Callable[[EnvironmentId, OrgId], Limits]) -> None:
        self._store = store
        self._limits = limits

    def read(self, caller: Caller, org: OrgId) -> Usage:
        """Raises Forbidden if the token lacks the organization."""
        principal = caller.principal
        principal.require(Permission.USAGE_READ)
        principal.require_organization(org)
        caller.acts_for(org)
        environment = principal.environment
        return Usage(org, self._limits(environment, org), self._store.load(environment, org))


class LimitChanges:
    """The use cases of the operator, without a route. Thread-safe."""

    def __init__(self, store: LimitsStore) -> None:
        self._store = store

    def all(self, caller: Caller) -> Overrides:
        return self._store.load(caller.principal.environment)

    def set(self, caller: Caller, org: OrgId, override: Override) -> Override:
        """Set the given limits of an organization, and keep its other overrides. Return all of its overrides.

        Raises ChangeRefused if too many organizations have some.
        """

        def decide(found: Overrides) -> LimitsChange:
            if org not in found and len(found) >= MAX_OVERRIDES:
                raise ChangeRefused(
                    f"the environment already has limits for {MAX_OVERRIDES} organizations, the maximum; clear some, "
                    "or change the settings"
                )
            made = override.over(found.get(org, Override()))
            return LimitsChange({**found, org: made}, _event(Action.LIMITS_SET, caller, org, _said(made)))

        return self._store.change(caller.principal.environment, decide)[org]

    def clear(self, caller: Caller, org: OrgId) -> None:
        """Remove the overrides of an organization: the settings apply. Raises ChangeRefused if it has none."""

        def decide(found: Overrides) -> LimitsChange:
            if org not in found:
                raise ChangeRefused("no limits are set for this organization")
            others = {each: limits for each, limits in found.items() if each != org}
            return LimitsChange(others, _event(Action.LIMITS_CLEARED, caller, org))

        self._store.change(caller.principal.environment, decide)

    def clear_all(self, caller: Caller) -> None:
        """Remove the overrides of all organizations, even if what is stored was altered."""
        self._store.begin(caller.principal.environment, _event(Action.LIMITS_CLEARED, caller, NO_ORG))


def _said(override: Override) -> str:
    named = {
        "requests_per_second": override.requests_per_second,
        "objects": override.objects,
        "bytes": override.stored_bytes,
        "contexts": override.contexts,
    }
    return " ".join(f"{name}={limit}" for name, limit in named.items() if limit is not None)


def _event(action: Action, caller: Caller, org: OrgId, detail: str = "") -> Event:
    """Return an event in the partition of the list, which is that of the empty organization; its target is `org`."""
    return Event(
        action=action,
        environment=caller.principal.environment,
        org=NO_ORG,
        origin=caller.origin,
        target=org,
        detail=detail,
    )
