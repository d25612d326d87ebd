"""Each kind of key as another type, and with odd values: findings and integrity failures, and nothing else."""

import time
from dataclasses import replace

import pytest

from backup.damage import BOUND, ME, NAME, Damage
from backup.kit import updated
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import uuid_text
from sealring.errors import BackupRefused, IntegrityFailure, StoreLost, StoreUnavailable
from sealring.server import wiring
from sealring.server.wiring import Stores
from sealring.services.listing import ListOptions
from support.make import caller, context

OWNER, ALL = caller(BOUND), caller()
LONG = b"\xff" * 300
OTHER_TYPES = {  # by type: a command that makes a key of it, without the key
    "string": (b"SET", b"odd"),
    "hash": (b"HSET", b"", b"odd"),
    "list": (b"RPUSH", b"odd"),
    "set": (b"SADD", b"odd"),
    "sorted set": (b"ZADD", b"1", b"odd"),
    "stream": (b"XADD", b"1-1", b"odd", b""),
}
ODD_SCORES = (b"inf", b"-inf", b"0.5", b"-1", b"1e300", b"18446744073709551615")
ODD_VALUES = {
    "string": [(b"SET", raw) for raw in (b"", LONG, b"nan", b"9" * 400)],
    "hash": [(b"HSET", field, raw) for field in (b"", b"w1", LONG) for raw in (b"", b"-1", LONG)],
    "list": [(b"LPUSH", b""), (b"LPUSH", LONG), (b"RPUSH", b"odd")],
    "sorted set": [(b"ZADD", score, raw) for score in ODD_SCORES for raw in (b"", LONG)],
    "stream": [(b"XADD", place, field, b"odd") for place in (b"*", b"18446744073709551615-0") for field in (b"", b"e")],
}
KINDS = {
    **dict.fromkeys(["o", "n", "k", "c", "g", "z"], "string"),
    **dict.fromkeys(["v", "d", "u", "b", "q", "r", "i"], "hash"),
    **dict.fromkeys(["x", "e", "t"], "sorted set"),
    "s": "list",
    "a": "stream",
}


@pytest.fixture
def partitions():
    return 1


class Full(Damage):
    """With a key of each kind, which can be put back to what it was."""

    def __init__(self, installed, opened):
        super().__init__(installed, opened)
        self.installed = installed
        self.named = replace(
            ME, idempotent=IdempotentRequest(self.mine.environment, "actor", "key-1", b"POST /kv", bytes(16))
        )
        opened.use.objects.create(self.named, name="named", value="v", context=context())
        self.call(b"HSET", self.keys()["u"], b"w1", b"7")
        self._dumps = {key: self.call(b"DUMP", key) for key in opened.links.scan(b"s1:{0}:*")}

    def keys(self):
        """One of each kind, that what is done with the store leads to."""
        mine, here = self.mine.id.raw, b"s1:{0}:"
        (idempotent,) = self.opened.links.scan(here + b"i:*")
        return {
            **{kind: here + kind.encode() + b":" + mine for kind in "ovs"},
            **{kind: here + kind.encode() + b":" + self.kek_id for kind in "ku"},
            "n": self.name,
            "c": self.scope,
            "x": self.index,
            "e": self.everywhere,
            "t": self.tombstones,
            "b": self.bindings,
            "q": self.owners,
            "r": self.revocations,
            "i": idempotent,
            "g": self.keyspace.epoch(self.mine.id.home),
            "z": self.keyspace.marker(0),
            "a": self.keyspace.audit(0),
            "d": self.keyspace.directory(self.mine.environment, NAME),
        }

    def put_back(self):
        self.call(b"DEL", *self.opened.links.scan(b"s1:{0}:*"))
        for key, raw in self._dumps.items():
            self.call(b"RESTORE", key, 0, raw)

    def uses(self):
        """What is done with the store, in a process that knows nothing of it yet."""
        with self.installed.opened() as opened:
            use, mine = opened.use, str(self.mine.id)
            yield lambda: use.objects.read(ME, mine)
            yield lambda: use.objects.read_by_name(ME, NAME, None)
            yield lambda: use.objects.read_by_name(ALL, "other", None)
            yield lambda: use.objects.describe(ME, mine)
            yield lambda: use.versions.list(ME, mine)
            yield lambda: use.lists.list(ME, ListOptions())
            yield lambda: use.lists.list(ALL, ListOptions())
            yield lambda: use.explanations.explain(ME, mine)
            yield lambda: use.data_keys.create(ME, context())
            yield lambda: use.operations.find(ME, "key-1")
            yield lambda: use.bindings.list(OWNER, BOUND)
            yield lambda: use.bindings.read(OWNER, uuid_text(self.binding.id))
            yield lambda: use.data_keys.create(OWNER, context(organization_id=BOUND))
            yield lambda: use.objects.restore(ME, str(self.deleted.id))
            yield lambda: updated(use, ME, self.mine, "more")
            yield lambda: use.objects.create(ME, name="new", value="v", context=context())
            yield lambda: use.objects.create(self.named, name="named", value="v", context=context())
            yield lambda: list(wiring.lacking_revocations(self.installed.settings, Stores.on(opened.parts)))
            yield lambda: list(wiring.make_purging(Stores.on(opened.parts), self.installed.settings).run(time.time()))
            yield lambda: self.installed.back_up("odd")


@pytest.fixture
def full(installed, opened):
    return Full(installed, opened)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_another_type_is_a_finding_and_an_integrity_failure(installed, full, kind):
    key = full.keys()[kind]
    for other, (command, *rest) in OTHER_TYPES.items():
        if other != KINDS[kind]:
            full.put_back()
            full.call(b"DEL", key)
            full.call(command, key, *rest)

            assert installed.verify() != []
            assert failures(full) <= ALLOWED | ({StoreLost} if kind == "z" else set())


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_value_is_an_integrity_failure_if_it_is_not_passed_over(installed, full, kind):
    key = full.keys()[kind]
    for command, *rest in ODD_VALUES[KINDS[kind]]:
        full.put_back()
        full.call(command, key, *rest)

        found = installed.verify()

        assert found != [] or kind in "gdi"  # no MAC is over these, or they may hold what nobody asks for
        assert failures(full) <= ALLOWED | ({StoreLost} if kind == "z" else set())


@pytest.mark.parametrize("score", ODD_SCORES)
@pytest.mark.parametrize("kind", "xet")
def test_an_odd_score_of_what_is_ours_is_a_finding_and_an_integrity_failure(installed, full, kind, score):
    ids = {
        "x": [full.member(full.index)],
        "e": [full.member(full.everywhere)],
        "t": [full.mine.id.raw, full.deleted.id.raw],
    }
    for member in ids[kind]:
        full.put_back()
        full.call(b"ZADD", full.keys()[kind], score, member)

        assert installed.verify() != []
        assert failures(full) <= ALLOWED


ALLOWED = {IntegrityFailure, BackupRefused}


def failures(full):
    """The types of what was raised. A store on a busy machine may answer too late: then it is asked again."""
    return {kind for use in full.uses() if (kind := next(_tried(use, 3), None)) is not None}


def _tried(use, times):
    for _ in range(times):
        try:
            use()
        except StoreUnavailable:
            continue
        except Exception as failure:  # noqa: BLE001  which ones there are is the question
            yield type(failure)
        return
    yield StoreUnavailable
