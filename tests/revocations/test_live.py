"""Tokens that are revoked with the command are refused by every worker of a running server within 5 seconds."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from revocations.commands import claims_of, run
from support.live import live_server, running
from support.waiting import becomes_true

IN_FORCE_S = 5.0  # after the command ended
AT_ONCE = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Two workers."""
    with live_server(tmp_path_factory.mktemp("revocations"), workers=2, threads=8) as server:
        yield server


@pytest.fixture
def subject():
    return f"service-{uuid.uuid4().hex[:8]}"


def statuses(server, token):
    """Of many requests at once, so that both workers answer some."""
    with ThreadPoolExecutor(AT_ONCE) as together:
        answers = together.map(lambda _: server.ask("GET", "/vault/v1/kv", token=token), range(4 * AT_ONCE))
        return {answer.status for answer in answers}


def revoke(server, *arguments):
    return run(server.settings.path, "token", "revoke", *arguments)


def is_refused_in_time(server, token):
    """Whether every worker refuses it within 5 s from now on, and goes on to."""
    until = time.monotonic() + IN_FORCE_S
    return (
        becomes_true(lambda: server.ask("GET", "/vault/v1/kv", token=token).status == 401, IN_FORCE_S)  # some worker
        and becomes_true(lambda: statuses(server, token) == {401}, until - time.monotonic())
        and statuses(server, token) == {401}
    )


def test_a_token_is_revoked_by_its_id_although_every_worker_has_cached_it(server, subject):
    token, other = server.token(subject=subject), server.token(subject=subject)
    assert statuses(server, token) == statuses(server, other) == {200}

    revoke(server, "--id", claims_of(token)["jti"])

    assert is_refused_in_time(server, token)
    assert statuses(server, other) == {200}


def test_the_tokens_of_a_subject_are_revoked(server, subject):
    tokens, other = [server.token(subject=subject) for _ in range(2)], server.token(subject=f"{subject}-x")
    assert statuses(server, tokens[0]) == {200}

    revoke(server, "--subject", subject)

    assert all(is_refused_in_time(server, token) for token in tokens)
    assert statuses(server, other) == {200}


def test_tokens_issued_before_a_time_are_revoked_and_one_minted_later_works(server, subject):
    token = server.token(subject=subject)
    cut = claims_of(token)["iat"] + 1
    assert statuses(server, token) == {200}

    revoke(server, "--subject", subject, "--issued-before", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cut)))
    assert is_refused_in_time(server, token)
    assert becomes_true(lambda: time.time() >= cut)

    assert statuses(server, server.token(subject=subject)) == {200}


def test_the_log_says_why_and_holds_no_token(server, subject):
    token = server.token(subject=subject)
    revoke(server, "--id", claims_of(token)["jti"])
    assert is_refused_in_time(server, token)

    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]

    assert "revoked" in {line["reason"] for line in lines if line.get("status") == 401}
    assert token not in server.log.read_text()
    assert token.rpartition(".")[2] not in server.log.read_text()


def test_the_answer_says_no_more_than_of_any_other_bad_token(server, subject):
    token = server.token(subject=subject)
    revoke(server, "--subject", subject)
    assert is_refused_in_time(server, token)

    revoked, noise = (server.ask("GET", "/vault/v1/kv", token=each) for each in (token, "noise"))

    assert revoked.json["code"] == noise.json["code"] == "unauthenticated"
    assert revoked.json["message"] == noise.json["message"]


def test_a_list_that_is_taken_out_of_the_store_closes_the_environment_until_it_is_back(server, subject):
    """Also for a token that nobody revoked, for workers that had read the list before, and for one that starts then."""
    token = server.token(subject=subject)
    assert statuses(server, token) == {200}
    with server.store as store:
        (key,) = store.scan_iter(match=b"s1:{*}:r:*")
        fields = store.hgetall(key)
        store.delete(key)

        closed = becomes_true(lambda: statuses(server, token) == {500}, IN_FORCE_S)
        answer = server.ask("GET", "/vault/v1/kv", token=token)
        late_log = server.folder / "late.log"
        with running(server.settings.path, late_log, server.kms, workers=1, path_of_health="/livez") as late:
            closed_from_the_start, readiness = statuses(late, token), late.ask("GET", "/readyz")
        store.hset(key, mapping=fields)

    assert closed
    assert closed_from_the_start == {500}
    assert (readiness.status, readiness.json["failed"]) == (503, {"revocations": "integrity_failure"})
    assert "has no list of revoked tokens, or it was altered: all its requests are refused" in late.log.read_text()
    assert answer.json["code"] == "integrity_failure"
    assert '"event":"alarm"' in server.log.read_text()
    assert '"reason":"no list of revocations"' in server.log.read_text()
    assert becomes_true(lambda: statuses(server, token) == {200}, IN_FORCE_S)
