"""Endpoints are taken as settings write them, and in no other way."""

import pytest

from sealring_plugin import ConfigInvalid
from sealring_plugin.net import Endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://kms.example.test", ("https", "kms.example.test", 443)),
        ("https://kms.example.test:8443", ("https", "kms.example.test", 8443)),
        ("https://10.1.2.3:65535", ("https", "10.1.2.3", 65_535)),
        ("http://localhost", ("http", "localhost", 80)),
        ("http://127.0.0.1:4566", ("http", "127.0.0.1", 4566)),
    ],
)
def test_an_endpoint_is_a_scheme_a_host_and_a_port(text, endpoint):
    assert Endpoint.parse(text, "endpoint") == Endpoint(*endpoint)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kms.example.test",
        "https://",
        "https://:443",
        "https://kms.example.test/",
        "https://kms.example.test/v1",
        "https://kms.example.test?x=1",
        "https://kms.example.test#x",
        "https://user@kms.example.test",
        "https://user:secret@kms.example.test",
        "https://KMS.example.test",
        "HTTPS://kms.example.test",
        "https://kms.example.test:",
        "https://kms.example.test:0",
        "https://kms.example.test:0443",
        "https://kms.example.test:65536",
        "https://kms.example.test:99999",
        "https://kms.example.test:443\n",
        "https://kms..example.test",
        "https://.example.test",
        "https://kms.example.test.",
        "https://-kms.example.test",
        "https://kms_1.example.test",
        f"https://{'a' * 64}.test",
        f"https://{'a.' * 127}test",
        "https://[::1]:443",
        "https://k\N{LATIN SMALL LETTER DOTLESS I}ms.test",
        "https://kms.example.test:\N{ARABIC-INDIC DIGIT ONE}",
        " https://kms.example.test",
        "ftp://kms.example.test",
        "https:kms.example.test",
    ],
)
def test_anything_else_is_refused_by_the_name_of_its_setting(text):
    with pytest.raises(ConfigInvalid, match=r"^the_field must be https://host or https://host:port, in lower case"):
        Endpoint.parse(text, "the_field")


@pytest.mark.parametrize("host", ["kms.example.test", "10.0.0.1", "localhost.example.test", "127.0.0.1.example.test"])
def test_http_is_only_for_loopback_hosts(host):
    with pytest.raises(ConfigInvalid, match=r"^the_field must be https://; http:// is only for localhost and "):
        Endpoint.parse(f"http://{host}", "the_field")


@pytest.mark.parametrize(
    ("endpoint", "authority", "url"),
    [
        (("https", "kms.test", 443), "kms.test", "https://kms.test"),
        (("https", "kms.test", 80), "kms.test:80", "https://kms.test:80"),
        (("http", "localhost", 80), "localhost", "http://localhost"),
        (("http", "localhost", 443), "localhost:443", "http://localhost:443"),
        (("http", "fd00:ec2::254", 80), "[fd00:ec2::254]", "http://[fd00:ec2::254]"),
    ],
)
def test_the_usual_port_is_left_out_where_it_is_written(endpoint, authority, url):
    assert (Endpoint(*endpoint).authority, Endpoint(*endpoint).url) == (authority, url)


@pytest.mark.parametrize(
    ("url", "endpoint", "path"),
    [
        ("https://kms.eu-west-1.amazonaws.com/", ("https", "kms.eu-west-1.amazonaws.com", 443), "/"),
        ("https://oauth2.googleapis.com", ("https", "oauth2.googleapis.com", 443), "/"),
        ("http://169.254.169.254/latest?a=b&c", ("http", "169.254.169.254", 80), "/latest?a=b&c"),
        ("http://[fd00:ec2::254]:8080/x", ("http", "fd00:ec2::254", 8080), "/x"),
    ],
)
def test_the_url_of_an_sdk_is_split(url, endpoint, path):
    assert Endpoint.split(url) == (Endpoint(*endpoint), path)


@pytest.mark.parametrize(
    "url", ["", "x", "file:///etc/passwd", "https:///x", "https://secret@x/", "https://x:99999/", "https://[::1/"]
)
def test_a_url_that_leads_nowhere_is_refused_and_not_quoted(url):
    with pytest.raises(ConfigInvalid, match=r"^a URL of our own settings is not https://host/path$"):
        Endpoint.split(url)
