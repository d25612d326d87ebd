"""Servers with keyrings in a bucket: one key however many ask at once, and work that goes on while the bucket is away."""

from collections import Counter
from threading import Barrier, Thread

import pytest

from archive.kit import MASTER, two_servers
from connect.kit import SERVICE
from faults import proxy as proxies
from faults.proxy import Fault, FaultProxy
from support.s3 import objects
from support.waiting import becomes_true
from vectors import keyring_reader as reader

ORG = "org_bucket"
RING = f"{ORG}/ring"
CALLERS = 200


@pytest.fixture
def empty(links, valkey):
    """The URL of an empty Valkey."""
    return valkey


def call(server, method, token, **members):
    return server.ask("POST", f"{SERVICE}/{method}", token=token, body=members)


@pytest.mark.torture
def test_of_two_hundred_first_encryptions_at_once_one_makes_the_key(tmp_path, empty, storage, monkeypatch):
    monkeypatch.setattr(proxies, "DELAY_S", 0.02)
    place = storage.made()
    proxy = FaultProxy(place.endpoint, lambda _request: Fault.DELAY)
    with two_servers(tmp_path, empty, place, f"http://{proxy.address}") as servers:
        token, barrier, answers = servers[0].token(ORG), Barrier(CALLERS), []

        def encrypt(server):
            barrier.wait(60)
            answers.append(call(server, "Encrypt", token, keyring=RING, data="value"))

        threads = [Thread(target=encrypt, args=(servers[number % 2],)) for number in range(CALLERS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(120)

        assert Counter(answer.status for answer in answers) == {200: CALLERS}
        (key_id,) = {answer.json["keyId"] for answer in answers}
        stored = objects(place)
        assert set(stored) == {f"keyring/{RING}/{key_id}", f"keyring/{RING}/LATEST"}
        assert reader.unwrapped(stored[f"keyring/{RING}/LATEST"], dict([MASTER]))[0] == key_id
        opened = [
            call(server, "Decrypt", token, keyring=RING, encrypted=answers[0].json["encrypted"]) for server in servers
        ]
        assert [each.json for each in opened] == [{"plaintext": "value"}] * 2
    proxy.close()


@pytest.mark.torture
def test_warm_keyrings_work_while_the_bucket_is_away_until_the_stale_bound(tmp_path, empty, storage):
    place = storage.made()
    proxy = FaultProxy(place.endpoint)
    bounds = "fresh_s = 0\nstale_s = 15"
    with two_servers(tmp_path, empty, place, f"http://{proxy.address}", bounds) as servers:
        token = servers[0].token(ORG)
        sealed = call(servers[0], "Encrypt", token, keyring=RING, data="value").json

        def decrypted(server):
            return call(server, "Decrypt", token, keyring=RING, encrypted=sealed["encrypted"])

        for _ in range(40):  # every worker
            assert {decrypted(server).status for server in servers} == {200}
        proxy.frozen = True

        for server in servers:
            assert decrypted(server).json == {"plaintext": "value"}
        cold = call(servers[0], "Encrypt", token, keyring=f"{ORG}/cold", data="value")
        assert (cold.status, cold.json["code"]) == (503, "unavailable")
        ready = servers[0].ask("GET", "/health/ready")
        assert (ready.status, ready.json) == (503, {"status": "fail", "checks": {"keyrings": "store_unavailable"}})
        assert servers[0].ask("GET", "/health/live").status == 200
        assert becomes_true(lambda: decrypted(servers[0]).status == 503, 30)

        proxy.frozen = False
        assert becomes_true(lambda: servers[0].ask("GET", "/health/ready").status == 200)
        assert becomes_true(lambda: decrypted(servers[0]).status == 200)
        assert set(objects(place)) == {f"keyring/{RING}/{sealed['keyId']}", f"keyring/{RING}/LATEST"}
    proxy.close()


@pytest.mark.torture
def test_a_rotation_on_one_server_is_one_on_the_other(tmp_path, empty, storage):
    with two_servers(tmp_path, empty, storage.made()) as (one, two):
        token = one.token(ORG)
        ids = [call(server, "Encrypt", token, keyring=RING, data="value").json["keyId"] for server in (one, two) * 10]
        rotated = one.ask("POST", f"/sealring/v1/keyrings/{RING.replace('/', '%2F')}/rotate", token=token)

        after = [call(server, "Encrypt", token, keyring=RING, data="value").json["keyId"] for server in (one, two) * 10]

    assert len(set(ids)) == 1
    assert rotated.status == 200
    assert set(after) == {rotated.json["key_id"]}
    assert set(after) != set(ids)
