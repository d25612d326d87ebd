"""What is late or fails is answered with the code of its failure, and with no text of an exception."""

import json
import time

import pytest

from connect.kit import ENCRYPT, Vault
from sealring import errors
from sealring.admission.problems import PROBLEMS
from sealring.connect.codes import CODES
from sealring.domain.keyrings import Sealed
from support.waiting import pause


@pytest.fixture(scope="module")
def vault():
    return Vault()


@pytest.mark.parametrize("timeout", ["-1", "+1", "1.5", "", "x", "12345678901", "\u0661", "1,1", " 1"])
def test_a_timeout_that_is_none_is_an_invalid_argument(vault, timeout):
    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": timeout}).refusal == (400, "invalid_argument")


def test_a_timeout_of_nothing_is_over_at_once(vault):
    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "0"}).refusal == (504, "deadline_exceeded")
    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "9999999999"}).status == 200


def test_a_call_that_came_too_late_is_not_done():
    seen = []
    vault = Vault(keyrings=Failing(lambda: None, seen))

    assert vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "0"}).refusal == (504, "deadline_exceeded")
    assert seen == []


def test_a_use_case_that_takes_longer_than_the_client_waits_is_answered_as_late():
    vault = Vault(keyrings=Slow())

    asked = vault.asked("Encrypt", json.dumps(ENCRYPT).encode(), {"connect-timeout-ms": "50"})

    assert vault.answer(asked).refusal == (504, "deadline_exceeded")
    assert asked.until is not None


def test_the_deadline_of_the_caller_is_the_clients():
    seen = []
    vault = Vault(keyrings=Failing(lambda: None, seen))

    vault.json("Encrypt", ENCRYPT, {"connect-timeout-ms": "2000"})

    assert 1 < seen[0].deadline - time.monotonic() < 2


class Failing:
    """Use cases that do something, and fail if that does not."""

    def __init__(self, do, seen=None):
        self._do = do
        self._seen = [] if seen is None else seen

    def encrypt(self, ring, data, caller):
        self._seen.append(caller)
        self._do()
        raise errors.StoreUnavailable("gone")


class Slow:
    """Use cases that succeed, after a while."""

    def encrypt(self, ring, data, caller):
        pause(0.06)
        return Sealed(b"", "dek_1")


def raising(error):
    def do():
        raise error

    return Failing(do)


def test_no_text_of_an_exception_leaves_or_is_logged():
    vault = Vault(keyrings=raising(RuntimeError("a secret in an exception")))

    answer = vault.json("Encrypt", ENCRYPT)

    assert answer.refusal == (500, "internal")
    assert b"a secret" not in answer.body
    assert "a secret" not in vault.log.getvalue()
    assert "RuntimeError" in vault.log.getvalue()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (errors.KeyMisconfigured("m", "operator"), "cmk_misconfigured"),
        (errors.KeyDisabled("m"), "cmk_disabled"),
        (errors.StoreUnavailable("m"), "store_unavailable"),
        (errors.EnvelopeRejected("unknown DEK"), "unknown DEK"),
    ],
)
def test_the_log_tells_apart_what_has_one_code(failure, reason):
    vault = Vault(keyrings=raising(failure))

    vault.json("Encrypt", ENCRYPT)

    assert json.loads(vault.log.getvalue())["reason"] == reason


def test_every_failure_has_a_code():
    assert set(CODES) == set(PROBLEMS)


PROMISED = {
    errors.MalformedRequest("m"): (400, "invalid_argument"),
    errors.EnvelopeRejected("r"): (400, "invalid_argument"),
    errors.Unauthenticated("r"): (401, "unauthenticated"),
    errors.Forbidden("m"): (403, "permission_denied"),
    errors.TooManyRequests("m"): (429, "resource_exhausted"),
    errors.RateLimited("subject", 1, 2, 3.0): (429, "resource_exhausted"),
    errors.QuotaExceeded("m"): (429, "resource_exhausted"),
    errors.PayloadTooLarge("m"): (429, "resource_exhausted"),
    errors.Overloaded("m"): (503, "unavailable"),
    errors.IssuerUnavailable(): (503, "unavailable"),
    errors.StoreUnavailable("m"): (503, "unavailable"),
    errors.StoreLost(): (503, "unavailable"),
    errors.WriteContention("m"): (503, "unavailable"),
    errors.KeyUnavailable("m"): (503, "unavailable"),
    errors.KeyDeadlineExceeded("m"): (503, "unavailable"),
    errors.KeyThrottled("m"): (429, "resource_exhausted"),
    errors.KeyDisabled("m"): (400, "failed_precondition"),
    errors.KeyDestroyed("m"): (400, "failed_precondition"),
    errors.KeyExhausted(): (500, "internal"),
    errors.PluginFault("ValueError"): (500, "internal"),
    errors.IntegrityFailure("r"): (500, "data_loss"),
    errors.RequestTimeout(): (504, "deadline_exceeded"),
}


@pytest.mark.parametrize("error", PROMISED, ids=lambda error: type(error).__name__)
def test_a_failure_is_answered_with_its_code_and_its_message(error):
    vault = Vault(keyrings=raising(error))

    answer = vault.json("Encrypt", ENCRYPT)

    assert answer.refusal == PROMISED[error]
    assert answer.json == {"code": PROMISED[error][1], "message": str(error)}


def test_a_limit_says_when_to_come_again():
    answer = Vault(keyrings=raising(errors.RateLimited("subject", 1, 2, 3.0))).json("Encrypt", ENCRYPT)
    large = Vault(keyrings=raising(errors.PayloadTooLarge("m"))).json("Encrypt", ENCRYPT)

    assert (answer.headers["Retry-After"], answer.headers["RateLimit"]) == ("3", '"subject";r=0;t=3')
    assert "Retry-After" not in large.headers
