"""A roll of thousands of DEKs that is killed twice, beside servers that encrypt and rotate: the old key may be dropped."""

import base64
import subprocess
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count

import pytest
import redis

from faults.keyrings import Pair
from sealring import settings
from sealring.auth.scoping import operator
from sealring.domain.keyrings import Keyring
from sealring.domain.principal import Caller, Permission
from sealring.observability.logs import Log
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.server.keyring_wiring import opened_keyrings
from sealring_example.kms import Kms
from support.commands import SEALRING
from support.live import running
from support.waiting import becomes_true
from vectors.keyring_reader import message

RINGS, DEKS_EACH = 500, 10
OLD, NEW = (
    base64.b64encode(message((1, key_id), (3, 32 * byte))).decode()
    for key_id, byte in (("kek_old", b"\1"), ("kek_new", b"\2"))
)
MASTER = """
[plugins.masterkey]
master_keys_file = "master-keys"

[keyrings]
master_keys = "masterkey"
"""
USE = frozenset({Permission.KEYRINGS_USE})
SAFE = "safe to drop"


@contextmanager
def customers():
    """Their KMS, which is asked for nothing."""
    kms = Kms(())
    kms.start()
    yield kms
    kms.stop()


class Installation:
    """A store whose keyrings are under static master keys."""

    def __init__(self, folder, store_url):
        self.folder = folder
        self.store_url = store_url
        list(installation.create_files(folder, store_url, "local"))
        self.path = folder / installation.SETTINGS_FILE
        self.path.write_text(self.path.read_text() + MASTER)
        self.master_keys(OLD)
        wiring.initialise_store(settings.load(self.path), 4)

    def master_keys(self, *lines):
        file = self.folder / "master-keys"
        file.write_text("\n".join(lines))
        file.chmod(0o600)

    def fill(self, rings):
        """Make so many DEKs for each keyring, and return a value that each of them encrypted, oldest first."""
        config = settings.load(self.path)
        caller = Caller(operator(config.environments[0]), "test", deadline=float("inf"))
        with opened_keyrings(config, Log()) as opened, ThreadPoolExecutor(16) as threads:

            def filled(name):
                ring, made = Keyring(name), []
                for number in range(DEKS_EACH):
                    if number:
                        opened.keyrings.rotate(ring, caller)
                    made.append(opened.keyrings.encrypt(ring, f"{name} {number}".encode(), caller))
                return [base64.b64encode(each.encrypted).decode() for each in made]

            return dict(zip(rings, threads.map(filled, rings), strict=True))

    def under_the_old_key(self):
        """How many stored DEKs name the old key: its id stands in each that it wraps."""
        with closing(redis.Redis.from_url(self.store_url)) as client:
            pipeline = client.pipeline(transaction=False)
            for key in client.scan_iter(b"s1:{*}:y:*", count=1000):
                pipeline.hvals(key)
            return sum(b"kek_old" in record for records in pipeline.execute() for record in records)

    @contextmanager
    def servers(self):
        """Two, on the same settings."""
        with (
            customers() as kms,
            running(self.path, self.folder / "one.log", kms) as one,
            running(self.path, self.folder / "other.log", kms) as other,
        ):
            yield Pair((one, other))

    @contextmanager
    def roll(self):
        """`sealring keyrings roll` in a process of its own."""
        command = [SEALRING, "keyrings", "roll", "--config", self.path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            yield process


class Users:
    """Encrypt on both servers and rotate on the first, until they are stopped, and note what must not be."""

    def __init__(self, pair, rings, token):
        self._pair = pair
        self._rings = rings
        self._token = token
        self._over = threading.Event()
        self._turns = count()
        self.sealed = []  # the keyring, the value, its envelope
        self.wrong = []
        self.newest = {}
        self._threads = [
            *(threading.Thread(target=self._until_over, args=(self._encrypt,)) for _ in range(3)),
            threading.Thread(target=self._until_over, args=(self._rotate,)),
        ]

    def __enter__(self):
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for each in self._threads:
            each.join(60)

    def _until_over(self, work):
        try:
            while not self._over.is_set():
                work(next(self._turns))
        except BaseException as failure:
            self.wrong.append(repr(failure))
            raise

    def _encrypt(self, turn):
        self._encrypted(turn, self._rings[turn % len(self._rings)])

    def _encrypted(self, turn, ring):
        made = self._pair.call(turn, "Encrypt", self._token, keyring=ring, data=f"{ring} at {turn}")
        self.sealed.append((ring, f"{ring} at {turn}", made["encrypted"]))
        return made["keyId"]

    def _rotate(self, turn):
        """Only here, so that a keyring's newest key is the one of its last rotation."""
        ring = self._rings[turn % len(self._rings)]
        path = f"/sealring/v1/keyrings/{ring.replace('/', '%2F')}/rotate"
        rotated = self._pair.servers[0].ask("POST", path, token=self._token)
        if rotated.status != 200:
            self.wrong.append((ring, rotated.status, rotated.raw))
            return
        self.newest[ring] = rotated.json["key_id"]
        used = [self._encrypted(number, ring) for number in (1, 0, 1)]
        if set(used) != {self.newest[ring]}:
            self.wrong.append((ring, self.newest[ring], used))


@pytest.mark.torture
@pytest.mark.timeout(1200)
def test_a_roll_that_was_killed_twice_beside_servers_in_use_leaves_nothing_under_the_old_key(tmp_path):
    rings = [f"org_{number % 50}/ring{number}" for number in range(RINGS)]
    with EmbeddedValkey(tmp_path) as store:
        place = Installation(tmp_path, store.url)
        kept = place.fill(rings)
        all_of_them = place.under_the_old_key()
        assert all_of_them == RINGS * DEKS_EACH
        place.master_keys(NEW, OLD)

        with place.servers() as pair:
            token = pair.servers[0].token(permissions=USE)
            with Users(pair, rings, token) as users:
                for left in (0.7, 0.3):
                    with place.roll() as process:
                        assert becomes_true(lambda left=left: place.under_the_old_key() < left * all_of_them, 300)
                        assert process.poll() is None
                        process.kill()
                        assert SAFE not in process.communicate(timeout=30)[0]
                assert place.under_the_old_key() > 0
                with place.roll() as process:
                    said, told = process.communicate(timeout=600)
            assert users.wrong == []
            assert (process.returncode, "failed: 0" in said) == (0, True), (said, told)
            assert f"KEK kek_old: guards no key any more; {SAFE}" in said
            assert place.under_the_old_key() == 0
            assert len(users.newest) > 20
            for ring, newest in users.newest.items():
                assert pair.call(1, "Encrypt", token, keyring=ring, data="")["keyId"] == newest

        place.master_keys(NEW)
        with place.servers() as pair:
            token = pair.servers[0].token(permissions=USE)
            for ring, envelopes in kept.items():
                assert opened(pair, ring, token, envelopes) == [f"{ring} {number}" for number in range(DEKS_EACH)]
            for ring, values in by_ring(users.sealed).items():
                assert opened(pair, ring, token, [each for _, each in values]) == [each for each, _ in values]


def opened(pair, ring, token, envelopes):
    items = {str(number): each for number, each in enumerate(envelopes)}
    answer = pair.call(0, "DecryptBulk", token, keyring=ring, items=items)["items"]
    return [answer[str(number)] for number in range(len(envelopes))]


def by_ring(sealed):
    """The values that were encrypted with each keyring, and their envelopes."""
    found = defaultdict(list)
    for ring, value, envelope in sealed:
        found[ring].append((value, envelope))
    return found
