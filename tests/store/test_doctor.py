"""The doctor passes a store that keeps its promises, and fails one that does not."""

import os
import re
import signal
import threading
from contextlib import closing
from pathlib import Path

import fakeredis
import pytest
import redis

from sealring.errors import SettingsInvalid
from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.links import Links
from sealring.store.doctor.command_probes import _PROBES, command_checks
from sealring.store.doctor.diagnosis import Grade
from sealring.store.doctor.examination import examine
from sealring.store.doctor.sandbox import Sandbox
from sealring.store.doctor.transaction_probes import transaction_checks
from store.doctor_kit import examined, named
from support.fake_store import answering
from support.valkeys import SINGLE, running_valkey
from support.waiting import becomes_true

STORE = Path(__file__).parents[2] / "app" / "sealring" / "store"
WATCH_CASES = [
    "set by another", "set to the same value", "created", "created and deleted", "deleted", "expired", "field of a hash",
    "ZADD of what is there", "set in a transaction", "set by a script", "FLUSHALL", "RENAME over it", "another key set",
]  # fmt: skip


@pytest.fixture
def url(tmp_path):
    """A Valkey that a test may set as it likes."""
    with EmbeddedValkey(tmp_path) as store:
        yield store.url


@pytest.fixture
def client(url):
    with redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def fake_url():
    """fakeredis behind TCP, which commits although a watched key expired."""
    with fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="valkey") as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def rule(client, *rules):
    client.execute_command("ACL", "SETUSER", "default", *rules)


def test_a_valkey_passes_and_every_case_of_watch_is_told(url):
    found = examined(url)

    assert named(found, Grade.FAILED) == []
    assert named(found, Grade.WARNING) == ["memory"]
    assert named(found, Grade.NOTE) == ["WATCH, FLUSHALL"]
    assert [check.removeprefix("WATCH, ") for check in found if check.startswith("WATCH, ")] == WATCH_CASES
    assert found["durability"].meaning.startswith("single: ")


def test_fakeredis_fails_where_it_loses_updates(fake_url):
    found = examined(fake_url)

    assert named(found, Grade.FAILED) == ["MULTI with a bad command", "WATCH, expired"]
    assert found["WATCH, expired"].meaning == "EXEC commits although the watched key changed"
    assert named(found, Grade.WARNING) == ["WAIT", "INFO", "durability"]


def test_a_store_that_tears_transactions_fails():
    """It refuses one command of a transaction, says that it applied nothing, and has applied the rest."""
    written = []

    def answer(words):
        if words == [b"GET"]:
            return b"-ERR wrong number of arguments\r\n"
        if words[0] == b"SET":
            written.append(words[1])
            return b"+QUEUED\r\n"
        if words[0] == b"EXEC":
            return b"-EXECABORT for the error before\r\n"
        return b"$1\r\n1\r\n" if words[0] == b"GET" and words[1] in written else b"+OK\r\n"

    found = looked_at("MULTI with a bad command", answer)

    assert (found.grade, found.meaning) == (Grade.FAILED, "EXEC applies the rest of it")


@pytest.mark.parametrize("check", ["strings", "hashes", "lists", "sorted sets", "streams", "whole store"])
def test_a_store_that_answers_otherwise_than_redis_fails(check):
    found = looked_at(f"commands, {check}", lambda _words: b"+OK\r\n")

    assert found.grade is Grade.FAILED
    assert found.meaning.endswith("refused, unknown, or with another reply than from Redis 7")


def looked_at(check, answer):
    """What one check finds of a store that answers so."""
    checks = {each.name: each for each in (*command_checks(), *transaction_checks(0))}
    with answering(answer) as port, closing(Links.to(f"redis://127.0.0.1:{port}")) as links:
        return checks[check].look(Sandbox(links))


def test_every_command_of_the_store_is_tried():
    sources = [path.read_text() for path in STORE.rglob("*.py") if path.parent.name != "doctor"]
    sent = {command for source in sources for command in re.findall(r'\(b"([A-Z]+)"', source)}
    tried = {command[0].decode() for steps in _PROBES.values() for command, _ in steps(b"key")}

    assert {"GET", "HSET", "XADD", "WATCH"} <= sent
    assert sent - tried == {"WATCH", "UNWATCH", "MULTI", "EXEC", "WAIT", "CONFIG", "INFO"}


