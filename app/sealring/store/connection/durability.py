"""Durability: what an acknowledged write survives, according to the settings of the store.

strong: a crash, a power loss and a failover. single: a crash and a power loss of the one node. best effort: none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from types import MappingProxyType

from sealring.errors import IntegrityFailure, SettingsInvalid, StoreUnavailable
from sealring.store.connection.link import Command, Reply
from sealring.store.connection.links import Links


class Durability(Enum):
    """The classes of durability, best first."""

    STRONG = "strong"
    SINGLE = "single"
    BEST_EFFORT = "best effort"


@dataclass(frozen=True, slots=True)
class DurabilityPolicy:
    """The operator's settings in [store]."""

    accept_data_loss: bool = False  # run below `single`
    declared_durable: bool = False  # the service promises durable acknowledged writes; its settings need not say so
    wait_replicas: int = 0  # replicas that must acknowledge a commit before its response


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a node of the store reports about itself."""

    config: Mapping[str, str]  # empty: CONFIG GET is refused
    info: Mapping[str, str]  # empty: INFO is refused

    @property
    def replicas(self) -> int | None:
        """The number of connected replicas, if known."""
        count = self.info.get("connected_slaves", "")
        return int(count) if count.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A class, and a line for each setting that prevents a better one, which says what to set."""

    durability: Durability
    lacking: tuple[str, ...] = ()


# Together, these put a write on disk before its reply. With `no-appendfsync-on-rewrite yes`, even `always` does not
# while the file is rewritten.
_ON_DISK = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
_NO_EVICTION = {"maxmemory-policy": "noeviction"}
_READ = (*_ON_DISK, *_NO_EVICTION, "min-replicas-to-write", "min-replicas-max-lag")

_BEST_FIRST = list(Durability)

_UNREADABLE = (
    "allow +config|get to the user of the URL, or set declared_durable = true in [store] if the service's "
    "documentation promises that an acknowledged write is durable"
)
_UNKNOWN_REPLICAS = "allow +info to the user of the URL"


def read_facts(links: Links) -> Sequence[StoreFacts]:
    """Ask each primary for its settings; return at least one. Raises StoreUnavailable if the store does not answer."""
    configs = map(_pairs, _answers(links, (b"CONFIG", b"GET", *_READ)))
    infos = map(info_fields, _answers(links, (b"INFO",)))
    nodes: Iterator[tuple[Mapping[str, str], Mapping[str, str]]]
    nodes = zip_longest(configs, infos, fillvalue=MappingProxyType({}))  # shorter: refused, or a node went away
    return [StoreFacts(config, info) for config, info in nodes] or [StoreFacts({}, {})]


def assess(nodes: Sequence[StoreFacts], policy: DurabilityPolicy) -> Verdict:
    """Return the class of a store, from the facts of its primaries and the settings of `policy`.

    The weakest primary decides.
    """
    return max((_assess(facts, policy) for facts in nodes), key=lambda verdict: _BEST_FIRST.index(verdict.durability))


def _assess(facts: StoreFacts, policy: DurabilityPolicy) -> Verdict:
    evicting = _evicting(facts)
    if policy.declared_durable:
        return Verdict(Durability.BEST_EFFORT, evicting) if evicting else Verdict(Durability.STRONG)
    if not facts.config:
        return Verdict(Durability.BEST_EFFORT, (_UNREADABLE, *evicting))
    volatile = (*_differing(facts.config, _ON_DISK), *evicting)
    unreplicated = (*_unreplicated(facts.config), *_not_waiting(policy))
    if volatile:
        return Verdict(Durability.BEST_EFFORT, volatile)
    if not unreplicated:
        return Verdict(Durability.STRONG)
    if facts.replicas is None:
        return Verdict(Durability.BEST_EFFORT, (_UNKNOWN_REPLICAS,))
    return Verdict(Durability.BEST_EFFORT if facts.replicas else Durability.SINGLE, unreplicated)


def require_durability(links: Links, policy: DurabilityPolicy) -> Durability:
    """Return the class of the store.

    Raises SettingsInvalid if it is below `single` and the policy does not accept that; StoreUnavailable.
    """
    verdict = assess(read_facts(links), policy)
    if verdict.durability is Durability.BEST_EFFORT and not policy.accept_data_loss:
        raise SettingsInvalid(
            "the store can lose acknowledged writes (durability: best effort); to fix it: "
            f"{'; '.join(verdict.lacking)}. Or set accept_data_loss = true in [store] to run anyway"
        )
    return verdict.durability


def _evicting(facts: StoreFacts) -> tuple[str, ...]:
    """INFO reports the policy too, and managed services that refuse CONFIG allow it."""
    if facts.config:
        return _differing(facts.config, _NO_EVICTION)
    told = facts.info.get("maxmemory_policy")
    return () if told is None else _differing({"maxmemory-policy": told}, _NO_EVICTION)


def _differing(config: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"set {name} {value} ({_is(config, name)})" for name, value in wanted.items() if config.get(name) != value
    )


def _unreplicated(config: Mapping[str, str]) -> tuple[str, ...]:
    """A lag of 0 would disable min-replicas-to-write; above 1, an old primary accepts writes for longer."""
    lag = _differing(config, {"min-replicas-max-lag": "1"})
    if config.get("min-replicas-to-write", "0") != "0":
        return lag
    return (f"set min-replicas-to-write 1 or more ({_is(config, 'min-replicas-to-write')})", *lag)


def _not_waiting(policy: DurabilityPolicy) -> tuple[str, ...]:
    return () if policy.wait_replicas else ("set wait_replicas = 1 or more in [store] (it is 0)",)


def _is(config: Mapping[str, str], name: str) -> str:
    return f"it is {config[name]}" if name in config else "the store does not report it"


def _answers(links: Links, command: Command) -> Sequence[Reply]:
    """Return the reply of each primary; none if one refuses, by an ACL or as a managed service without the command."""
    try:
        return [reply for (reply,) in links.everywhere(command)]
    except (StoreUnavailable, IntegrityFailure):
        links.everywhere((b"PING",))  # raises if the store is unavailable, rather than refusing this one command
        return ()


def _pairs(flat: Reply) -> Mapping[str, str]:
    texts = [each.decode() for each in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def info_fields(info: bytes) -> Mapping[str, str]:
    """Read the `name:value` lines of INFO. Its values are ASCII except for paths, which are not used here."""
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))
