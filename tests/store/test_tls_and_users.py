"""Each kind of URL reaches the store: TCP and Unix socket, TLS with a private CA, user and password, database."""

import pytest

from sealring.errors import StoreUnavailable
from sealring.store.connection.links import Links
from support.make import ACME, caller, context, services
from support.stores import on_links
from support.tls import PrivateCa, TlsProxy
from support.valkeys import running_valkey

ME = caller(ACME)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return PrivateCa(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def tls(valkey, ca):
    """Starts a proxy with TLS before the Valkey, and returns its address."""
    running = []

    def start(**options):
        address = options.pop("address", "127.0.0.1")
        running.append(TlsProxy(valkey.removeprefix("unix://"), ca.issue("store", address), **options))
        return f"127.0.0.1:{running[-1].port}"

    yield start
    for each in running:
        each.close()


def pinged(url):
    links = Links.to(url)
    try:
        return links.call((b"PING",)) == [b"PONG"]
    finally:
        links.close()


def works(url):
    """Write and read an object over this URL."""
    links = Links.to(url)
    store = on_links(links)
    use = services(store)
    try:
        record = use.objects.create(ME, name="name", value="value", context=context())
        return use.objects.read(ME, str(record.id)).value == "value"
    finally:
        links.close()


def test_a_unix_socket(links, valkey):
    assert works(valkey)


def test_a_unix_socket_with_user_and_password(acl_url):
    assert works(acl_url)


def test_tls_with_a_private_ca(links, tls, ca):
    assert works(f"rediss://{tls()}?ssl_ca_certs={ca.file}")


def test_tls_with_user_and_password(acl_url, tls, ca):
    assert works(f"rediss://sealring:a-long-password@{tls()}?ssl_ca_certs={ca.file}")


def test_tls_with_a_certificate_of_ours(tls, ca):
    certificate, key = ca.issue("sealring")
    address = tls(clients=ca)

    assert pinged(f"rediss://{address}?ssl_ca_certs={ca.file}&ssl_certfile={certificate}&ssl_keyfile={key}")
    with pytest.raises(StoreUnavailable):
        pinged(f"rediss://{address}?ssl_ca_certs={ca.file}")


def test_a_ca_that_nobody_named_is_not_trusted(tls):
    with pytest.raises(StoreUnavailable):
        pinged(f"rediss://{tls()}")


def test_a_certificate_for_another_host_is_not_taken(tls, ca):
    with pytest.raises(StoreUnavailable):
        pinged(f"rediss://{tls(address='127.0.0.2')}?ssl_ca_certs={ca.file}")


def test_a_store_with_tls_gets_nothing_in_clear(tls):
    with pytest.raises(StoreUnavailable):
        pinged(f"redis://{tls()}")


@pytest.mark.parametrize(
    ("credentials", "accepted"),
    [
        ("us%40er:p%3Ass%2Fword@", True),
        ("us%40er:another@", False),
        ("another:p%3Ass%2Fword@", False),
        (":of-the-default-user@", True),
        ("", False),
    ],
)
def test_user_and_password_over_tcp(tmp_path, credentials, accepted):
    with running_valkey(tmp_path) as url:
        admin = Links.to(url)
        admin.call((b"ACL", b"SETUSER", b"us@er", b"on", b">p:ss/word", b"~*", b"+@all"))
        admin.call((b"CONFIG", b"SET", b"requirepass", b"of-the-default-user"))
        admin.close()
        given = url.replace("redis://", f"redis://{credentials}")

        if accepted:
            assert pinged(given)
        else:
            with pytest.raises(StoreUnavailable):
                pinged(given)


def test_the_database_of_the_url_is_used(links, valkey):
    chosen = Links.to(f"{valkey}?db=2")
    chosen.call((b"SET", b"here", b"1"))

    assert links.call((b"GET", b"here")) == [None]
    assert chosen.call((b"GET", b"here")) == [b"1"]
    chosen.close()
