"""The egress guard lets through the cloud's own hosts, and those that the operator names."""

import socket
import time

import pytest

from sealring_plugin import ConfigInvalid, DeadlineExceeded, Egress, Unavailable, dial
from sealring_plugin.net import dialing

CLOUD = Egress.of([".amazonaws.com"], "kms.example.test, localhost:8443, 10.1.2.3")


def soon(seconds=2.0):
    return time.monotonic() + seconds


@pytest.fixture
def resolve(monkeypatch):
    """Let every name lead to these addresses; `resolve(...)` again for what the next look at it finds."""
    answers = []

    def look_up(*_args, **_options):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def resolve(*addresses):
        answers.append([found(each) for each in addresses])

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return resolve


def found(address, port=443):
    """One entry of what getaddrinfo returns; `address` may have the port with it."""
    ip, port = address if isinstance(address, tuple) else (address, port)
    return (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))


@pytest.fixture
def listening():
    """The address of a server that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.fixture
def refusing():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@pytest.fixture
def silent():
    """The address of a server whose queue is full, so that it never answers."""
    with socket.socket() as server, socket.socket() as queued, socket.socket() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        queued.connect(server.getsockname())
        waiting.setblocking(False)
        waiting.connect_ex(server.getsockname())
        yield server.getsockname()


@pytest.mark.parametrize(
    ("host", "port"),
    [("kms.eu-west-1.amazonaws.com", 443), ("kms.example.test", 443), ("kms.example.test", 9), ("localhost", 8443)],
)
def test_a_host_of_the_cloud_or_of_the_operator_is_let_through(host, port):
    CLOUD.check(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("evil.test", 443),
        ("amazonaws.com.evil.test", 443),
        ("kms.amazonaws.com.evil.test", 443),
        ("evilamazonaws.com", 443),
        ("amazonaws.com", 443),
        ("kms.eu-west-1.amazonaws.com", 80),
        ("localhost", 8444),
        ("localhost", 443),
        ("", 443),
        ("a" * 300 + ".amazonaws.com", 443),
        ("user@kms.amazonaws.com", 443),
        ("kms.amazonaws.com/", 443),
        ("KMS.AMAZONAWS.COM\n", 443),
        ("169.254.169.254", 80),
    ],
)
def test_any_other_host_is_refused(host, port):
    with pytest.raises(ConfigInvalid):
        CLOUD.check(host, port)


def test_a_host_that_is_refused_is_not_even_looked_up(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)

    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        CLOUD.connect("evil.test", 443, soon())


INSIDE = [
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:a9fe:a9fe::1",
    "2001:0:808:808::5601:5601",
    "2a00:1450::5efe:10.0.0.1",
]


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_name_of_the_cloud_that_leads_inside_is_refused_whichever_of_its_addresses_does(resolve, address, place):
    addresses = ["52.94.5.1", "2600:1f18::1"]
    addresses.insert(place, address)
    resolve(*addresses)

    with pytest.raises(ConfigInvalid, match="leads to an address that is never called"):
        CLOUD.connect("kms.eu-west-1.amazonaws.com", 443, soon())


METADATA = ["169.254.169.254", "fd00:ec2::254", "fe80::1", "168.63.129.16", "100.100.100.200"]
HIDDEN = ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe"]


@pytest.mark.parametrize("address", [*METADATA, *HIDDEN])
def test_metadata_is_never_called_whatever_the_operator_allows(resolve, address):
    resolve("127.0.0.1", address)

    with pytest.raises(ConfigInvalid, match="leads to an address that is never called"):
        CLOUD.connect("kms.example.test", 443, soon())


def test_the_connection_goes_to_the_address_that_was_checked(resolve, listening, refusing):
    """A name that leads elsewhere at the second look: with a guard that asks twice, to where nobody looked."""
    resolve(listening)
    resolve(refusing)

    with Egress.of([], "kms.example.test").connect("kms.example.test", 443, soon()) as connection:
        assert connection.getpeername() == listening


def test_the_connection_is_to_the_address_and_not_to_the_name(resolve, listening, monkeypatch):
    resolve(listening)
    asked = []
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: (asked.append(address), connect(self, address)))

    Egress.of([], "kms.example.test").connect("kms.example.test", 443, soon()).close()

    assert asked == [listening]


def test_a_host_that_the_operator_names_may_be_on_loopback(listening):
    guard = Egress.of([], f"localhost:{listening[1]}")

    with guard.connect("localhost", listening[1], soon()) as connection:
        assert connection.getpeername() == listening


def test_the_next_address_is_called_where_one_refuses(resolve, listening, refusing):
    resolve(refusing, listening)

    with CLOUD.connect("kms.example.test", 443, soon()) as connection:
        assert connection.getpeername() == listening


def test_the_next_address_is_called_in_time_where_one_is_silent(resolve, listening, silent):
    resolve(silent, listening)
    began = time.monotonic()

    with CLOUD.connect("kms.example.test", 443, soon(1.0)) as connection:
        assert connection.getpeername() == listening
    assert 0.4 < time.monotonic() - began < 0.9


def test_a_host_all_of_whose_addresses_are_silent_costs_no_more_than_the_deadline(resolve, silent):
    resolve(silent, silent, silent)
    began = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        CLOUD.connect("kms.example.test", 443, soon(0.6))
    assert 0.5 < time.monotonic() - began < 1.5


def test_no_address_is_called_when_the_time_is_over(listening):
    (place,) = dialing.resolve(*listening, soon())

    with pytest.raises(DeadlineExceeded, match="no time was left"):
        dialing.connect_any([place], time.monotonic() - 0.001)


def test_a_host_all_of_whose_addresses_refuse_is_unavailable(resolve, refusing):
    resolve(refusing, refusing)

    with pytest.raises(Unavailable, match="cannot be reached"):
        CLOUD.connect("kms.example.test", 443, soon())


# --- the name


def test_a_name_is_looked_up_anew_for_each_connection(resolve, listening, refusing):
    resolve(refusing)
    resolve(listening)

    with pytest.raises(Unavailable):
        CLOUD.connect("kms.example.test", 443, soon())
    CLOUD.connect("kms.example.test", 443, soon()).close()


def test_a_host_that_the_operator_chose_is_dialled_wherever_it_is(listening):
    with dial("localhost", listening[1], soon()) as connection:
        assert connection.getpeername() == listening


def test_a_port_where_nobody_listens_is_unavailable(refusing):
    with pytest.raises(Unavailable):
        Egress.of([], f"localhost:{refusing[1]}").connect("localhost", refusing[1], soon())


def test_no_time_left_is_no_connection():
    with pytest.raises(DeadlineExceeded):
        Egress.of([], "localhost").connect("localhost", 9, time.monotonic() - 1)


@pytest.mark.parametrize("allowed", ["http://host", "host:port", "*", "host/path", "a b"])
def test_a_setting_that_is_no_list_of_hosts_is_refused(allowed):
    with pytest.raises(ConfigInvalid):
        Egress.of([], allowed)
