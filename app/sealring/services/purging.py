"""Purging: the final removal of deleted objects and old audit entries, after their retention times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sealring.domain.ports import Tombs
from sealring.errors import IntegrityFailure


@dataclass(frozen=True, slots=True)
class Purged:
    """The result for one partition.

    `refused`: the number of objects that stay because their records were altered. `damaged`: the list of deleted
    objects, or the audit log, was altered; its entries stay.
    """

    objects: int = 0
    entries: int = 0
    refused: int = 0
    damaged: bool = False


class Purging:
    """The operator's use case; no caller can ask for it. Several processes may run it at once."""

    def __init__(self, tombs: Tombs, *, audit_retention_s: int) -> None:
        self._tombs = tombs
        self._audit_retention_s = audit_retention_s

    @property
    def partitions(self) -> int:
        return self._tombs.partitions

    def run(self, now_s: float) -> Iterator[Purged]:
        """Purge one partition after the other, and yield the result of each. Raises StoreError; can be run again."""
        for partition in range(self._tombs.partitions):
            objects = self._purge_objects(partition)
            yield self._with_entries(objects, partition, int((now_s - self._audit_retention_s) * 1000))

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
        except IntegrityFailure:  # in the list of deleted objects
            return Purged(purged, 0, refused, damaged=True)
        return Purged(purged, 0, refused)

    def _with_entries(self, objects: Purged, partition: int, before_ms: int) -> Purged:
        try:
            return replace(objects, entries=self._tombs.trim_audit(partition, before_ms))
        except IntegrityFailure:
            return replace(objects, damaged=True)
