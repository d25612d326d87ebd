"""How far checks of customers' keys are, in Redis or Valkey, for people who watch them.

They are in no backup, and have no MAC, because nothing depends on them.
"""

from __future__ import annotations

from sealring.domain.checks import CheckProgress
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.store.connection.link import Reply
from sealring.store.connection.links import Links
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace

ENDED_S = 600


class RedisChecks:
    """The CheckStore of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers

    def begin(self, environment: EnvironmentId, org: OrgId, progress: CheckProgress, lease_s: int) -> bool:
        """What runs is read again after the write, whose reply may have been lost."""
        key, text = self._keyspace.running_check(environment, org), progress.text.encode()
        partition = self._keyspace.partition(environment, org)
        self._markers.load(partition)  # writes nothing to a lost store
        self._links.call((b"SET", key, text, b"EX", lease_s, b"NX"))
        (found,) = self._markers.load(partition, (b"GET", key))
        return bool(found == text)

    def write(self, environment: EnvironmentId, org: OrgId, progress: CheckProgress, lease_s: int) -> None:
        running, text = self._keyspace.running_check(environment, org), progress.text.encode()
        if progress.runs:
            self._links.call((b"SET", running, text, b"EX", lease_s))
        else:
            ended = self._keyspace.ended_check(environment, org)
            self._links.call((b"SET", ended, text, b"EX", ENDED_S), (b"DEL", running))

    def load(self, environment: EnvironmentId, org: OrgId) -> CheckProgress | None:
        running, ended = self._markers.load(
            self._keyspace.partition(environment, org),
            (b"GET", self._keyspace.running_check(environment, org)),
            (b"GET", self._keyspace.ended_check(environment, org)),
        )
        return _read(running) or _read(ended)


def _read(raw: Reply) -> CheckProgress | None:
    return None if raw is None else CheckProgress.read(raw.decode("ascii", "replace"))
