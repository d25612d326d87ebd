"""Bulk writes into one partition: many commands in one EXEC, retried after a lost reply."""

from __future__ import annotations

from sealring.errors import StoreUnavailable
from sealring.store.backup.claim import Claim
from sealring.store.connection.link import Command
from sealring.store.connection.links import Links

_COMMANDS_AT_ONCE = 500
_BYTES_AT_ONCE = 1 << 20


class BulkWriter:
    """Collects commands, and sends them when there are many, or at `flush`.

    Raises StoreError; BackupRefused if the claim is no longer there.
    """

    def __init__(self, links: Links, claim: Claim, stream: bytes) -> None:
        """`stream` is the audit stream of the partition, and empty."""
        self._links = links
        self._claim = claim
        self._stream = stream
        self._appended = 0
        self._commands: list[Command] = []
        self._events: list[Command] = []
        self._elsewhere: list[Command] = []
        self._size = 0

    def write(self, *commands: Command) -> None:
        """Write into the partition by commands that may be retried, all of them in one EXEC."""
        self._commands += commands
        self._note(*commands)

    def write_elsewhere(self, command: Command) -> None:
        """Write a hint into another partition, after the earlier writes; no claim protects it. May be retried."""
        self._elsewhere.append(command)
        self._note(command)

    def append(self, event_id: bytes, parts: tuple[bytes, ...]) -> None:
        """Append an event to the stream, under its original id."""
        command: Command = (b"XADD", self._stream, event_id, *parts)
        self._events.append(command)
        self._note(command)

    def flush(self) -> None:
        if self._commands:
            self._write()
        if self._events:
            self._append()
        if self._elsewhere:
            self._links.call(*self._elsewhere)
        self._commands, self._events, self._elsewhere, self._size = [], [], [], 0

    def _note(self, *commands: Command) -> None:
        self._size += sum(len(part) for command in commands for part in command if isinstance(part, bytes))
        waiting = len(self._commands) + len(self._events) + len(self._elsewhere)
        if waiting >= _COMMANDS_AT_ONCE or self._size >= _BYTES_AT_ONCE:
            self.flush()

    def _write(self) -> None:
        replies = self._claim.write(self._stream, *self._commands)
        if any(isinstance(each, Exception) for each in replies):
            raise StoreUnavailable("The store refused a write. See its log.")

    def _append(self) -> None:
        """After a lost reply, the retry is refused for ids that are already there; the length shows that all are."""
        self._appended += len(self._events)
        *_, length = self._claim.write(self._stream, *self._events, (b"XLEN", self._stream))
        if length != self._appended:
            raise StoreUnavailable("The store refused a part of the audit log. See its log.")
