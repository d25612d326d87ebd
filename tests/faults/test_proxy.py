"""The proxy breaks what it says, in front of a server that answers each line in capitals."""

import socket
import socketserver
import threading
from collections import Counter

import pytest

from faults.proxy import Dice, Fault, FaultProxy, Script
from support.waiting import becomes_true


class Shout(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.server.heard.append(line)
            self.wfile.write(line.upper())


class Servers(socketserver.ThreadingMixIn):
    daemon_threads = True


class TcpServer(Servers, socketserver.TCPServer):
    pass


class UnixServer(Servers, socketserver.UnixStreamServer):
    pass


@pytest.fixture(params=["tcp", "unix"])
def backend(request, tmp_path):
    """A server, and its URL."""
    if request.param == "tcp":
        server = TcpServer(("127.0.0.1", 0), Shout)
        url = f"tcp://127.0.0.1:{server.server_address[1]}"
    else:
        server = UnixServer(str(tmp_path / "s"), Shout)
        url = f"unix://{tmp_path / 's'}"
    server.heard = []
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server, url
        server.shutdown()


@pytest.fixture
def proxy(backend):
    proxy = FaultProxy(backend[1])
    yield proxy
    proxy.close()


@pytest.fixture
def client(proxy):
    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        yield client


def answer(client):
    """What comes until the answer is complete or the other side hangs up."""
    received = b""
    while not received.endswith(b"\n"):
        try:
            more = client.recv(100)
        except ConnectionResetError:
            break
        if not more:
            break
        received += more
    return received


def test_without_a_plan_everything_passes(client):
    for _ in range(3):
        client.sendall(b"hello\n")

        assert answer(client) == b"HELLO\n"


@pytest.mark.parametrize(
    ("fault", "heard", "answered"),
    [(Fault.LOSE, [b"hello\n"], b""), (Fault.TRUNCATE, [b"hello\n"], b"HEL"), (Fault.DROP, [], b"")],
)
def test_a_fault_hangs_up(backend, proxy, client, fault, heard, answered):
    proxy.plan = Script(b"hello", fault)

    client.sendall(b"hello\n")

    assert answer(client) == answered
    assert backend[0].heard == heard
    assert proxy.made == {fault: 1}


def test_only_the_request_with_the_word_is_met(proxy, client):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    client.sendall(b"hello\n")

    assert answer(client) == b"HELLO\n"
    assert list(proxy.plan.left) == [Fault.LOSE]


def test_a_delayed_answer_arrives(proxy, client):
    proxy.plan = Script(b"hello", Fault.DELAY)

    client.sendall(b"hello\n")

    assert answer(client) == b"HELLO\n"
    assert proxy.made == {Fault.DELAY: 1}


def test_while_it_is_frozen_nothing_passes_and_afterwards_all_does(backend, proxy, client):
    proxy.frozen = True
    client.sendall(b"hello\n")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert backend[0].heard == []

    proxy.frozen = False

    client.settimeout(10)
    assert answer(client) == b"HELLO\n"


def test_the_hook_runs_between_the_deed_and_the_loss(backend, proxy, client):
    seen = []
    proxy.before_fault = lambda: seen.extend(backend[0].heard)
    proxy.plan = Script(b"hello", Fault.LOSE)

    client.sendall(b"hello\n")

    assert becomes_true(lambda: seen == [b"hello\n"])


def test_a_backend_that_is_away_is_a_lost_connection(tmp_path):
    proxy = FaultProxy(f"unix://{tmp_path}/nobody")
    host, port = proxy.address.split(":")

    with socket.create_connection((host, int(port)), timeout=10) as client:
        assert answer(client) == b""

    proxy.close()


def test_dice_fall_alike_for_one_seed_and_with_their_odds():
    odds = {Fault.LOSE: 0.2, Fault.DROP: 0.1}

    rolls = [Dice(7, b"^POST ", odds)(b"POST /") for _ in range(2)]
    dice = Dice(7, b"^POST ", odds)
    fallen = Counter(dice(b"POST /") for _ in range(10_000))

    assert rolls[0] == rolls[1]
    assert 1_800 < fallen[Fault.LOSE] < 2_200
    assert 900 < fallen[Fault.DROP] < 1_100
    assert Counter(dice(b"GET /") for _ in range(100)) == {None: 100}
