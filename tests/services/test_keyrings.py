"""Keyrings: what one encrypts it opens, and no other does."""

import time
from dataclasses import replace

import pytest

from sealring.domain.keyring_codec import Algorithm, parse_envelope
from sealring.domain.keyrings import Keyring
from sealring.errors import EnvelopeRejected, InvalidBody, KeyDeadlineExceeded, StoreUnavailable
from sealring.services.keyring_rules import KeyringRules
from services.keyring_kit import ME, OWNED, RING, STORES, store_of, workers_of
from support.make import ACME, services

COMPATIBLE = KeyringRules(algorithm=Algorithm.AES_256_GCM)


@pytest.fixture(params=STORES)
def store(request):
    return store_of(request)


@pytest.fixture
def worker(store):
    return workers_of(store)


@pytest.fixture
def use(worker):
    return worker()


def altered(raw, **changes):
    return replace(parse_envelope(raw)[0], **changes).encode()


@pytest.mark.parametrize("rules", [KeyringRules(), COMPATIBLE], ids=["bound", "compatible"])
@pytest.mark.parametrize("data", [b"", b"\0", "Zoë 🔑".encode(), bytes(100_000)], ids=["empty", "nul", "text", "large"])
def test_what_a_keyring_encrypts_every_worker_decrypts(worker, rules, data):
    sealed = worker(keyring_rules=rules).encrypt(RING, data, ME)

    assert worker(keyring_rules=rules).decrypt(RING, sealed.encrypted, ME) == data


@pytest.mark.parametrize(("rules", "other"), [(KeyringRules(), COMPATIBLE), (COMPATIBLE, KeyringRules())])
def test_both_kinds_of_envelopes_open_whatever_the_settings_say(worker, rules, other):
    sealed = worker(keyring_rules=rules).encrypt(RING, b"value", ME)

    assert worker(keyring_rules=other).decrypt(RING, sealed.encrypted, ME) == b"value"


def test_all_values_of_a_keyring_are_under_one_dek_and_those_of_another_under_another(use):
    ids = {use.encrypt(RING, b"value", ME).key_id for _ in range(10)}
    other = use.encrypt(Keyring(f"{ACME}/other"), b"value", ME)

    assert len(ids) == 1
    assert other.key_id not in ids


@pytest.mark.parametrize("rules", [KeyringRules(), COMPATIBLE], ids=["bound", "compatible"])
def test_no_other_keyring_opens_a_value(store, rules):
    use = services(store, keyring_rules=rules).keyrings
    sealed = use.encrypt(RING, b"value", ME)
    other = Keyring(f"{ACME}/other")
    use.encrypt(other, b"value", ME)

    for ring in (other, Keyring(ACME), Keyring(f"{ACME}/payments/")):
        with pytest.raises(EnvelopeRejected):
            use.decrypt(ring, sealed.encrypted, ME)
        with pytest.raises(EnvelopeRejected):
            use.re_encrypt(ring, sealed.encrypted, None, ME)


@pytest.mark.parametrize("key_id", ["", "LATEST", "dek_unknown", "a/b", "..", "dek_x\0", "x" * 129, "é"])
def test_an_envelope_that_names_no_dek_of_the_keyring_is_refused(use, key_id):
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, altered(sealed.encrypted, key_id=key_id), ME)


@pytest.mark.parametrize("rules", [KeyringRules(), COMPATIBLE], ids=["bound", "compatible"])
def test_an_envelope_with_any_bit_flipped_is_refused_or_opens_to_the_same_value(store, rules):
    """Only the time of a compatible envelope is not authenticated, as other servers wrote it."""
    use = services(store, keyring_rules=rules).keyrings
    raw = use.encrypt(RING, b"value", ME).encrypted
    opened = []

    for bit in range(len(raw) * 8):
        bad = bytearray(raw)
        bad[bit // 8] ^= 1 << bit % 8
        try:
            opened.append(use.decrypt(RING, bytes(bad), ME))
        except EnvelopeRejected:
            continue

    assert set(opened) <= {b"value"}
    if rules is COMPATIBLE:
        assert len(opened) < 70
    else:
        assert opened == []


@pytest.mark.parametrize("raw", [b"", b"\x08", b"garbage", b"\xff" * 20])
def test_garbage_is_refused(use, raw):
    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, raw, ME)


def test_a_bound_envelope_cannot_be_passed_off_as_a_compatible_one(use):
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, altered(sealed.encrypted, algorithm=Algorithm.AES_256_GCM), ME)


def test_a_bulk_fails_whole_and_each_item_can_be_had_alone(use):
    good = use.encrypt(RING, b"value", ME).encrypted
    items = {"good": good, "bad": good[:-1], "again": good}

    with pytest.raises(EnvelopeRejected):
        use.decrypt_all(RING, items, ME)
    results = use.decrypt_each(RING, items, ME)

    assert [results["good"], results["again"]] == [b"value", b"value"]
    assert isinstance(results["bad"], EnvelopeRejected)


@pytest.mark.parametrize("call", ["decrypt_all", "decrypt_each"])
def test_a_bulk_opens_no_further_key_after_its_deadline(use, store, call):
    items = {"old": use.encrypt(RING, b"value", ME).encrypted}
    use.rotate(RING, ME)
    items["new"] = use.encrypt(RING, b"value", ME).encrypted
    late = replace(ME, deadline=time.monotonic() - 1)

    with pytest.raises((KeyDeadlineExceeded, StoreUnavailable)):  # a bucket is not even asked for the first one
        getattr(use, call)(RING, items, late)

    assert "vault.keyring.decrypted" not in store.actions()


@pytest.mark.parametrize("store", ["memory", "fakeredis"], indirect=True)
def test_one_value_is_decrypted_after_its_deadline_if_the_answer_is_there(use):
    old = use.encrypt(RING, b"value", ME).encrypted
    use.rotate(RING, ME)

    assert use.decrypt(RING, old, replace(ME, deadline=time.monotonic() - 1)) == b"value"


@pytest.mark.parametrize("known", [True, False])
def test_the_values_of_a_bulk_are_under_a_limited_number_of_keys(use, monkeypatch, known):
    monkeypatch.setattr("sealring.services.keyrings.MAX_DEKS", 3)
    items = {"0": use.encrypt(RING, b"value", ME).encrypted}
    for number in range(1, 4):
        if known:
            use.rotate(RING, ME)
        new = use.encrypt(RING, b"value", ME).encrypted
        items[str(number)] = new if known else altered(new, key_id=f"dek_unknown{number}")

    with pytest.raises(InvalidBody):
        use.decrypt_each(RING, items, ME)

    del items["3"]
    assert len(use.decrypt_each(RING, items, ME)) == 3


def test_an_empty_bulk_makes_no_keyring(use, store):
    assert use.encrypt_all(RING, {}, ME) == {}
    assert use.decrypt_all(RING, {}, ME) == {}

    assert store.keyrings.latest(OWNED) is None
    assert store.actions() == []


def test_a_compatible_envelope_is_as_short_as_those_of_other_servers(worker):
    sealed = worker(keyring_rules=COMPATIBLE).encrypt(RING, b"value", ME)

    assert len(sealed.key_id) == 13
    assert len(sealed.encrypted) == 5 + 54


@pytest.mark.parametrize("algorithm", [1, 7, 99, 101, -1])
def test_an_envelope_of_an_unknown_algorithm_is_refused(worker, algorithm):
    use = worker(keyring_rules=COMPATIBLE)
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, altered(sealed.encrypted, algorithm=algorithm), ME)
