"""Checks of limits that were set: their records, and the seal over all of an environment."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Link
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import Kind, parse_environment
from sealring.store.schema.limits_codec import LimitsCodec


class LimitsSweep:
    """Checks the limits of one partition. Raises LinkLost; Elsewhere."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._codec = LimitsCodec(store.keys)
        self._partition = partition

    def wrong_with(self, rest: bytes) -> Sequence[str]:
        """Check the limits of an environment, read at one moment."""
        environment = parse_environment(rest)
        key = self._keyspace.key(self._partition, Kind.LIMITS, rest)
        (flat,) = self._link.snapshot((b"HGETALL", key))
        if environment is None or key != self._keyspace.limits(environment) or isinstance(flat, Exception):
            return (f"partition {self._partition}: limits of another type, or without an environment",)
        try:
            if flat:  # it may have been removed meanwhile
                self._codec.decode(environment, dict(zip(flat[::2], flat[1::2], strict=True)))
        except IntegrityFailure as failure:
            return (f"{environment}: the limits of its organizations were altered ({failure.reason})",)
        return ()
