"""Both readers accept and refuse the vectors of a seal of root keys."""

import json
from pathlib import Path

import pytest

from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import RootSeal
from sealring.errors import IntegrityFailure
from sealring.keys.sealed_root import unseal
from support.seal_reader import read_seal

VECTORS = json.loads(Path(__file__).with_name("root-seal-v1.json").read_text(encoding="utf-8"))
KEY = RecoveryKey(bytes.fromhex(VECTORS["recovery_key"]))


@pytest.mark.parametrize("vector", VECTORS["accept"], ids=["first", "later"])
def test_a_seal_holds_what_the_vector_says(vector):
    seal = RootSeal.parse(vector["seal"])
    root = unseal(seal, KEY)

    assert seal.encode() == vector["seal"]
    assert root.content.decode() == vector["content"]
    assert root.id.hex() == seal.head.root_id.hex() == vector["root_id"]
    assert (seal.head.provider, seal.head.generation) == (vector["provider"], vector["generation"])
    assert [[each.domain, each.epoch] for each in root.epochs] == vector["epochs"]


@pytest.mark.parametrize("vector", VECTORS["accept"], ids=["first", "later"])
def test_another_reader_finds_the_same(vector):
    assert read_seal(vector["seal"], KEY.secret) == {name: each for name, each in vector.items() if name != "seal"}


@pytest.mark.parametrize("text", VECTORS["refuse"].values(), ids=VECTORS["refuse"])
def test_what_is_no_seal_is_refused_by_both(text):
    with pytest.raises((ValueError, IntegrityFailure)):
        unseal(RootSeal.parse(text), KEY)
    with pytest.raises(Exception):  # noqa: B017  whatever it notices first
        read_seal(text, KEY.secret)


def test_every_altered_character_is_refused():
    text = VECTORS["accept"][0]["seal"]

    for at in range(len(text)):
        altered = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises((ValueError, IntegrityFailure)):
            unseal(RootSeal.parse(altered), KEY)
