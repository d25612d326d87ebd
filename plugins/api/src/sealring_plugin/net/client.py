"""HTTPS with one deadline for the whole exchange: name, connection, TLS, request, and the last byte of the answer."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

from sealring_plugin.errors import DeadlineExceeded, ProviderError, Unavailable
from sealring_plugin.net.answers import MAX_ANSWER_BYTES, BadAnswer
from sealring_plugin.net.connection import Connection
from sealring_plugin.net.endpoint import Endpoint
from sealring_plugin.net.idle import IdleConnections
from sealring_plugin.net.messages import Answer, Request
from sealring_plugin.net.per_process import PerProcess
from sealring_plugin.net.timed import TimedSocket
from sealring_plugin.net.tls import TlsSocket

Connect = Callable[[str, int, float], socket.socket]

ANOTHER_HOST = "is for another host than the one that was called"

# What another authority does not help against, by the codes of verification of OpenSSL (x509_vfy.h).
_OF_A_CERTIFICATE = {
    9: "is not valid yet; check its dates, and the clock of this machine",
    10: "has expired; check its dates, and the clock of this machine",
    62: ANOTHER_HOST,  # a name
    64: ANOTHER_HOST,  # an address
}


class HttpsClient:
    """Sends requests, each once: it retries nothing, follows no redirect and asks no proxy. Thread-safe; fork-safe.

    `connect` opens each connection by a deadline, and decides where it may lead: `Egress.connect` for a host that
    somebody else than the operator named, `dial` for one that only the operator chose. `tls` comes from `tls_context`.
    An endpoint of http is called without TLS.

    Connections are kept for the next request: 64 at most, each for 20 s, and none for longer than 300 s.
    """

    def __init__(self, connect: Connect, tls: ssl.SSLContext, max_answer_bytes: int = MAX_ANSWER_BYTES) -> None:
        """`max_answer_bytes` is for the body of an answer."""
        self._connect = connect
        self._tls = tls
        self._max_answer_bytes = max_answer_bytes
        self._idle = PerProcess(IdleConnections, IdleConnections.abandon)

    def send(self, request: Request, deadline: float) -> Answer:
        """Return the answer, whatever its status. `deadline` is in seconds of time.monotonic().

        Raises DeadlineExceeded; Unavailable if there is no connection, or no answer that can be used: one that does not
        say its length, is cut off or malformed, or has a larger body than is taken; ConfigInvalid if `connect` does not
        let the host through; ValueError for a request that no message can carry.
        """
        message = request.encoded()
        idle = self._idle.get()
        connection = idle.take(request.endpoint) or self._opened(request.endpoint, deadline)
        keep = False
        try:
            answer, keep = connection.exchange(message, deadline)
        except (OSError, BadAnswer) as error:
            failure = _failure(error)
        else:
            return answer
        finally:
            if keep:
                idle.put(connection)
            else:
                connection.close()
        raise failure  # out here, so that nothing of the exchange goes along as its context

    @property
    def idle_connections(self) -> int:
        """How many connections this process keeps."""
        return len(self._idle.get())

    def close(self) -> None:
        """Close what is kept. A request that is under way ends as it would have."""
        self._idle.get().close()

    def _opened(self, endpoint: Endpoint, deadline: float) -> Connection:
        plain = self._connect(endpoint.host, endpoint.port, deadline)
        try:
            connected = self._secured(plain, endpoint, deadline)
        except (OSError, ValueError) as error:  # ValueError: a host that cannot stand in a certificate
            failure = _failure(error)
        else:
            return Connection(endpoint, connected, time.monotonic(), self._max_answer_bytes)
        raise failure

    def _secured(self, plain: socket.socket, endpoint: Endpoint, deadline: float) -> TimedSocket | TlsSocket:
        """Return the connection with TLS on it, or as it is if the endpoint is one of http."""
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            timed = TimedSocket(plain, deadline)
            return TlsSocket(timed, self._tls, endpoint.host) if endpoint.scheme == "https" else timed
        except BaseException:
            plain.close()
            raise


def _failure(error: Exception) -> ProviderError:
    if isinstance(error, TimeoutError):
        return DeadlineExceeded("the endpoint did not answer in time")
    if isinstance(error, BadAnswer):
        return Unavailable(f"the endpoint's answer cannot be used: {error}")
    if isinstance(error, ssl.SSLCertVerificationError):
        said = _OF_A_CERTIFICATE.get(error.verify_code, "is not one that is trusted")
        remedy = "" if error.verify_code in _OF_A_CERTIFICATE else "; see ca_file"
        return Unavailable(f"the endpoint's certificate {said} ({type(error).__name__}){remedy}")
    return Unavailable(f"the connection to the endpoint failed ({type(error).__name__})")
