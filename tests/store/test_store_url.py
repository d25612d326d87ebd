"""URLs of a store: what can be written in one, and what a bad one is told, without a word of what it holds."""

import re

import pytest

from sealring import settings
from sealring.errors import SettingsInvalid
from sealring.operator import installation
from sealring.store.connection.links import Links
from sealring.store.connection.store_url import StoreUrl

ENCODED = "; in user, password and options, percent-encode characters that have a meaning in URLs"
SCHEMES = "store.url must begin with redis://, rediss://, unix://, sentinel:// or cluster://"
HOST = f"store.url has a host that cannot be read{ENCODED}"
PORT = f"store.url has a port that is not a number from 1 to 65535{ENCODED}"
DATABASE = f"store.url: db must be a whole number{ENCODED}"
UNKNOWN = (
    f"store.url has an unknown option{ENCODED}; known are: db, username, password, client_name, "
    "socket_keepalive, ssl_ca_certs, ssl_ca_path, ssl_certfile, ssl_keyfile, ssl_password, ssl_cert_reqs, "
    "ssl_check_hostname, ssl_min_version, ssl_ciphers, ssl_include_verify_flags, ssl_exclude_verify_flags"
)
KNOWN_OF_SEVERAL = f"{UNKNOWN}, tls"
KNOWN_OF_SENTINELS = f"{KNOWN_OF_SEVERAL}, sentinel_username, sentinel_password"
CHARACTER = f"store.url contains a blank, a control character or a character outside ASCII{ENCODED}"

