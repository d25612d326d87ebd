import pytest

from sealring.auth.tokens import bearer_token
from sealring.errors import MalformedRequest, Unauthenticated


@pytest.mark.parametrize("value", ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c"])
def test_the_token_follows_the_scheme_in_any_case(value):
    assert bearer_token([value]) == "a.b.c"


@pytest.mark.parametrize("value", ["Bearer  a.b.c", "bearer     a.b.c"])
def test_several_spaces_may_follow_the_scheme(value):
    """RFC 9110 11.4: one or more."""
    assert bearer_token([value]) == "a.b.c"


def test_a_tab_is_no_space():
    assert bearer_token(["Bearer \ta.b.c"]) == "\ta.b.c"  # which no token looks like


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["Bearer    "], "no token"),
        ([], "no token"),
        ([""], "scheme"),
        (["Bearer"], "no token"),
        (["Bearer "], "no token"),
        (["a.b.c"], "scheme"),
        (["Basic dTpw"], "scheme"),
        (["Bearer\ta.b.c"], "scheme"),
        ([" Bearer a.b.c"], "scheme"),
        (["BearerX a.b.c"], "scheme"),
    ],
)
def test_no_token_or_another_scheme_is_refused(values, reason):
    with pytest.raises(Unauthenticated) as caught:
        bearer_token(values)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer a.b.c", "Bearer a.b.c"],
        ["", ""],
        ["Bearer a.b.c,Bearer d.e.f"],
        ["Bearer a.b.c, Basic dTpw"],
        [","],
    ],
)
def test_two_headers_or_a_comma_are_malformed(values):
    with pytest.raises(MalformedRequest):
        bearer_token(values)


def test_8000_bytes_are_taken_and_one_more_is_malformed():
    assert len(bearer_token(["Bearer " + "a" * 7_993])) == 7_993
    with pytest.raises(MalformedRequest):
        bearer_token(["Bearer " + "a" * 7_994])


def test_a_refusal_does_not_show_the_header():
    with pytest.raises(MalformedRequest) as caught:
        bearer_token(["Bearer sesame,"])

    assert "sesame" not in str(caught.value)
