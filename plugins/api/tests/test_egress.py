"""The egress guard lets through the cloud's own hosts, and those that the operator names."""

import socket
import time

import pytest

from sealring_plugin import ConfigInvalid, DeadlineExceeded, Egress, Unavailable

CLOUD = Egress.of([".amazonaws.com"], "kms.example.test, localhost:8443, 10.1.2.3")


def soon():
    return time.monotonic() + 2


@pytest.fixture
def resolve(monkeypatch):
    """Let names lead to these addresses."""

    def resolve(*addresses):
        found = [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443))
            for each in addresses
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)

    return resolve


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


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
    ],
)
def test_a_name_of_the_cloud_that_leads_inside_is_refused(resolve, address):
    resolve("52.94.5.1", address)

    with pytest.raises(ConfigInvalid):
        CLOUD.connect("kms.eu-west-1.amazonaws.com", 443, soon())


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "fe80::1", "168.63.129.16"])
def test_metadata_is_never_called_whatever_the_operator_allows(resolve, address):
    resolve(address)

    with pytest.raises(ConfigInvalid):
        CLOUD.connect("kms.example.test", 443, soon())


def test_the_connection_goes_to_the_address_that_was_checked(resolve, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        guard = Egress.of([], f"localhost:{port}")

        with guard.connect("localhost", port, soon()) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


def test_a_port_where_nobody_listens_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(Unavailable):
        Egress.of([], f"localhost:{port}").connect("localhost", port, soon())


def test_no_time_left_is_no_connection():
    with pytest.raises(DeadlineExceeded):
        Egress.of([], "localhost").connect("localhost", 9, time.monotonic() - 1)


@pytest.mark.parametrize("allowed", ["http://host", "host:port", "*", "host/path", "a b"])
def test_a_setting_that_is_no_list_of_hosts_is_refused(allowed):
    with pytest.raises(ConfigInvalid):
        Egress.of([], allowed)
