"""The example does not trust what its KMS answers, and calls no KMS without TLS but on loopback."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from sealring_example.spec import SPEC
from sealring_plugin import Call, ConfigInvalid, CustomersKey, Purpose, Unavailable, WrapContext

KEY = CustomersKey("example", "first", 1)
CONTEXT = WrapContext({"organization_id": "org_acme"}, b"aad")


@pytest.fixture
def provider_of():
    """Return a provider whose KMS answers everything with this status and body."""
    listeners, providers = [], []

    def provider_of(status, body):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(65_536):
                        connection.sendall(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        providers.append(SPEC.build({"endpoint": f"http://127.0.0.1:{port}", "token": "t"}))
        return providers[-1]

    yield provider_of
    for each in (*providers, *listeners):
        each.close()


@pytest.mark.parametrize(
    "said",
    [
        (b"200 OK", b""),
        (b"200 OK", b"{}"),
        (b"200 OK", b"[]"),
        (b"200 OK", b'{"ciphertext": 7}'),
        (b"200 OK", b'{"ciphertext": "no base64!"}'),
        (b"400 x", b'{"code": ["KEY_DISABLED"]}'),
        (b"400 x", b'{"code": "SOMETHING_NEW"}'),
        (b"302 x", b""),
    ],
)
def test_an_answer_that_is_none_is_unavailable(provider_of, said):
    provider = provider_of(*said)

    with pytest.raises(Unavailable):
        provider.wrap(KEY, bytes(32), CONTEXT, Call(time.monotonic() + 20, "r", "org_acme", Purpose.ENCRYPT))


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8300", "http://kms.example.test", "https://kms.example.test/v1", ""])
def test_an_endpoint_that_cannot_be_called_safely_is_refused(endpoint):
    with pytest.raises(ConfigInvalid, match=r"^endpoint must be"):
        SPEC.build({"endpoint": endpoint, "token": "t"})
