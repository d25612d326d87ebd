"""A login that other plugins may copy: a token that is fetched once for all calls, and renewed before it ends."""

import time
from collections.abc import Mapping

import pytest

from sealring_plugin import Call, ConfigInvalid, Purpose, Unavailable
from sealring_plugin.net import Endpoint, HttpsClient, Lease, Renewed, Request, token_life_s

FORM: Mapping[str, str] = {"content-type": "application/x-www-form-urlencoded"}
MAX_LIFE_S = 86_400


class Login:
    """Tokens of our own for a KMS. Thread-safe."""

    def __init__(self, http: HttpsClient, endpoint: Endpoint) -> None:
        self._http = http
        self._endpoint = endpoint
        self._tokens = Renewed(self._fetch)

    def token(self, call: Call) -> str:
        """Raises ConfigInvalid, Unavailable, DeadlineExceeded."""
        return self._tokens.get(call.deadline)

    def refused(self, token: str) -> None:
        """Fetch another one for the next call: the KMS answered this one with 401."""
        self._tokens.forget(token)

    def _fetch(self, deadline: float) -> Lease[str]:
        request = Request("POST", self._endpoint, "/token", FORM, b"grant_type=client_credentials&client_id=us")
        answer = self._http.send(request, deadline)
        if answer.status >= 500:
            raise Unavailable(f"the login answered {answer.status}")
        if answer.status != 200:
            raise ConfigInvalid(f"the login does not take our credentials ({answer.status})")
        token, life_s = (
            answer.document().get("access_token"),
            token_life_s(answer.document().get("expires_in"), most_s=MAX_LIFE_S),
        )
        if not isinstance(token, str) or life_s is None:
            raise Unavailable("the login answered without a token")
        return Lease(token, life_s)


@pytest.fixture
def call():
    return Call(time.monotonic() + 20, "request-1", "org_acme", Purpose.ENCRYPT)


def answer(status, body):
    return b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


def test_a_token_is_fetched_once_and_again_when_it_was_refused(client, speaking, call):
    numbers = iter(range(1, 10))

    def speak(connection, _over):
        while connection.recv(65_536):
            connection.sendall(answer(200, b'{"access_token": "number %d", "expires_in": "3599"}' % next(numbers)))

    login = Login(client, speaking(speak).endpoint)

    first = [login.token(call) for _ in range(3)]
    login.refused("number 1")

    assert [*first, login.token(call)] == ["number 1", "number 1", "number 1", "number 2"]


@pytest.mark.parametrize(
    ("status", "body", "failure"), [(401, b"", ConfigInvalid), (503, b"", Unavailable), (200, b"{}", Unavailable)]
)
def test_a_login_that_gives_no_token_says_whose_trouble_it_is(client, answering, call, status, body, failure):
    login = Login(client, answering(answer(status, body)).endpoint)

    with pytest.raises(failure):
        login.token(call)
