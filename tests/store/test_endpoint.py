"""URLs of a store of several nodes: what can be written in one, and what a bad one is told."""

import pytest

from sealring.errors import SettingsInvalid
from sealring.store.endpoint import Endpoint, ManyHosts
from sealring.store.links import Links

UNREADABLE = (
    "store.url has a host, a port or an option that cannot be read; its user and password must be percent-encoded"
)
REFUSED = {
    "another scheme": (
        "http://s3cret@host",
        "store.url must begin with redis://, rediss://, unix://, sentinel:// or cluster://",
    ),
    "no name of the primary": (
        "sentinel://u:s3cret@host",
        "store.url needs the name of the primary, as in sentinel://host:26379/name",
    ),
    "no host": ("sentinel://u:s3cret@/name", "store.url lacks a host"),
    "a host too few": ("cluster://u:s3cret@one,,two", "store.url lacks a host"),
    "a word as the port": ("sentinel://u:s3cret@host:port/name", UNREADABLE),
    "a port that no host has": ("cluster://u:s3cret@host:65536", UNREADABLE),
    "a slash in the password": ("sentinel://u:s3cr/et@host/name", UNREADABLE),
    "a # in the password": ("cluster://u:s3cr#et@host", UNREADABLE),
    "letters that look like a slash": ("sentinel://u:s3cret\N{ACCOUNT OF}@host/name", UNREADABLE),
    "a bracket too few": ("cluster://u:s3cret@[::1", UNREADABLE),
    "an unknown option": ("sentinel://u:s3cret@host/name?colour=s3cret", UNREADABLE),
    "an unknown option of one node": ("redis://u:s3cret@host?colour=s3cret", UNREADABLE),
    "a database without a number": ("cluster://u:s3cret@host?db=s3cret", UNREADABLE),
    "an unknown way to check certificates": ("cluster://u:s3cret@host?tls=true&ssl_cert_reqs=s3cret", UNREADABLE),
    "a tls that is neither": ("sentinel://u:s3cret@host/name?tls=yes", "store.url: tls must be true or false"),
}


@pytest.mark.parametrize(("url", "said"), REFUSED.values(), ids=REFUSED)
def test_a_url_that_cannot_be_used_is_refused_in_a_line_without_the_password(url, said):
    with pytest.raises(SettingsInvalid) as refused:
        Links.to(url)

    assert str(refused.value) == said
    assert refused.value.__cause__ is None


def test_several_hosts_share_credentials_and_options():
    hosts = ManyHosts.parse("sentinel://us%40er:p%2Fw%3F@one:1,two,[::1]:3,[::2]/name?db=2")

    endpoints = hosts.endpoints(26379)

    assert hosts.path == "name"
    assert [each.address for each in endpoints] == [("one", 1), ("two", 26379), ("::1", 3), ("::2", 26379)]
    made = [each.connection() for each in endpoints]
    assert {(each.username, each.password, each.db) for each in made} == {("us@er", "p/w?", 2)}


@pytest.mark.parametrize(("tls", "encrypted"), [("?tls=true", True), ("?tls=false", False), ("", False)])
def test_tls_is_what_was_asked_for(tls, encrypted):
    (endpoint,) = ManyHosts.parse(f"cluster://host{tls}").endpoints()

    assert (type(endpoint.connection()).__name__ == "SSLConnection") is encrypted


def test_a_url_is_never_shown():
    assert "s3cret" not in repr(ManyHosts.parse("sentinel://u:s3cret@host/name?sentinel_password=s3cret"))
    assert "s3cret" not in repr(Endpoint("redis://u:s3cret@host"))
