"""Purging: what was deleted goes for good when its time has come, and audit events when theirs is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sealring.domain.ports import Tombs
from sealring.errors import IntegrityFailure


@dataclass(frozen=True, slots=True)
class Purged:
    """What was done in one partition.

    `refused`: objects whose records are not what we wrote; they stay. `damaged`: nor is the list of deleted objects,
    or the audit log; what it holds stays.
    """

    objects: int = 0
    events: int = 0
    refused: int = 0
    damaged: bool = False


class Purging:
    """The operator's use case; no caller can ask for it. May run in many processes at once."""

    def __init__(self, tombs: Tombs, *, audit_retention_s: int) -> None:
        self._tombs = tombs
        self._audit_retention_s = audit_retention_s

    @property
    def partitions(self) -> int:
        return self._tombs.partitions

    def run(self, now_s: float) -> Iterator[Purged]:
        """Purge partition by partition, and say after each what was done. Raises StoreError; may be run again."""
        for partition in range(self._tombs.partitions):
            objects = self._purge_objects(partition)
            yield self._with_events(objects, partition, int((now_s - self._audit_retention_s) * 1000))

    def _purge_objects(self, partition: int) -> Purged:
        purged = refused = stay = 0
        try:
            while due := self._tombs.due(partition, stay):
                for object_id in due:
                    gone = False
                    try:
                        gone = self._tombs.purge(object_id)
                    except IntegrityFailure:
                        refused += 1
                    purged += gone
                    stay += not gone
        except IntegrityFailure:  # of the list
            return Purged(purged, 0, refused, damaged=True)
        return Purged(purged, 0, refused)

    def _with_events(self, objects: Purged, partition: int, before_ms: int) -> Purged:
        try:
            return replace(objects, events=self._tombs.trim_audit(partition, before_ms))
        except IntegrityFailure:
            return replace(objects, damaged=True)