@pytest.mark.parametrize(
    ("refused", "check"),
    [
        ("hsetnx", "commands, hashes"),
        ("zrange", "commands, sorted sets"),
        ("xtrim", "commands, streams"),
        ("scan", "commands, whole store"),
    ],
)
def test_a_command_that_an_acl_refuses_is_named(url, client, refused, check):
    rule(client, f"-{refused}")

    found = examined(url)

    assert named(found, Grade.FAILED) == [check]
    assert found[check].meaning.startswith(f"{refused.upper()}: refused")


def test_what_the_server_does_not_use_may_be_refused(url, client):
    rule(client, "-eval", "-rename")

    found = examined(url)

    assert named(found, Grade.NOTE) == ["WATCH, set by a script", "WATCH, FLUSHALL", "WATCH, RENAME over it"]
    assert named(found, Grade.FAILED) == []


def test_a_store_without_watch_fails(url, client):
    rule(client, "-watch")

    failed = named(examined(url), Grade.FAILED)

    assert failed == [
        f"WATCH, {case}" for case in WATCH_CASES if case not in {"FLUSHALL", "set by a script", "RENAME over it"}
    ]


@pytest.mark.parametrize(
    ("setting", "value"), [("appendfsync", "everysec"), ("appendonly", "no"), ("maxmemory-policy", "allkeys-lru")]
)
def test_a_store_that_can_lose_writes_fails(url, client, setting, value):
    client.config_set(setting, value)

    found = examined(url)

    assert named(found, Grade.FAILED) == ["durability"]
    assert found["durability"].mend.startswith(f"set {setting} ")


def test_a_store_that_hides_its_settings_is_warned_of(url, client):
    rule(client, "-config")

    found = examined(url)

    assert named(found, Grade.FAILED) == []
    assert "declared_durable = true" in found["durability"].mend


def test_a_store_that_is_away_fails_as_one(tmp_path):
    with EmbeddedValkey(tmp_path) as store:
        pass

    found = examined(store.url)

    assert list(found) == ["reachable"]
    assert found["reachable"].meaning.startswith("the store does not answer")


def test_a_user_without_the_doctors_keys_is_told_so(url, client):
    rule(client, "resetkeys", "~s1:*")

    found = examined(url)

    assert list(found) == ["reachable"]
    assert found["reachable"].meaning == "the store answers, but refuses SET or PEXPIRE of s1-doctor:*"


def test_another_scheme_is_refused():
    with pytest.raises(SettingsInvalid, match="must begin with"):
        examined("http://store")


def test_a_link_that_broke_while_idle_is_no_fault_of_the_store(url, client):
    found = {}
    for check, finding in examine(Links.to(url), destructive=False):
        found[check] = finding
        client.client_kill_filter(_type="normal", skipme=True)

    assert named(found, Grade.FAILED) == []


# --- replicas


def test_a_cluster_passes_but_for_its_durability(cluster):
    """Its replicas are connected without the settings of `strong`."""
    found = examined(cluster.url)

    assert named(found, Grade.FAILED) == ["durability"]
    assert found["WAIT"].meaning == "answers; replicas that had the write: 1"
    assert [check for check in found if check.startswith("server")] == [
        "server of primary 1", "server of primary 2", "server of primary 3",
    ]  # fmt: skip


def test_replicas_are_waited_for_and_a_replica_is_no_store(tmp_path):
    with running_valkey(tmp_path / "primary", *SINGLE, "--repl-diskless-sync-delay", "0") as primary:
        follow = ("--replicaof", "127.0.0.1", primary.rpartition(":")[2])
        with running_valkey(tmp_path / "replica", *follow) as replica, redis.Redis.from_url(replica) as client:
            assert becomes_true(lambda: client.info("replication")["master_link_status"] == "up")
            followed = examined(primary)
            read_only = examined(replica)
            client.config_set("replica-read-only", "no")
            writable = examined(replica)
            os.kill(client.info("server")["process_id"], signal.SIGSTOP)
            stuck = examined(primary)

    assert followed["WAIT"].meaning == "answers; replicas that had the write: 1"
    assert read_only["reachable"].mend.startswith("name a primary")
    assert "server" in named(writable, Grade.FAILED)
    assert stuck["WAIT"].meaning == "of 1 connected replicas, none has a write within 200 ms"
    assert stuck["WAIT"].grade is Grade.WARNING
