"""Endpoints: what a URL's connections are like, and the files of TLS that are looked at before anything is served."""

import pytest
from cryptography.hazmat.primitives import serialization

from sealring.errors import SettingsInvalid
from sealring.store.connection.endpoint import Endpoint
from sealring.store.connection.links import Links
from sealring.store.connection.store_url import StoreUrl
from support.tls import PrivateCa

READABLE = "cannot be read as a certificate and its key: check that both are PEM and belong together"


def endpoints(url, usual_port=6379):
    return Endpoint.each(StoreUrl.parse(url), usual_port)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return PrivateCa(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def ours(ca, tmp_path):
    """A certificate of ours and its key, in files that a test may change."""
    made = ca.issue("sealring")
    copies = tmp_path / "certificate.pem", tmp_path / "key.pem"
    for source, copy in zip(made, copies, strict=True):
        copy.touch(mode=0o600)
        copy.write_bytes(source.read_bytes())
    return copies


def test_several_hosts_share_credentials_and_options():
    found = endpoints("sentinel://us%40er:p%2Fw%3F@one:1,two,[::1]:3,[::2]/name?db=2", 26379)

    assert [each.address for each in found] == [("one", 1), ("two", 26379), ("::1", 3), ("::2", 26379)]
    made = [each.connection() for each in found]
    assert {(each.username, each.password, each.db) for each in made} == {("us@er", "p/w?", 2)}


@pytest.mark.parametrize(
    ("url", "encrypted"),
    [
        ("cluster://host?tls=true", True),
        ("cluster://host?tls=false", False),
        ("cluster://host", False),
        ("rediss://host", True),
        ("redis://host", False),
    ],
)
def test_tls_is_what_was_asked_for(url, encrypted):
    (endpoint,) = endpoints(url)

    assert (type(endpoint.connection()).__name__ == "SSLConnection") is encrypted


def test_certificates_and_names_are_checked_unless_that_is_switched_off():
    (strict,), (lax,) = endpoints("rediss://host"), endpoints("rediss://host?ssl_cert_reqs=none&ssl_check_hostname=no")

    assert (strict.connection().cert_reqs.name, strict.connection().check_hostname) == ("CERT_REQUIRED", True)
    assert (lax.connection().cert_reqs.name, lax.connection().check_hostname) == ("CERT_NONE", False)


def test_a_socket_is_reached_by_its_path():
    (endpoint,) = endpoints("unix://user:pass@/run/valkey.sock?db=1")

    made = endpoint.connection()
    assert (made.path, made.username, made.password, made.db) == ("/run/valkey.sock", "user", "pass", 1)


def test_an_endpoint_is_never_shown():
    (endpoint,) = endpoints("redis://u:s3cret@host")

    assert "s3cret" not in repr(endpoint)


# --- files of TLS


def refusal(url):
    with pytest.raises(SettingsInvalid) as refused:
        Links.to(url)
    return str(refused.value)


def test_a_certificate_of_ours_and_its_key_are_taken(ca, ours):
    certificate, key = ours

    assert Links.to(f"rediss://host?ssl_ca_certs={ca.file}&ssl_certfile={certificate}&ssl_keyfile={key}")


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o660])
@pytest.mark.parametrize("url", ["rediss://host?", "cluster://host?tls=true&", "sentinel://host/name?tls=true&"])
def test_a_key_of_ours_that_others_can_read_is_refused(ours, url, mode):
    certificate, key = ours
    key.chmod(mode)

    said = refusal(f"{url}ssl_certfile={certificate}&ssl_keyfile={key}")

    assert said == f"store.url: ssl_keyfile {key} is open to others; run: chmod 600 {key}"


def test_a_certificate_with_its_key_in_it_is_a_private_file(ours, tmp_path):
    certificate, key = ours
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    both.chmod(0o644)

    assert refusal(f"rediss://host?ssl_certfile={both}") == (
        f"store.url: ssl_certfile {both} is open to others; run: chmod 600 {both}"
    )


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_is_missing_is_said_at_once(ours, tmp_path, option):
    given = {"ssl_certfile": ours[0], "ssl_keyfile": ours[1], option: tmp_path / "missing"}

    said = refusal("rediss://host?" + "&".join(f"{name}={path}" for name, path in given.items()))

    assert said == f"store.url: {option} {tmp_path}/missing cannot be read (No such file or directory)"


def test_a_key_without_a_certificate_is_refused(ours):
    assert refusal(f"rediss://host?ssl_keyfile={ours[1]}") == "store.url: ssl_keyfile is set without ssl_certfile"


def test_a_key_of_another_certificate_is_refused(ca, ours):
    other = ca.issue("another")[1]
    other.chmod(0o600)

    assert refusal(f"rediss://host?ssl_certfile={ours[0]}&ssl_keyfile={other}") == f"store.url: ssl_certfile {READABLE}"


@pytest.mark.parametrize("garbage", [b"", b"s3cret", b"\xef\xbb\xbf\xff"])
def test_authorities_that_are_none_are_refused(tmp_path, garbage):
    (tmp_path / "ca.pem").write_bytes(garbage)

    assert refusal(f"rediss://host?ssl_ca_certs={tmp_path}/ca.pem") == (
        f"store.url: ssl_ca_certs {tmp_path}/ca.pem holds no certificate in PEM"
    )


def test_ciphers_that_there_are_not_are_refused():
    assert refusal("rediss://host?ssl_ciphers=s3cret") == "store.url: ssl_ciphers names no cipher that OpenSSL knows"


@pytest.mark.parametrize(
    ("given", "taken"), [("", False), ("&ssl_password=wrong", False), ("&ssl_password=pass", True)]
)
def test_a_key_with_a_password_asks_nobody_for_it(ours, given, taken):
    """OpenSSL would ask the terminal, and a server would wait for ever."""
    certificate, key = ours
    unlocked = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        unlocked.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pass"),
        )
    )
    url = f"rediss://host?ssl_certfile={certificate}&ssl_keyfile={key}{given}"

    if taken:
        assert Links.to(url)
    else:
        assert refusal(url) == "store.url: ssl_keyfile needs another ssl_password"
