"""An identity provider that is away, seen through a real server with two workers."""

import json
import os
import signal
import time

import pytest

from auth.kit import ISSUER, claims, ec_key, jwk, jwks_bytes, sign
from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from support.live import ask, running
from support.waiting import becomes_true

PROFILE = """
[[issuers]]
issuer = "{issuer}"
jwks_url = "{url}"
algorithms = ["ES256"]
audience = "none"
environment_id = "{environment}"
permissions = ["vault:objects:list"]
"""
MANY = 20  # requests that both workers get some of


@pytest.fixture
def server(tmp_path, issuer):
    """A server that believes an issuer which is away."""
    issuer.status, issuer.body = 503, jwks_bytes(jwk(ec_key(1), "old"))
    with EmbeddedValkey(tmp_path / "store") as store:
        list(installation.create_files(tmp_path / "etc", store.url, "local"))
        path = tmp_path / "etc" / installation.SETTINGS_FILE
        (environment,) = settings.load(path).environments
        path.write_text(path.read_text() + PROFILE.format(issuer=ISSUER, url=issuer.url, environment=environment))
        wiring.initialise_store(settings.load(path), 1)
        with running(path, tmp_path / "server.log", None, 2, 4) as server:
            yield server


def token(number=1):
    now = int(time.time())
    members = claims(aud=None, org_id="org_acme", iat=now, exp=now + 600, permissions=["vault:objects:list"])
    return sign(members, key=ec_key(number), kid="old")


def answer(server, sent):
    return ask(server.url, "GET", "/vault/v1/kv", token=sent)


def statuses(server, sent):
    """What the workers say; a worker that just ended takes connections with it."""
    said = set()
    for _ in range(MANY):
        try:
            said.add(answer(server, sent).status)
        except OSError:
            continue
    return said


def told(server, message):
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("message") == message]


def test_a_token_is_no_more_invalid_than_its_issuer_is_away(server, issuer):
    refused = answer(server, token())

    assert (refused.status, refused.json["code"]) == (503, "issuer_unavailable")
    assert refused.headers["Retry-After"] == "1"
    line = told(server, "jwks_fetch_failed")[0]
    host = issuer.url.removeprefix("http://").removesuffix("/jwks")
    assert (line["issuer"], line["host"], line["reason"]) == (ISSUER, host, "status 503")

    issuer.status = 200

    assert becomes_true(lambda: statuses(server, token()) == {200})
    assert becomes_true(
        lambda: statuses(server, token(2)) == {401}
    )  # of the other worker too, which asks two seconds later


def test_a_worker_that_starts_while_the_issuer_is_away_knows_the_keys_all_the_same(server, issuer):
    issuer.status = 200
    assert becomes_true(lambda: statuses(server, token()) == {200})
    issuer.status = 503
    before = server.workers

    for worker in before:
        os.kill(worker, signal.SIGTERM)

    assert becomes_true(lambda: len(set(server.workers) - set(before)) == 2)
    assert becomes_true(lambda: statuses(server, token()) == {200})
    assert statuses(server, token(2)) == {401}
    assert told(server, "jwks_not_shared") == []
