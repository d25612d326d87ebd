"""Questions to a cluster's API server, over TLS: what counts as an answer, and the files that are read again."""

import json
import os
import ssl

import pytest

from sealring.auth import api_server
from sealring.auth.api_server import ApiServer as Where
from sealring.auth.api_server import Reviewer
from sealring.auth.exchange import TooManyCalls, reason_of
from sealring.auth.jwks_fetch import fetch_key_set
from support.api_server import ApiServer, account_token
from support.tls import PrivateCa

SUBJECT = "system:serviceaccount:shop:billing"


@pytest.fixture
def api(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with ApiServer(tmp_path).running() as api:
        yield api


def reviewer(api, **changes):
    return Reviewer(Where(api.url, changes.get("ca_file", api.authority.file), api.token_file), "sealring")


def accepted(api, subject=SUBJECT):
    return reviewer(api).accepts(account_token(), subject)


def failure(api):
    with pytest.raises(OSError) as caught:
        accepted(api)
    return reason_of(caught.value)


def test_a_token_is_accepted_if_the_api_server_says_so(api):
    token = account_token()

    assert reviewer(api).accepts(token, SUBJECT) is True
    assert api.reviewed == [{"token": token, "audiences": ["sealring"]}]


def test_a_token_of_a_deleted_pod_is_not(api):
    token = account_token()
    api.gone.add(token)

    assert reviewer(api).accepts(token, SUBJECT) is False


def test_an_answer_about_another_subject_does_not_count(api):
    api.username = "system:serviceaccount:shop:other"

    assert accepted(api) is False


@pytest.mark.parametrize("audiences", [[], ["https://kubernetes.default.svc.cluster.local"], None])
def test_an_answer_for_another_audience_does_not_count(api, audiences):
    api.audiences = audiences if audiences is not None else "sealring"  # a text is no list

    assert accepted(api) is False


@pytest.mark.parametrize("authenticated", [False, None, "true", 1, [True]])
def test_only_true_means_accepted(api, authenticated):
    status = {"authenticated": authenticated, "user": {"username": SUBJECT}, "audiences": ["sealring"]}
    api.answer = json.dumps({"kind": "TokenReview", "status": status}).encode()

    assert accepted(api) is False


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 429, 500, 503])
def test_another_status_is_no_answer(api, status):
    api.status = status

    assert failure(api) == f"status {status}"


@pytest.mark.parametrize(
    ("said", "retry_after_s"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("3600", 3600.0),
        *((other, None) for other in (None, "", "-1", "1.5", "9" * 7, "Wed, 21 Oct 2026 07:28:00 GMT")),
    ],
)
def test_too_many_calls_come_with_the_pause_that_the_api_server_wants(api, said, retry_after_s):
    api.status, api.retry_after = 429, said

    with pytest.raises(TooManyCalls) as caught:
        accepted(api)
    assert caught.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "a broken answer"),
        (b"{", "a broken answer"),
        (b"[]", "a broken answer"),
        (b"{}", "an answer that is no TokenReview"),
        (b'{"kind": "TokenReview"}', "an answer that is no TokenReview"),
        (b'{"kind": "TokenReview", "status": []}', "an answer that is no TokenReview"),
        (b'{"kind": "Status", "status": {"authenticated": true}}', "an answer that is no TokenReview"),
        (b'{"kind": "TokenReview", "status": {"authenticated": false, "authenticated": true}}', "a broken answer"),
    ],
)
def test_what_is_no_review_is_no_answer(api, answer, reason):
    api.answer = answer

    assert failure(api) == reason


def test_our_own_token_is_read_each_time_since_it_is_replaced(api):
    one = reviewer(api)
    assert one.accepts(account_token(), SUBJECT) is True
    api.token = "another-token"

    with pytest.raises(OSError, match="status 403"):
        one.accepts(account_token(), SUBJECT)
    api.token_file.write_text("another-token\n")
    assert one.accepts(account_token(), SUBJECT) is True


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"line\r\nX: y", "é".encode(), b"x" * 20_000])
def test_a_file_without_a_token_is_sent_to_nobody(api, content):
    api.token_file.write_bytes(content)

    assert failure(api) == "its token_file holds no token"
    assert api.reviewed == []


def test_a_missing_token_and_a_pipe_are_no_answer(api):
    api.token_file.unlink()
    assert failure(api) == "its token_file cannot be read (No such file or directory)"
    os.mkfifo(api.token_file)
    assert failure(api) == "its token_file cannot be read (not a regular file)"


def test_an_authority_that_is_not_trusted_is_no_answer(api, tmp_path):
    (tmp_path / "other").mkdir()

    with pytest.raises(OSError) as caught:
        reviewer(api, ca_file=PrivateCa(tmp_path / "other").file).accepts(account_token(), SUBJECT)
    assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)
    assert api.reviewed == []


def test_authorities_are_read_again_when_their_file_is_replaced(api, tmp_path):
    """As kubelet replaces it: by a link that leads elsewhere."""
    (tmp_path / "other").mkdir()
    linked = tmp_path / "ca.crt"
    linked.symlink_to(PrivateCa(tmp_path / "other").file)
    one = reviewer(api, ca_file=linked)
    with pytest.raises(OSError, match="certificate verify failed"):
        one.accepts(account_token(), SUBJECT)

    (tmp_path / "new").symlink_to(api.authority.file)
    (tmp_path / "new").rename(linked)

    assert one.accepts(account_token(), SUBJECT) is True


def test_authorities_that_have_not_changed_are_not_read_again(api, monkeypatch):
    one = reviewer(api)
    one.accepts(account_token(), SUBJECT)
    monkeypatch.setattr("sealring.auth.exchange.trusting", lambda _file: pytest.fail("read again"))

    assert one.accepts(account_token(), SUBJECT) is True


def test_an_api_server_that_does_not_answer_is_given_up(api, monkeypatch):
    monkeypatch.setattr(api_server, "TIMEOUT_S", 0.2)
    api.answers.clear()

    assert failure(api) == "no answer in time"


def test_a_prefix_of_the_url_is_kept(api):
    where = Where(f"{api.url}/k8s/clusters/c-1", api.authority.file, api.token_file)

    with pytest.raises(OSError, match="status 404"):
        Reviewer(where, "sealring").accepts(account_token(), SUBJECT)


# --- the key set of a cluster


def test_a_key_set_is_fetched_with_the_token_of_a_file(api):
    raw = fetch_key_set(api.jwks_url, api.authority.file, api.token_file)

    assert json.loads(raw)["keys"][0]["kid"] == "key-1"


def test_a_key_set_that_wants_a_token_is_refused_without_one(api):
    with pytest.raises(OSError, match="status 403"):
        fetch_key_set(api.jwks_url, api.authority.file)