REFUSED = {
    "another scheme": ("http://s3cret@host", SCHEMES),
    "no scheme": ("s3cret@host:6379", SCHEMES),
    "nothing": ("", SCHEMES),
    # --- user and password
    "a user alone, which is a password more often": (
        "redis://s3cret@host",
        "store.url has a user without a password; write :password@ for only a password, user:@ for a user without one",
    ),
    "a slash in the password": ("sentinel://u:s3cr/et@host/name", PORT),
    "a slash in the password, and digits": ("redis://u:12/s3cret@host", DATABASE),
    "a question mark in the password": ("redis://s3c?ret@host", UNKNOWN),
    "a # in the password": ("cluster://u:s3cr#et@host", f"store.url contains a #{ENCODED}"),
    "a per cent in the password": ("redis://u:s3cr%zz@host", f"store.url contains a % that begins no code{ENCODED}"),
    "half a letter in the password": (
        "redis://u:s3cr%ff@host",
        f"store.url contains a % that begins no code{ENCODED}",
    ),
    "a blank in the password": ("redis://u:s3 cret@host", CHARACTER),
    "a password of two lines": ("redis://u:s3\ncret@host", CHARACTER),
    "a password that is said twice": (
        "redis://u:s3cret@host?password=s3cret",
        "store.url says user and password twice",
    ),
    # --- hosts
    "no host": ("redis://", "store.url lacks a host"),
    "no host, and a database": ("redis:///0", "store.url lacks a host"),
    "no host of a Sentinel": ("sentinel://u:s3cret@/name", "store.url lacks a host"),
    "a host too few": ("cluster://u:s3cret@one,,two", "store.url lacks a host"),
    "several hosts of one node": (
        "redis://u:s3cret@one,two",
        "store.url names several hosts; only cluster:// and sentinel:// may",
    ),
    "a word as the port": ("sentinel://u:s3cret@host:port/name", PORT),
    "a port that no host has": ("cluster://u:s3cret@host:65536", PORT),
    "port 0": ("redis://u:s3cret@host:0", PORT),
    "a port in other digits": ("redis://host:%D9%A1", PORT),
    "a port left away after its colon": ("redis://host:/0", PORT),
    "two ports": ("redis://host:1:2", HOST),
    "letters that look like a slash": ("sentinel://u:s3cret\N{ACCOUNT OF}@host/name", CHARACTER),
    "a bracket too few": ("cluster://u:s3cret@[::1", HOST),
    "no address in the brackets": ("redis://u:s3cret@[host]", HOST),
    "an IPv6 address without brackets": ("redis://u:s3cret@::1", HOST),
    "a path of Windows": ("redis://u:s3cret@host\\0", HOST),
    # --- paths
    "a database that is a word": ("redis://h/abc", DATABASE),
    "two databases": ("redis://h/1/2", DATABASE),
    "a database below 0": ("redis://h/-1", DATABASE),
    "a database with a slash behind": ("redis://h/1/", DATABASE),
    "a database that is a word, of a cluster": ("cluster://h/abc", DATABASE),
    "a database that is said twice": ("redis://h/1?db=1", "store.url says the database twice"),
    "no name of the primary": (
        "sentinel://u:s3cret@host",
        "store.url needs the name of the primary, as in sentinel://host:26379/name",
    ),
    "a database behind the primary": (
        "sentinel://host/name/2",
        "store.url has more than the name of the primary in its path; a database is an option: ?db=2",
    ),
    "the end of a password in the primary": (
        "sentinel://s3c/ret@host",
        "store.url has more than the name of the primary in its path; a database is an option: ?db=2",
    ),
    "a socket that is not absolute": (
        "unix://run/valkey.sock",
        "store.url must name a socket by its absolute path, as in unix:///run/valkey/valkey.sock",
    ),
    "no socket": (
        "unix://",
        "store.url must name a socket by its absolute path, as in unix:///run/valkey/valkey.sock",
    ),
    "a socket with a longer path than sockets have": (
        f"unix:///{'s' * 108}",
        "store.url names a socket whose path is longer than the system allows",
    ),
    # --- options
    "an unknown option": ("sentinel://u:s3cret@host/name?colour=s3cret", KNOWN_OF_SENTINELS),
    "an unknown option of a cluster": ("cluster://u:s3cret@host?colour=s3cret", KNOWN_OF_SEVERAL),
    "an unknown option of one node": ("redis://u:s3cret@host?colour=s3cret", UNKNOWN),
    "a secret as an option": ("redis://host?s3cret", UNKNOWN),
    "an option of redis-py's that would break us": (
        "redis://u:s3cret@host?decode_responses=true",
        f"store.url has the option decode_responses, which sealring sets itself{ENCODED}",
    ),
    "a protocol": (
        "redis://u:s3cret@host?protocol=3",
        f"store.url has the option protocol, which sealring sets itself{ENCODED}",
    ),
    "a timeout": (
        "redis://u:s3cret@host?socket_timeout=30",
        f"store.url has the option socket_timeout, which sealring sets itself{ENCODED}",
    ),
    "a check that redis-py would leave out": (
        "rediss://u:s3cret@host?ssl_validate_ocsp=true",
        f"store.url has the option ssl_validate_ocsp, which sealring sets itself{ENCODED}",
    ),
    "an option twice": ("redis://host?db=1&db=2", f"store.url says db twice{ENCODED}"),
    "an option of nothing": ("redis://host?db=", DATABASE),
    "an option that is no pair": ("redis://host?db", DATABASE),
    "a database without a number": ("cluster://u:s3cret@host?db=s3cret", DATABASE),
    "a database with an underscore": ("redis://host?db=1_0", DATABASE),
    "a + that may be a blank": (
        "sentinel://host/name?sentinel_password=s3+cret",
        "store.url has a + in an option; write %2B for it, or %20 for a blank",
    ),
    "an unknown way to check certificates": (
        "cluster://u:s3cret@host?tls=true&ssl_cert_reqs=s3cret",
        f"store.url: ssl_cert_reqs must be none, optional or required{ENCODED}",
    ),
    "a misspelt flag, which redis-py takes for true": (
        "rediss://host?ssl_check_hostname=flase",
        f"store.url: ssl_check_hostname must be true or false{ENCODED}",
    ),
    "an unknown version of TLS": (
        "rediss://host?ssl_min_version=TLSv1.1",
        f"store.url: ssl_min_version must be TLSv1.2 or TLSv1.3{ENCODED}",
    ),
    "an unknown flag of certificates": (
        "rediss://host?ssl_exclude_verify_flags=s3cret",
        f"store.url: ssl_exclude_verify_flags must be names of ssl.VerifyFlags{ENCODED}",
    ),
    "a name of two words": (
        "redis://host?client_name=two%20words",
        f"store.url: client_name must be printable, without a blank{ENCODED}",
    ),
    "a tls that is neither": (
        "sentinel://u:s3cret@host/name?tls=yes",
        f"store.url: tls must be true or false{ENCODED}",
    ),
    "TLS of a URL that has a scheme for it": (
        "redis://u:s3cret@host?tls=true",
        "store.url: use rediss:// for TLS with one node",
    ),
    "a certificate without TLS": (
        "redis://u:s3cret@host?ssl_ca_certs=/ca.pem",
        "store.url has ssl_ca_certs without TLS; use rediss://, or tls=true with several hosts",
    ),
    "checks without TLS": (
        "cluster://host?ssl_cert_reqs=required&tls=false",
        "store.url has ssl_cert_reqs without TLS; use rediss://, or tls=true with several hosts",
    ),
    "TLS of a socket": (
        "unix:///run/valkey.sock?ssl_ca_certs=/ca.pem",
        "store.url has ssl_ca_certs without TLS; use rediss://, or tls=true with several hosts",
    ),
    "a Sentinel's user with one node": ("redis://host?sentinel_username=s3cret", UNKNOWN),
}


