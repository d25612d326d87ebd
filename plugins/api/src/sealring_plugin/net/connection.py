"""One connection to one endpoint, for one exchange after the other."""

from __future__ import annotations

from sealring_plugin.net.answers import MAX_ANSWER_BYTES, Answers
from sealring_plugin.net.endpoint import Endpoint
from sealring_plugin.net.messages import Answer
from sealring_plugin.net.timed import TimedSocket
from sealring_plugin.net.tls import TlsSocket


class Connection:
    """For one thread at a time. It never opens itself again: only the client does, through its guard.

    `made_at` and `idle_since` are in seconds of the clock of `IdleConnections`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connected: TimedSocket | TlsSocket,
        made_at: float,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.endpoint = endpoint
        self.made_at = self.idle_since = made_at
        self._connected = connected
        self._answers = Answers(connected.receive, max_answer_bytes)

    def exchange(self, message: bytes, deadline: float) -> tuple[Answer, bool]:
        """Return the answer to a message, and whether the connection can be used again.

        Raises TimeoutError at the deadline; BadAnswer; OSError. The connection cannot be used after any of them.
        """
        self._connected.begin(deadline)
        self._connected.send(message)
        return self._answers.read()

    def is_silent(self) -> bool:
        return self._connected.is_silent()

    def close(self) -> None:
        self._connected.close()
