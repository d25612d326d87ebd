"""Writing much into one partition: many commands in one EXEC, which is repeated where its answer was lost."""

from __future__ import annotations

from sealring.errors import StoreUnavailable
from sealring.store.backup.claim import Claim
from sealring.store.connection.link import Command
from sealring.store.connection.links import Links

_COMMANDS_AT_ONCE = 500
_BYTES_AT_ONCE = 1 << 20


class BulkWriter:
    """Collects what is to be written, and writes it when it is much, or at `flush`.

    Raises StoreError; BackupRefused where the claim stands no longer.
    """

    def __init__(self, links: Links, claim: Claim, stream: bytes) -> None:
        """`stream` is the partition's, and empty."""
        self._links = links
        self._claim = claim
        self._stream = stream
        self._appended = 0
        self._commands: list[Command] = []
        self._events: list[Command] = []
        self._elsewhere: list[Command] = []
        self._size = 0

    def write(self, *commands: Command) -> None:
        """Write into the partition, all of these in one EXEC that has the same effect when it is repeated."""
        self._commands += commands
        self._note(*commands)

    def write_elsewhere(self, command: Command) -> None:
        """Write into another partition, after what was written so far; a hint, which no claim guards. Likewise."""
        self._elsewhere.append(command)
        self._note(command)

    def append(self, event_id: bytes, parts: tuple[bytes, ...]) -> None:
        """Append an event to the stream, under the id that it had."""
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
            raise StoreUnavailable("The store refused a write. Look into its log.")

    def _append(self) -> None:
        """An id that is there already is refused: it is one of an EXEC whose answer was lost. The length tells."""
        self._appended += len(self._events)
        *_, length = self._claim.write(self._stream, *self._events, (b"XLEN", self._stream))
        if length != self._appended:
            raise StoreUnavailable("The store refused a part of the audit log. Look into its log.")
