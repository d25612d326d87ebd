"""However many callers make a keyring at once on several servers, it has one DEK; whatever is killed meanwhile."""

import os
import signal
from itertools import count

import pytest

from faults.keyrings import delayed, slow_pair
from sealring.domain.principal import Permission
from support.waiting import becomes_true

CALLERS = 200
USE = frozenset({Permission.KEYRINGS_USE})

_numbers = count()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with slow_pair(tmp_path_factory.mktemp("slow")) as pair:
        yield pair


@pytest.fixture
def ring():
    return f"org_first{next(_numbers)}/ring"


def token_of(pair, *rings):
    return pair.servers[0].token(*{ring.partition("/")[0] for ring in rings}, permissions=USE)


def workers_of(pair):
    return [pid for server in pair.servers for pid in server.workers]


def assert_one_dek(pair, ring, token, sealed, values):
    (dek,) = pair.deks(ring)
    assert dek.latest
    assert {each["keyId"] for each in sealed} == {dek.id}
    assert len({each["encrypted"] for each in sealed}) == len(sealed)
    for number in (0, 1):
        assert pair.decrypted(number, ring, token, sealed) == values


def test_two_hundred_first_encryptions_of_a_keyring_make_one_dek(pair, ring):
    token = token_of(pair, ring)

    sealed = pair.encrypt_at_once(CALLERS * [ring], token)

    assert_one_dek(pair, ring, token, sealed, [f"value {number}" for number in range(CALLERS)])


def test_two_hundred_first_encryptions_of_eight_keyrings_make_one_dek_each(pair, ring):
    rings = [f"{ring}{number}" for number in range(8)]
    token = token_of(pair, *rings)

    # Servers alternate with each value, and keyrings with each two, so that each keyring is made on both.
    asked = [rings[number // 2 % 8] for number in range(CALLERS)]
    sealed = pair.encrypt_at_once(asked, token)

    for each in rings:
        mine = [number for number in range(CALLERS) if asked[number] == each]
        assert len(mine) >= 24
        assert_one_dek(pair, each, token, [sealed[number] for number in mine], [f"value {number}" for number in mine])


@pytest.mark.parametrize("killed", [(0,), (3,), (0, 1, 2, 3)])
def test_workers_killed_while_a_dek_is_stored_leave_one(pair, ring, killed):
    """The kill comes when a transaction is on its way to the store: its answer reaches nobody."""
    token = token_of(pair, ring)
    assert becomes_true(lambda: len(workers_of(pair)) == 4)
    workers = workers_of(pair)
    doomed = [workers[number] for number in killed]

    def kill(request):
        if b"EXEC" in request:
            pair.way.plan = delayed
            for pid in doomed:
                os.kill(pid, signal.SIGKILL)
        return delayed(request)

    pair.way.plan = kill
    sealed = pair.encrypt_at_once(CALLERS * [ring], token)

    assert pair.way.plan is delayed
    assert not set(doomed) & set(workers_of(pair))
    assert_one_dek(pair, ring, token, sealed, [f"value {number}" for number in range(CALLERS)])


def test_what_begins_after_a_rotation_was_answered_is_under_the_new_key_on_every_worker(pair, ring):
    token, path = token_of(pair, ring), f"/sealring/v1/keyrings/{ring.replace('/', '%2F')}/rotate"
    pair.encrypt_at_once(24 * [ring], token)  # all workers know the first one
    keys = [dek.id for dek in pair.deks(ring)]

    for turn in range(6):
        rotated = pair.servers[turn % 2].ask("POST", path, token=token)
        assert rotated.status == 200, rotated.raw
        keys.append(rotated.json["key_id"])
        sealed = pair.encrypt_at_once(24 * [ring], token)
        assert {each["keyId"] for each in sealed} == {keys[-1]}

    assert len(set(keys)) == 7
    assert [(dek.id, dek.latest) for dek in pair.deks(ring)] == [(key, key == keys[-1]) for key in keys]
