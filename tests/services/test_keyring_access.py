"""A keyring is used by who may use it, within the quota, and never without its event."""

from dataclasses import replace

import pytest

from sealring.domain.keyrings import Keyring
from sealring.domain.limits import Limits
from sealring.domain.principal import Permission
from sealring.errors import EnvelopeRejected, Forbidden, InvalidBody, QuotaExceeded, StoreUnavailable
from services.keyring_kit import ME, RING, STORES, store_of, workers_of
from support.make import ACME, BETA, OTHER_ENVIRONMENT, SCOPED, caller, principal, services


@pytest.fixture(params=STORES)
def store(request):
    return store_of(request)


@pytest.fixture
def worker(store):
    return workers_of(store)


@pytest.fixture
def use(worker):
    return worker()


@pytest.mark.parametrize(
    ("ring", "who"),
    [
        (RING, caller(BETA)),
        (Keyring("env_without_org/x"), caller(ACME)),
        (Keyring(f"{ACME}x/payments"), caller(ACME)),
        (Keyring(f" {ACME}/payments"), caller(ACME)),
        (Keyring(""), caller(ACME)),
        (RING, caller(ACME, permissions=SCOPED - {Permission.KEYRINGS_USE})),
    ],
)
def test_a_token_without_the_keyring_is_refused_whether_or_not_it_exists(use, ring, who):
    sealed = use.encrypt(ring, b"value", caller())

    for call in (
        lambda ring: use.encrypt(ring, b"value", who),
        lambda ring: use.encrypt_all(ring, {}, who),
        lambda ring: use.decrypt(ring, sealed.encrypted, who),
        lambda ring: use.decrypt_all(ring, {}, who),
        lambda ring: use.decrypt_each(ring, {}, who),
        lambda ring: use.re_encrypt(ring, sealed.encrypted, None, who),
        lambda ring: use.rotate(ring, who),
    ):
        with pytest.raises(Forbidden):
            call(ring)


@pytest.mark.parametrize("name", [ACME, f"{ACME}/", f"{ACME}/a/b", "env_listed"])
def test_a_token_may_use_the_keyrings_of_its_organization_and_those_in_its_claim(use, name):
    who = replace(ME, principal=replace(principal(ACME), keyrings=frozenset({"env_listed"})))

    sealed = use.encrypt(Keyring(name), b"value", who)

    assert use.decrypt(Keyring(name), sealed.encrypted, who) == b"value"


@pytest.mark.parametrize("store", ["memory", "fakeredis"], indirect=True)
def test_two_environments_have_different_keyrings_of_one_name(use):
    sealed = use.encrypt(RING, b"value", ME)
    there = caller(ACME, environment=OTHER_ENVIRONMENT)
    use.encrypt(RING, b"value", there)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, sealed.encrypted, there)


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\x7f", "a\x85", "\ud800", "é" * 257])
def test_a_name_that_no_keyring_can_have_is_refused(name):
    with pytest.raises(InvalidBody):
        Keyring(name)


@pytest.mark.parametrize(
    ("name", "org"),
    [(ACME, ACME), (f"{ACME}/x", ACME), ("", None), ("/x", None), ("ünï/x", None), ("x" * 65, None), ("é" * 256, None)],
)
def test_a_keyring_belongs_to_the_part_before_its_first_slash(name, org):
    assert Keyring(name).organization == org


def test_a_new_keyring_is_refused_beyond_the_quota_and_an_old_one_works(store):
    use = services(store, limits_of=lambda _env, _org: Limits(objects=1)).keyrings
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(QuotaExceeded):
        use.encrypt(Keyring(f"{ACME}/other"), b"value", ME)
    with pytest.raises(QuotaExceeded):
        use.rotate(RING, ME)

    assert use.decrypt(RING, sealed.encrypted, ME) == b"value"
    assert use.encrypt(RING, b"value", ME).key_id == sealed.key_id


def test_every_use_is_in_the_audit_log_before_its_answer(use, store):
    sealed = use.encrypt_all(RING, {"a": b"1", "b": b"2"}, ME)
    use.decrypt(RING, sealed["a"].encrypted, ME)
    use.decrypt_all(RING, {name: each.encrypted for name, each in sealed.items()}, ME)
    use.re_encrypt(RING, sealed["a"].encrypted, None, ME)

    key_id = sealed["a"].key_id
    found = [event for event in store.events() if event.action.value.startswith("vault.keyring.")]
    assert [(event.action.value, event.target, event.detail) for event in found] == [
        ("vault.keyring.dek_created", key_id, "first"),
        ("vault.keyring.encrypted", key_id, "values=2"),
        ("vault.keyring.decrypted", key_id, ""),
        ("vault.keyring.decrypted", key_id, "values=2"),
        ("vault.keyring.reencrypted", key_id, ""),
    ]
    assert {event.name for event in found} == {f"{ACME}/payments"}
    assert {event.org for event in found} == {ACME}


def test_no_answer_leaves_without_its_event(use, store, monkeypatch):
    sealed = use.encrypt(RING, b"value", ME)

    def refuse(*_args):
        raise StoreUnavailable("not now")

    monkeypatch.setattr(type(store.keyring_log), "used", refuse)

    for call in (
        lambda: use.encrypt(RING, b"value", ME),
        lambda: use.decrypt(RING, sealed.encrypted, ME),
        lambda: use.re_encrypt(RING, sealed.encrypted, None, ME),
    ):
        with pytest.raises(StoreUnavailable):
            call()
