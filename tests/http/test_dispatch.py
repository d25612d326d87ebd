"""What leaves the server where a view fails: a status and a fixed text; in the log a class and a place, never a text."""

import io
import json

import pytest

from auth.kit import SetClock, claims, nothing_revoked, sign, verifier
from sealring.admission.guard import Guard
from sealring.admission.routes import Route
from sealring.auth.scoping import Authenticator
from sealring.domain.principal import Permission
from sealring.errors import CiphertextRejected, IntegrityFailure, KeyAccessDenied, RateLimited
from sealring.http.bodies import Bodies
from sealring.http.dispatch import Server
from sealring.observability.logs import Log
from support.make import limiter

CANARY = "a-value-that-nobody-may-see"


class Failing:
    """A server with one route, whose view raises what it is told to."""

    def __init__(self):
        self.log = io.StringIO()
        self.failure = None
        self.headers = None  # of the last answer
        route = Route("GET", "/fails", Permission.OBJECTS_READ, self._view, 404, {})
        guard = Guard(Authenticator(verifier(), nothing_revoked(), SetClock()), bytes, limiter())
        self._server = Server(guard, Bodies(1000), [route], [], Log(self.log))

    def answer(self, failure):
        self.failure = failure
        token = sign(claims(permissions=["vault:objects:read"]))
        reply = self._server.test_client().get("/fails", headers={"Authorization": f"Bearer {token}"})
        self.headers = reply.headers
        return reply.status_code, reply.get_data(as_text=True)

    @property
    def line(self):
        (line,) = self.log.getvalue().splitlines()
        return json.loads(line)

    def _view(self, _request):
        raise self.failure


@pytest.fixture
def failing():
    return Failing()


def test_the_id_of_the_call_that_failed_is_in_the_log_and_not_in_the_answer(failing):
    failure = KeyAccessDenied("Access to the key is denied.")
    failure.provider_request_id = "request-of-the-cloud"

    _, answer = failing.answer(failure)

    assert failing.line["provider_request_id"] == "request-of-the-cloud"
    assert "request-of-the-cloud" not in answer


@pytest.mark.parametrize("failure", [ValueError(CANARY), KeyError(CANARY), RuntimeError(CANARY.encode())])
def test_what_goes_wrong_is_told_by_its_class_and_place_and_never_by_its_text(failing, failure):
    status, answer = failing.answer(failure)

    assert status == 500
    assert json.loads(answer)["code"] == "internal_error"
    assert CANARY not in answer
    assert CANARY not in failing.log.getvalue()
    assert failing.line["event"] == "fault"
    assert failing.line["message"] == "request failed"
    assert failing.line["exception"] == type(failure).__name__
    assert failing.line["route"] == "GET /fails"
    assert failing.line["at"][-1].startswith("_view (")


def test_a_rate_that_is_exceeded_tells_its_policy_and_how_long_to_wait(failing):
    failing.answer(RateLimited("environment", quota=20, window_s=2, retry_after_s=7.1))

    assert failing.headers["Retry-After"] == "8"
    assert failing.headers["RateLimit-Policy"] == '"environment";q=20;w=2'
    assert failing.headers["RateLimit"] == '"environment";r=0;t=8'


def test_the_reason_of_a_refusal_is_for_the_log_alone(failing):
    status, answer = failing.answer(CiphertextRejected("a-fixed-reason"))

    assert status == 400
    assert "a-fixed-reason" not in answer
    assert failing.line | {"time": 0, "request_id": ""} == {
        "time": 0,
        "event": "refusal",
        "request_id": "",
        "route": "GET /fails",
        "status": 400,
        "code": "ciphertext_rejected",
        "reason": "a-fixed-reason",
    }


def test_a_broken_record_is_an_alarm(failing):
    status, answer = failing.answer(IntegrityFailure("record MAC"))

    assert status == 500
    assert "MAC" not in answer
    assert (failing.line["event"], failing.line["reason"]) == ("alarm", "record MAC")
