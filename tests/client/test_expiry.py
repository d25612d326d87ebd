"""What is told of a token that a server refused: only its time, and never the token."""

import base64
import json

import pytest

from sealring.client.expiry import why_refused

NOW = 1_800_000_000
ANOTHER_REASON = (
    "so there is another reason, which is in the log of the server; `sealring token inspect` shows the claims"
)
NO_TIME = "it is not a JWT with a time of expiry"


def token(payload):
    return f"e30.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.c2ln"


def expiring(at):
    return token(json.dumps({"iss": "\u00ff\u00fe?>", "exp": at}, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOW - 3_600, "it expired 1 hour ago"),
        (NOW - 86_400 * 3.5, "it expired 3 days ago"),
        (NOW, "it expired 0 seconds ago"),
        (NOW + 120, f"it expires in 2 minutes, {ANOTHER_REASON}"),
    ],
)
def test_a_token_tells_when_it_expires(at, said):
    assert why_refused(expiring(at), NOW) == said


@pytest.mark.parametrize(
    "refused",
    [
        "opaque",
        "a.b",
        "e30.!.c2ln",
        token(b"\xff"),
        token(b"[]"),
        token(b"{}"),
        token(b'{"exp": null}'),
        token(b'{"exp": NaN}'),
        token(b'{"exp": Infinity}'),
        token(b'{"exp": 1%s}' % (b"0" * 400)),
        token(b"[" * 5_000),
    ],
)
def test_what_has_no_time_is_said_to_have_none(refused):
    assert why_refused(refused, NOW) == NO_TIME
