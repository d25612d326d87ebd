"""TLS trusts the system's authorities and those of the operator, for the host that was meant, from TLS 1.2 on."""

import socket
import ssl
import time
from types import SimpleNamespace

import pytest

from sealring_plugin import ConfigInvalid, Unavailable
from sealring_plugin.net import Endpoint, Request, tls_context, trust

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def get(endpoint):
    return Request("GET", endpoint, "/")


def soon():
    return time.monotonic() + 20


def test_certificates_and_host_names_are_checked_and_old_tls_is_not_spoken():
    context = tls_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_tls_1_2_is_the_floor_whatever_the_default_of_python_is(monkeypatch):
    def lax(protocol):
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    names = {"PROTOCOL_TLS_CLIENT": ssl.PROTOCOL_TLS_CLIENT, "TLSVersion": ssl.TLSVersion}
    monkeypatch.setattr(trust, "ssl", SimpleNamespace(SSLContext=lax, **names))

    assert tls_context().minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_a_server_that_speaks_only_tls_1_1_is_not_talked_to(make_client, answering, authority):
    old = authority.server()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(Unavailable, match=r"failed \(SSLError\)"):
        make_client(ca_file=authority.ca_file).send(get(answering(EMPTY, tls=old).endpoint), soon())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_private_authority_is_trusted_if_the_operator_names_it(make_client, answering, authority, version):
    tls = authority.server()
    tls.minimum_version = tls.maximum_version = version
    client = make_client(ca_file=authority.ca_file)
    server = answering(EMPTY, tls=tls)

    assert [client.send(get(server.endpoint), soon()).body for _ in range(3)] == [b"{}"] * 3
    assert client.idle_connections == 1


def test_an_authority_of_the_system_is_trusted(make_client, answering, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    server = answering(EMPTY, tls=authority.server())

    assert make_client().send(get(server.endpoint), soon()).body == b"{}"


def test_an_authority_that_nobody_named_is_not_trusted(make_client, answering, authority):
    server = answering(EMPTY, tls=authority.server())

    with pytest.raises(Unavailable, match=r"not one that is trusted \(SSLCertVerificationError\); see ca_file"):
        make_client().send(get(server.endpoint), soon())


@pytest.mark.parametrize(("hours", "said"), [((-2, -1), "has expired"), ((1, 2), "is not valid yet")])
def test_a_certificate_out_of_its_time_is_said_to_be(make_client, answering, authority, hours, said):
    server = answering(EMPTY, tls=authority.server(hours=hours))

    with pytest.raises(Unavailable, match=f"certificate {said}; check its dates, and the clock of this machine"):
        make_client(ca_file=authority.ca_file).send(get(server.endpoint), soon())


def test_a_certificate_of_another_host_is_not_trusted(make_client, answering, authority):
    server = answering(EMPTY, tls=authority.server("kms.example.test"))

    with pytest.raises(
        Unavailable, match=r"certificate is for another host than the one that was called \(SSLCertVer\w+\)$"
    ):
        make_client(ca_file=authority.ca_file).send(get(server.endpoint), soon())


def test_the_certificate_is_for_the_name_and_not_for_the_address(make_client, answering, authority, monkeypatch):
    server = answering(EMPTY, tls=authority.server("kms.example.test"))
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, **options: found("127.0.0.1", port, **options))

    answer = make_client(ca_file=authority.ca_file).send(
        get(Endpoint("https", "kms.example.test", server.port)), soon()
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"]
)
def test_a_ca_file_without_a_certificate_is_config_invalid(tmp_path, content):
    (tmp_path / "ca.pem").write_bytes(content)

    with pytest.raises(ConfigInvalid, match=r"^ca_file .*ca.pem cannot be read, or has no certificate in PEM$"):
        tls_context(tmp_path / "ca.pem")


@pytest.mark.parametrize("name", ["missing.pem", ".", "a\0b"])
def test_a_ca_file_that_cannot_be_read_is_config_invalid(tmp_path, name):
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        tls_context(tmp_path / name)


def test_no_variable_of_the_environment_has_the_keys_of_connections_written_down(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert tls_context().keylog_filename is None


def test_only_the_names_that_a_certificate_lists_count():
    assert tls_context().hostname_checks_common_name is False