@pytest.mark.parametrize(("url", "said"), REFUSED.values(), ids=REFUSED)
def test_a_url_that_cannot_be_used_is_refused_in_a_line_without_the_password(url, said):
    with pytest.raises(SettingsInvalid) as refused:
        Links.to(url)

    assert str(refused.value) == said
    assert not re.search("s3|ret@|cret", str(refused.value).replace("secret", ""))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("redis://host", None, None),
        ("redis://:p%3Ass%2Fword@host", None, "p:ss/word"),
        ("redis://us%40er:p%25@host", "us@er", "p%"),
        ("redis://user:@host", "user", ""),
        ("redis://:a@b@host", None, "a@b"),
        ("redis://user:a:b@host", "user", "a:b"),
        ("redis://user:a+b@host", "user", "a+b"),
        ("redis://user:p%C3%A4ss@host", "user", "p\N{LATIN SMALL LETTER A WITH DIAERESIS}ss"),
        ("unix:///run/valkey.sock?username=user&password=a%2Bb", "user", "a+b"),
        ("unix://user:pass@/run/valkey.sock", "user", "pass"),
    ],
)
def test_user_and_password_are_what_was_meant(url, user, password):
    said = StoreUrl.parse(url).credentials

    assert (said.get("username"), said.get("password")) == (user, password)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("redis://Store_1.example.com", [("Store_1.example.com", None)]),
        ("rediss://h:65535/", [("h", 65535)]),
        ("redis://[::1]", [("::1", None)]),
        ("redis://[fe80::1%25eth0]:7", [("fe80::1%eth0", 7)]),
        ("cluster://us%40er:p@one:1,two,[::1]:3", [("one", 1), ("two", None), ("::1", 3)]),
        ("unix:///run/valkey.sock", []),
    ],
)
def test_hosts_and_ports_are_what_was_written(url, hosts):
    assert list(StoreUrl.parse(url).hosts) == hosts


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("redis://h", None),
        ("redis://h/", None),
        ("redis://h/0", 0),
        ("rediss://h/15", 15),
        ("redis://h?db=3", 3),
        ("cluster://h/2", 2),
        ("sentinel://h/name?db=4", 4),
        ("unix:///s?db=5", 5),
    ],
)
def test_the_database_is_what_was_written(url, database):
    assert StoreUrl.parse(url).options.get("db") == database


def test_the_name_of_a_primary_and_the_path_of_a_socket_are_decoded():
    assert StoreUrl.parse("sentinel://h/my%20primary").path == "my primary"
    assert StoreUrl.parse("unix:///run/a%23b@c.sock").path == "/run/a#b@c.sock"
    assert StoreUrl.parse("rediss://h?ssl_ca_certs=/a%2520b").options == {"ssl_ca_certs": "/a%20b"}  # once


@pytest.mark.parametrize(
    ("word", "flag"), [("true", True), ("True", True), ("1", True), ("yes", True), ("false", False), ("No", False)]
)
def test_a_flag_may_be_any_word_that_means_it(word, flag):
    assert StoreUrl.parse(f"redis://h?socket_keepalive={word}").options == {"socket_keepalive": flag}


def test_a_url_is_never_shown():
    assert "s3cret" not in repr(StoreUrl.parse("sentinel://u:s3cret@host/name?sentinel_password=s3cret"))


def test_a_url_is_looked_at_before_anything_is_made_of_it(tmp_path):
    with pytest.raises(SettingsInvalid, match="^store.url: db must be a whole number"):
        list(installation.create_files(tmp_path / "new", "redis://host/abc", "local"))

    assert not (tmp_path / "new").exists()


def test_settings_with_such_a_url_are_refused(tmp_path):
    list(installation.create_files(tmp_path, "redis://host", "local"))
    (tmp_path / "store-url").write_text("redis://u:s3cret@host?decode_responses=true\n")

    with pytest.raises(
        SettingsInvalid, match=r"^store\.url has the option decode_responses, which sealring sets itself"
    ):
        settings.load(tmp_path / "sealring.toml")
