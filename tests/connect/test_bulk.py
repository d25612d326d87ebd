"""A bulk call counts as so many requests as it has items, and others have their turn while it is worked on."""

import json
from dataclasses import dataclass

import pytest

from connect.kit import ORG, RING, USE, Asked, Vault, token
from sealring.admission.limits import Rates
from sealring.domain.keyrings import Keyring, Sealed
from sealring.domain.limits import Limits
from sealring.fibers import LARGE_BYTES
from support.loop import in_fibers, turn
from support.make import caller, limiter, services
from support.stores import memory

REFUSED = (429, "resource_exhausted")
MANY = 5_000
MOST = 1_000_000


def bulk(vault, items, bearer=None):
    return vault.json(
        "EncryptBulk", {"keyring": RING, "items": dict.fromkeys(map(str, range(items)), "x")}, bearer=bearer
    )


@pytest.mark.parametrize("limits", [{"rates": Rates(subject=10)}, {"rates": Rates(environment=10)}])
def test_each_item_counts_as_a_request(limits):
    vault = Vault(limits=limiter(**limits))

    assert bulk(vault, 15).status == 200
    assert bulk(vault, 6).refusal == REFUSED
    assert bulk(vault, 4).status == 200  # a refused one counts as one
    assert bulk(vault, 1).refusal == REFUSED


def test_each_item_that_is_decrypted_counts_as_a_request():
    vault = Vault(limits=limiter(rates=Rates(subject=10)))
    sealed = vault.json("Encrypt", {"keyring": RING, "data": "x"}).json["encrypted"]

    def opened(items):
        return vault.json("DecryptBulk", {"keyring": RING, "items": dict.fromkeys(map(str, range(items)), sealed)})

    assert opened(14).status == 200
    assert opened(6).refusal == REFUSED


@pytest.mark.parametrize(
    "bearer",
    [
        token(),
        token(None, [*USE, "vault:all_organizations"]),
        token("org_beta", keyrings=[RING]),
    ],
    ids=["of a token for it", "of a token for all", "of a token of another organization for the keyring"],
)
def test_each_item_counts_for_the_organization_of_the_keyring(bearer):
    rates = {ORG: 10}
    limits = limiter(limits_of=lambda _environment, org: Limits(requests_per_second=rates.get(org, 0)))
    vault = Vault(limits=limits)

    assert bulk(vault, 15, bearer).status == 200
    assert bulk(vault, 6, bearer).refusal == REFUSED


def test_a_call_of_more_items_than_a_rate_is_answered_and_owed():
    vault = Vault(limits=limiter(rates=Rates(subject=10)))

    assert bulk(vault, 1_000).status == 200
    assert bulk(vault, 1).refusal == REFUSED


def test_a_token_that_may_not_use_a_keyring_takes_nothing_of_its_organization():
    rates = {ORG: 10}
    vault = Vault(limits=limiter(limits_of=lambda _environment, org: Limits(requests_per_second=rates.get(org, 0))))

    assert bulk(vault, 1_000, token("org_beta")).refusal == (403, "permission_denied")
    assert bulk(vault, 15).status == 200


@pytest.fixture
def keyrings():
    return services(memory()).keyrings


class Beside:
    """Another fiber, which goes on while some work is done: `turns` are those that it has had."""

    def __init__(self):
        self.turns = 0
        self._ended = False

    def __call__(self, work):
        def works():
            try:
                work()
            finally:
                self._ended = True

        worked, _ = in_fibers(works, self._goes_on)
        worked.get()
        return self.turns

    def _goes_on(self):
        while not self._ended and self.turns < MOST:
            turn()
            self.turns += 1


def test_others_have_their_turn_while_many_values_are_encrypted_and_decrypted(keyrings):
    ring, me = Keyring(RING), caller(ORG)
    items = {str(number): b"" for number in range(MANY)}
    sealed = {name: each.encrypted for name, each in keyrings.encrypt_all(ring, items, me).items()}

    works = {
        "encrypt": lambda: keyrings.encrypt_all(ring, items, me),
        "decrypt": lambda: keyrings.decrypt_all(ring, sealed, me),
        "try": lambda: keyrings.decrypt_each(ring, sealed, me),
    }
    assert {name: Beside()(work) > MANY // 40 for name, work in works.items()} == dict.fromkeys(works, True)


@pytest.mark.parametrize("items", [dict.fromkeys(map(str, range(MANY)), ""), {"": 20_000 * "x"}], ids=["many", "one"])
@pytest.mark.parametrize("method", ["EncryptBulk", "DecryptBulk"])
def test_others_have_their_turn_while_the_items_of_a_call_are_read_and_written(method, items):
    """What the cipher takes is no part of it."""
    beside = Beside()
    vault = Vault(mirror := Mirror(beside))
    sent = json.dumps({"keyring": RING, "items": items}).encode()
    assert LARGE_BYTES / 4 < len(sent) < LARGE_BYTES
    asked = Watched(**vars(vault.asked(method, sent)), beside=beside)

    turns = beside(lambda: vault.answer(asked))

    least = len(items) // 300
    assert asked.read_at + least < mirror.called_at
    assert mirror.called_at + least < turns


@dataclass
class Watched(Asked):
    """A request that notes when its body was read."""

    beside: Beside | None = None
    read_at: int = 0

    def body(self, max_bytes=None, owner=None):
        self.read_at = self.beside.turns
        return super().body(max_bytes, owner)


class Mirror:
    """Keyrings without a cipher, which note when they were called."""

    def __init__(self, beside):
        self._beside = beside

    def encrypt_all(self, _ring, items, _caller):
        self.called_at = self._beside.turns
        return {name: Sealed(each, "dek_x") for name, each in items.items()}

    def decrypt_all(self, _ring, items, _caller):
        self.called_at = self._beside.turns
        return items
