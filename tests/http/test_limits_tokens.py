"""The header that has the token: its form, its length, and nowhere else."""

import pytest

from secrecy.wire import problem
from support.exact import get


@pytest.fixture
def acme(live):
    return live.token("org_acme")


def test_two_authorization_headers_are_malformed(live, acme):
    answer = get(live, f"Authorization: Bearer {acme}", f"Authorization: Bearer {acme}")

    assert problem(answer) == (400, "malformed_request")


def test_two_different_authorization_headers_are_malformed(live, acme):
    answer = get(live, "Authorization: Basic eDp5", f"authorization: Bearer {acme}")

    assert problem(answer) == (400, "malformed_request")


@pytest.mark.parametrize("text", ["Bearer {0},{0}", "Bearer {0}, Bearer {0}", "Bearer {0},", ",Bearer {0}"])
def test_a_comma_in_the_authorization_header_is_malformed(live, acme, text):
    answer = get(live, "Authorization: " + text.format(acme))

    assert problem(answer) == (400, "malformed_request")


def test_a_token_over_8000_bytes_is_malformed(live):
    answer = get(live, "Authorization: Bearer " + "x" * 8_001)

    assert problem(answer) == (400, "malformed_request")


def test_an_authorization_header_of_8000_bytes_is_read(live):
    answer = get(live, "Authorization: Bearer " + "x" * 7_993)

    assert problem(answer) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Authorization:",),
        ("Authorization: Bearer",),
        ("Authorization: Bearer ",),
        ("Authorization: Basic eDp5",),
        ("Authorization: Bearer x",),
        ("Authorization: Bearer sk_test_x",),
        ("Authorization: Bearer a.b.c",),
        ("Authorization: Bearer ..",),
        ("Authorization: Bearer eyJ9.eyJ9.eyJ9",),
        ("Proxy-Authorization: Bearer x",),
        ("Cookie: Authorization=Bearer x",),
    ],
    ids=lambda headers: headers[0] if headers else "none",
)
def test_what_is_no_token_is_unauthenticated(live, headers):
    answer = get(live, *headers)

    assert problem(answer) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["message"].startswith("API key invalid")


@pytest.mark.parametrize("header", ["{0}: Bearer {1}", "X-{0}: Bearer {1}", "{0}_: Bearer {1}"])
def test_a_token_in_another_header_is_none(live, acme, header):
    answer = get(live, header.format("HTTP_AUTHORIZATION", acme))

    assert problem(answer) == (401, "unauthenticated")


def test_a_token_in_the_query_is_none(live, acme):
    answer = live.ask("GET", f"/vault/v1/kv?access_token={acme}")

    assert problem(answer) == (401, "unauthenticated")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(live, acme, scheme):
    answer = get(live, f"Authorization: {scheme} {acme}")

    assert answer.status == 200
