"""The names in a server's certificate, for the message to a user who called the server by another one."""

from __future__ import annotations

import ssl
import time

from cryptography import x509

from sealring_plugin.errors import ProviderError
from sealring_plugin.net import Endpoint, dial
from sealring_plugin.net.timed import TimedSocket
from sealring_plugin.net.tls import TlsSocket

WAIT_S = 5.0
MAX_NAMES = 5  # that are told


def names_of(endpoint: Endpoint) -> str:
    """Return the names that the certificate of a server is for; "another host" if they cannot be read.

    Nothing is verified here, so nothing is sent: the connection ends with the handshake.
    """
    try:
        found = x509.load_der_x509_certificate(_certificate(endpoint))
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, ProviderError, x509.ExtensionNotFound):
        return "another host"
    told = [str(each.value) for each in names if isinstance(each, (x509.DNSName, x509.IPAddress))]
    return ", ".join(told[:MAX_NAMES]) + (", ..." if len(told) > MAX_NAMES else "") or "another host"


def _certificate(endpoint: Endpoint) -> bytes:
    """Raises OSError, ValueError, ProviderError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + WAIT_S
    with dial(endpoint.host, endpoint.port, deadline) as plain:
        return TlsSocket(TimedSocket(plain, deadline), context, endpoint.host).certificate()
