"""Bindings: which contexts of an organization a customer-managed key guards."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from sealring.domain.context import ORGANIZATION_KEYS, KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.ids import HOME_BYTES, EnvironmentId, Home, OrgId, parse_uuid
from sealring.domain.kek import Bound, Kek, KekScope

MAX_STALE_DECRYPT_S = 60
MAX_BINDINGS = 1000  # of one organization, the retired ones included

_VERSION_OF_IDS = 0x80  # RFC 9562 5.8: version 8, custom

Pairs = tuple[tuple[str, str], ...]


class BindingState(IntEnum):
    PENDING = 1  # not used yet; becomes active when its key is verified
    ACTIVE = 2  # guards every context that it matches
    SUSPENDED = 3  # still guards them, but requests are refused: nothing is sealed or opened under it
    RETIRED = 4  # guards nothing new; what it sealed still opens, unless it was suspended when it retired


@dataclass(frozen=True, slots=True)
class BindingFinding:
    """A finding of validation. `code` is stable; `advice` is for the key's owner."""

    code: str
    error: bool  # False: a warning
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of validating a key. Times are in microseconds; `since` is the first check with this result."""

    verified: bool
    checked_at: int
    since: int
    findings: tuple[BindingFinding, ...] = ()

    def after(self, earlier: Verification | None) -> Verification:
        same = earlier is not None and (earlier.verified, earlier.codes) == (self.verified, self.codes)
        return replace(self, since=earlier.since) if same and earlier is not None else self

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(finding.code for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Binding:
    """One key of an organization. Only its state and verification change: another key needs another binding."""

    id: bytes  # 16 bytes: the first 4 are the organization's home; also the id of its KEK
    environment: EnvironmentId
    org: OrgId
    match: Pairs  # sorted; without the organization, which must always match
    provider: str
    key: str
    options: Pairs  # sorted
    combine: Combine  # ANY only if the binding asks for it
    show: tuple[str, ...]  # names of pairs that the key's owner may see, besides the organization
    max_stale_decrypt_s: int
    replaces: bytes  # 16 bytes, or empty: the binding that retires when this one becomes active
    state: BindingState
    shut: bool  # nothing opens under it: it was never verified, or was suspended and not verified again since
    created_at: int
    updated_at: int
    verification: Verification | None = None

    def matches(self, context: KeyContext) -> bool:
        """Whether all pairs of the binding occur in the context, in any state."""
        return context.organization == self.org and set(self.match) <= set(context.pairs)

    @property
    def guards(self) -> bool:
        return self.state in {BindingState.ACTIVE, BindingState.SUSPENDED}

    @property
    def scope(self) -> bytes:
        return KekScope.owner(self.environment, self.org)

    @property
    def kek(self) -> Kek:
        """The key as envelopes refer to it."""
        bound = Bound(self.options, self.show)
        return Kek(self.id, 1, self.provider, self.key, self.scope, b"", bound)

    def in_state(self, state: BindingState, now: int) -> Self:
        """Return the binding in another state. Activation reopens it, suspension shuts it, retirement does neither."""
        shut = self.shut if state is BindingState.RETIRED else state is not BindingState.ACTIVE
        return replace(self, state=state, shut=shut, updated_at=self._after(now))

    def closed(self, now: int) -> Self:
        """Return a retired binding under which nothing opens any more."""
        return replace(self, shut=True, updated_at=self._after(now))

    def reopened(self, now: int) -> Self:
        """Return a retired binding that was verified again: what it sealed opens."""
        return replace(self, shut=False, updated_at=self._after(now))

    def verified(self, verification: Verification, now: int) -> Self:
        return replace(self, verification=verification, updated_at=self._after(now))

    def _after(self, now: int) -> int:
        return max(now, self.updated_at + 1)


@dataclass(frozen=True, slots=True)
class StateSince:
    """Since when a binding is in a state. A change that a former version of sealring made is not told by it."""

    state: BindingState
    shut: bool
    at: int

    @classmethod
    def of(cls, binding: Binding) -> Self:
        """Of a binding that was just changed."""
        return cls(binding.state, binding.shut, binding.updated_at)

    def is_of(self, binding: Binding) -> bool:
        return (self.state, self.shut) == (binding.state, binding.shut)


@dataclass(frozen=True, slots=True)
class BindingUse:
    """What is known of the use of a binding's key. Times are in microseconds, by the store's clock.

    A request that was repeated after a lost reply may count twice. Checks of the key do not count.
    """

    versions: int = 0  # of objects that were sealed, also those that are gone
    data_keys: int = 0  # that left the server
    keyring_keys: int = 0
    complete: bool = False  # False: it may have sealed more, before it was counted or before a restore
    last_used_at: int | None = None  # the last seal or open, at most a minute later; None: none is known
    state_since: int | None = None  # None: unknown, since before it was recorded


def matching(bindings: Iterable[Binding], context: KeyContext) -> tuple[Binding, ...]:
    """Return the bindings that guard a context, sorted by id."""
    found = [each for each in bindings if each.guards and each.matches(context)]
    return tuple(sorted(found, key=lambda each: each.id))


def governing(bindings: Iterable[Binding]) -> frozenset[tuple[bytes, bool, bool]]:
    """Return what decides about requests in an organization's bindings. Only a change of this replaces the epoch."""
    return frozenset((each.id, each.guards, each.shut) for each in bindings if each.guards or not each.shut)


def match_of(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Return the pairs of a match, sorted, without the organization."""
    return tuple(sorted(pair for pair in pairs if pair[0] not in ORGANIZATION_KEYS))


def new_binding_id(home: Home) -> bytes:
    """Return 16 bytes in the form of a UUID; the first 4 are the organization's home."""
    noise = bytearray(home.raw + os.urandom(16 - HOME_BYTES))
    noise[6], noise[8] = noise[6] & 0x0F | _VERSION_OF_IDS, noise[8] & 0x3F | 0x80
    return bytes(noise)


def is_of_binding(kek_id: bytes) -> bool:
    """Whether a KEK is a binding's, by its id, which is the binding's: a managed KEK's is a UUID of version 4."""
    return kek_id[6] & 0xF0 == _VERSION_OF_IDS


def binding_home(binding_id: bytes) -> Home:
    return Home(binding_id[:HOME_BYTES])


def parse_binding_id(text: str) -> bytes | None:
    return parse_uuid(text)
