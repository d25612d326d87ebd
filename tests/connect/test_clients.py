"""Clients of others call vault.v1: all methods, every code, large values, deadlines."""

import threading
from contextlib import ExitStack, contextmanager

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from auth.kit import SetClock, nothing_revoked, verifier
from connect.callers import CALLERS, caller
from connect.kit import CEILING, token
from sealring import errors
from sealring.admission.guard import Guard
from sealring.auth.scoping import Authenticator
from sealring.connect.vault import vault_front
from sealring.http.bodies import Bodies
from sealring.http.dispatch import Server
from sealring.observability.logs import Log
from support.installed import NotInstalled
from support.make import limiter

ORG = "org_clients"
RING = f"{ORG}/ring"
MIB = 1 << 20

SHORT = "connect-go, proto"  # as most callers are; the others take minutes with large values

each_caller = pytest.mark.parametrize("name", CALLERS)
each_in_time = pytest.mark.parametrize(
    "name", [name if name == SHORT else pytest.param(name, marks=pytest.mark.torture) for name in CALLERS]
)


@pytest.fixture(scope="module")
def of(live, tmp_path_factory):
    """Makes the caller of a name, at the live server; each is one process."""
    folder, started = tmp_path_factory.mktemp("callers"), {}
    with ExitStack() as running:

        def of(name, url=live.url):
            if (name, url) not in started:
                try:
                    started[name, url] = running.enter_context(caller(name, url, folder))
                except NotInstalled as missing:
                    raise pytest.fail.Exception(str(missing), pytrace=False) from None
            return started[name, url]

        yield of


@each_caller
def test_a_client_calls_all_methods(live, of, name):
    client, bearer = of(name), live.token(ORG)
    sealed = client.ask("Encrypt", {"keyring": RING, "data": "a secret ä🔐"}, bearer)
    again = client.ask("ReEncrypt", {"keyring": RING, "encrypted": sealed["encrypted"], "keyId": "any"}, bearer)
    items = client.ask("EncryptBulk", {"keyring": RING, "items": {"a": "1", "b": ""}}, bearer)["items"]
    back = {key: each["encrypted"] for key, each in items.items()}

    assert client.ask("Liveness", {}) == {"status": "ok"}
    assert sealed.keys() == {"encrypted", "keyId"}
    assert again["keyId"] == sealed["keyId"]
    assert client.ask("Decrypt", {"keyring": RING, "encrypted": again["encrypted"]}, bearer) == {
        "plaintext": "a secret ä🔐"
    }
    assert client.ask("DecryptBulk", {"keyring": RING, "items": back}, bearer) == {"items": {"a": "1", "b": ""}}
    assert client.ask("EncryptBulk", {"keyring": RING}, bearer) == {}


@each_caller
def test_a_client_sees_why_it_is_refused(live, of, name):
    client, bearer = of(name), live.token(ORG)

    assert client.ask("Encrypt", {"keyring": RING}) == "unauthenticated"
    assert client.ask("Encrypt", {"keyring": RING}, "wrong") == "unauthenticated"
    assert client.ask("Encrypt", {"keyring": "org_other"}, bearer) == "permission_denied"
    assert client.ask("Decrypt", {"keyring": RING, "encrypted": "AAAA"}, bearer) == "invalid_argument"
    assert client.ask("Encrypt", {"keyring": "a\x00"}, bearer) == "invalid_argument"


FAILURES = {
    "invalid_argument": errors.EnvelopeRejected("r"),
    "permission_denied": errors.Forbidden("m"),
    "resource_exhausted": errors.RateLimited("subject", 1, 2, 0.0),
    "failed_precondition": errors.KeyDisabled("m"),
    "internal": errors.PluginFault("ValueError"),
    "data_loss": errors.IntegrityFailure("r"),
    "unavailable": errors.StoreUnavailable("m"),
    "deadline_exceeded": errors.RequestTimeout(),
    "unauthenticated": errors.Unauthenticated("r"),
    "not_found": errors.NotFound(),
}


class Failing:
    """Use cases that fail as the keyring's name says."""

    def encrypt(self, ring, data, caller):
        raise FAILURES[ring.name]


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        """Says nothing."""


@contextmanager
def failing_server():
    authenticator = Authenticator(verifier(permissions=CEILING), nothing_revoked(), SetClock())
    guard = Guard(authenticator, bytes, limiter())
    app = Server(guard, Bodies(1000), [], [], Log())
    app.mount(vault_front(Failing(), guard, Log()))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@each_caller
def test_a_client_reads_every_code(tmp_path, name):
    bearer = token(None, ["vault:keyrings:use", "vault:all_organizations"])
    with failing_server() as url, caller(name, url, tmp_path) as client:
        seen = {code: client.ask("Encrypt", {"keyring": code, "data": "x"}, bearer) for code in FAILURES}

    assert seen == {code: code for code in FAILURES}


@each_in_time
@pytest.mark.parametrize("size", [10 * MIB, 16 * MIB])
def test_a_client_sends_and_gets_large_values(live, of, name, size):
    client, bearer = of(name), live.token(ORG)

    sealed = client.ask("Encrypt", {"keyring": RING}, bearer, fill={"data": size})
    opened = client.ask("Decrypt", {"keyring": RING}, bearer, fill={"encrypted": -1})

    assert sealed["encrypted"] > size * 4 // 3
    assert opened == {"plaintext": size}


@each_in_time
def test_a_client_is_told_that_its_value_is_too_large(live, of, name):
    assert of(name).ask("Encrypt", {"keyring": RING}, live.token(ORG), fill={"data": 33 * MIB}) == "resource_exhausted"


@each_in_time
def test_a_client_with_a_bad_token_and_ten_mebibytes_is_answered_each_time(live, of, name):
    client, bearer = of(name), live.token(ORG)
    seen = []
    for _ in range(20):
        seen.append(client.ask("Encrypt", {"keyring": RING}, "wrong", fill={"data": 10 * MIB}))
        seen.append(client.ask("Decrypt", {"keyring": RING, "encrypted": "AAAA"}, bearer))

    assert seen == 20 * ["unauthenticated", "invalid_argument"]


@each_caller
def test_a_client_that_waits_long_enough_is_served(live, of, name):
    sealed = of(name).ask("Encrypt", {"keyring": RING, "data": "x"}, live.token(ORG), timeout_ms=20_000)

    assert sealed.keys() == {"encrypted", "keyId"}
