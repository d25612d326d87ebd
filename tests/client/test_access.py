"""Where a token may go, and where it comes from."""

import pytest

from sealring.client.access import Access, find_token
from sealring.client.failures import AccessInvalid

TOKEN = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("https://sealring.example.com", "https://sealring.example.com"),
        ("https://Sealring.Example.com:8443/", "https://sealring.example.com:8443"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8420", "http://127.0.0.1:8420"),
        ("http://localhost:8420", "http://localhost:8420"),
        ("http://[::1]:8420", "http://[::1]:8420"),
        ("https://my_service", "https://my_service"),
    ],
)
def test_a_server_is_a_host(url, reached):
    assert Access.of(url, TOKEN, allow_http=False).endpoint.url == reached


@pytest.mark.parametrize(
    "url",
    [
        "", "sealring.example.com", "ftp://sealring.example.com", "https://", "https://:8420", "https://host:0x1",
        "https://host:99999", "https://user:password@host", "https://token@host", "https://host/path", "https://host?a=b",
        "https://ho st", "https://h\u00f6st", "https://host\r\nX: y", "https://[::1", "https://-\u202e",
    ],
)  # fmt: skip
def test_what_is_no_server_is_refused_without_being_quoted(url):
    with pytest.raises(AccessInvalid) as refused:
        Access.of(url, TOKEN, allow_http=True)

    assert len(url) < 9 or url not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["http://sealring.example.com", "http://192.0.2.1", "http://localhost.example.com", "http://127.0.0.1.example.com"],
)
def test_a_token_goes_over_http_to_another_machine_only_if_that_is_said(url):
    with pytest.raises(AccessInvalid, match="--allow-http"):
        Access.of(url, TOKEN, allow_http=False)

    assert Access.of(url, TOKEN, allow_http=True).endpoint.url == url


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "a,b", "\u00e9", "a" * 7994, "a\0"])
def test_what_is_no_token_is_refused_without_being_quoted(token):
    with pytest.raises(AccessInvalid) as refused:
        Access.of("https://host", token, allow_http=False)

    assert len(token) < 3 or token not in str(refused.value)


def test_a_token_is_not_in_the_text_of_its_access():
    assert TOKEN not in repr(Access.of("https://host", TOKEN, allow_http=False))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def test_a_token_is_that_of_the_environment():
    assert find_token(None, {"SEALRING_TOKEN": TOKEN}) == TOKEN


def test_a_token_is_that_of_the_file_that_the_environment_names(file):
    assert find_token(None, {"SEALRING_TOKEN_FILE": str(file)}) == TOKEN


def test_a_file_that_is_said_comes_before_the_environment(file):
    assert find_token(file, {"SEALRING_TOKEN": "another", "SEALRING_TOKEN_FILE": "/another"}) == TOKEN


def test_two_tokens_of_the_environment_are_refused(file):
    with pytest.raises(AccessInvalid, match="both set"):
        find_token(None, {"SEALRING_TOKEN": TOKEN, "SEALRING_TOKEN_FILE": str(file)})


@pytest.mark.parametrize("environment", [{}, {"SEALRING_TOKEN": ""}, {"SEALRING_TOKEN_FILE": ""}])
def test_no_token_is_said(environment):
    with pytest.raises(AccessInvalid, match="there is no token"):
        find_token(None, environment)


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(AccessInvalid, match=r"cannot be read \(No such file or directory\)"):
        find_token(tmp_path / "none", {})


def test_a_file_of_other_bytes_than_a_token_is_refused(file):
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(AccessInvalid, match="no token in it"):
        find_token(file, {})
