"""Stores with replicas: a primary that is replaced takes no key of a keyring with it, and no rotation that was answered."""

import signal
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from itertools import count

import pytest
import redis

from faults.keyrings import Pair
from sealring.domain.principal import Permission
from sealring.operator.installation import SETTINGS_FILE
from support.cluster import running_cluster
from support.commands import SEALRING
from support.live import running, serving
from support.replication import STRONG, running_trio
from support.waiting import becomes_true, pause

USERS = 6
AWAY_S = 8.0  # long enough to be replaced
CALM_S = 60.0
GUARDED = "wait_replicas = 1"
USE = frozenset({Permission.KEYRINGS_USE})


@contextmanager
def behind_sentinels(folder):
    """The URL of a store, the process of its primary, and whether another took its place."""
    with running_trio(folder, *STRONG) as trio:
        yield trio.url, trio.nodes[0].process, lambda: trio.settled() not in {None, trio.nodes[0]}


@contextmanager
def in_a_cluster(folder):
    """The same, of one of three primaries."""
    with running_cluster(folder) as cluster:
        for node in cluster.nodes:
            for name, value in zip(STRONG[::2], STRONG[1::2], strict=True):
                node.client.config_set(name.removeprefix("--"), value)
        old = cluster.owner(redis.crc.key_slot(b"{1}"))  # of the keys of partition 1
        yield cluster.url, old.process, lambda: old.client.role()[0] == "slave"


class User:
    """Encrypts with keyrings of its own, a new one every few turns, and rotates them. It notes what must not be."""

    def __init__(self, pair, number):
        self._pair = pair
        self._org = f"org_user{number}"
        self._token = pair.servers[0].token(self._org, permissions=USE)
        self._newest = {}  # the key of each keyring, as far as it is known
        self.sealed = []  # the keyring, the value, its envelope
        self.slowest_s = 0.0
        self.surprises = []

    def run(self, over):
        try:
            for turn in count():
                if over.is_set():
                    return
                ring = f"{self._org}/ring{turn // 4}"
                self._rotate(turn, ring) if turn % 4 == 2 else self._encrypt(turn, ring)
        except BaseException as failure:
            self.surprises.append(repr(failure))
            raise

    def _encrypt(self, turn, ring):
        value = f"{ring} at {turn}"
        made = self._asked(turn, "/vault.v1.VaultService/Encrypt", {"keyring": ring, "data": value})
        if made is None:
            return
        self.sealed.append((ring, value, made["encrypted"]))
        if made["keyId"] != self._newest.setdefault(ring, made["keyId"]):
            self.surprises.append(("another key", ring, turn))

    def _rotate(self, turn, ring):
        self._newest.pop(ring, None)  # without an answer it may have been done
        made = self._asked(turn, f"/sealring/v1/keyrings/{ring.replace('/', '%2F')}/rotate", None)
        if made is not None:
            self._newest[ring] = made["key_id"]

    def _asked(self, turn, path, body):
        """Return the answer; None for one that says to try again."""
        began = time.monotonic()
        answer = self._pair.servers[turn % 2].ask("POST", path, token=self._token, body=body)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if answer.status == 200:
            return answer.json
        if answer.status != 503:
            self.surprises.append((answer.status, answer.raw))
        return None


@contextmanager
def using(pair):
    """Users, until the block ends."""
    users, over = [User(pair, number) for number in range(USERS)], threading.Event()
    threads = [threading.Thread(target=user.run, args=(over,)) for user in users]
    for each in threads:
        each.start()
    try:
        yield users
    finally:
        over.set()
        for each in threads:
            each.join(CALM_S)


def all_go_on(users):
    before = [len(user.sealed) for user in users]
    return becomes_true(
        lambda: all(len(user.sealed) >= then + 10 for user, then in zip(users, before, strict=True)), CALM_S
    )


def is_over(replaced):
    with suppress(redis.ConnectionError):
        return replaced()
    return False


@pytest.mark.torture
@pytest.mark.timeout(600)
@pytest.mark.parametrize("store", [behind_sentinels, in_a_cluster])
def test_a_primary_that_is_replaced_takes_no_key_with_it(tmp_path, store):
    (tmp_path / "store").mkdir()
    with store(tmp_path / "store") as (url, primary, replaced):
        with (
            serving(tmp_path / "servers", url, about_store=GUARDED) as one,
            running(one.folder / SETTINGS_FILE, tmp_path / "other.log", one.kms) as other,
            using(Pair((one, other))) as users,
        ):
            assert all_go_on(users)
            primary.send_signal(signal.SIGSTOP)
            pause(AWAY_S)
            primary.send_signal(signal.SIGCONT)
            assert becomes_true(lambda: is_over(replaced), CALM_S)
            assert all_go_on(users)

        assert [user.surprises for user in users] == USERS * [[]]
        assert max(user.slowest_s for user in users) > 1  # else nobody met the primary that was away
        with running(one.folder / SETTINGS_FILE, tmp_path / "third.log", one.kms) as third:  # which has cached nothing
            assert lost(Pair((third, third)), users) == []
        verified = subprocess.run(
            [SEALRING, "verify", "--unwrap", "--config", one.folder / SETTINGS_FILE],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert verified.returncode == 0, verified.stdout


def lost(pair, users):
    """The keyrings that do not open everything that they have encrypted."""
    rings = defaultdict(list)
    for ring, value, encrypted in (sealed for user in users for sealed in user.sealed):
        rings[ring].append((value, {"encrypted": encrypted}))
    token = pair.servers[0].token(permissions=USE)
    return [
        ring
        for ring, sealed in rings.items()
        if pair.decrypted(0, ring, token, [envelope for _, envelope in sealed]) != [value for value, _ in sealed]
    ]
