"""Who has to act, as an explanation says it: by what failed, and not by whose key it is."""

import threading
from contextlib import contextmanager

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.domain.envelope import Combine
from sealring.errors import KeyThrottled, NotFound
from sealring.http.bindings import render
from support import stores
from support.make import ENVIRONMENT, caller


def told(world, record):
    explained = world.use.explanations.explain(caller(record.org), str(record.id))
    return [(key["state"], key["who_must_act"]) for key in render.explanation(explained)["keys"]]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (None, ("usable", None)),
        (api.AccessDenied(), ("cmk_access_denied", "key owner")),
        (api.KeyDisabled(), ("cmk_disabled", "key owner")),
        (api.WrongRegion(), ("cmk_misconfigured", "key owner")),
        (api.ConfigInvalid("our credentials have expired"), ("cmk_misconfigured", "operator")),
        (api.Unavailable("our token was refused"), ("kms_unavailable", "operator")),
        (api.CiphertextRejected(), ("integrity_failure", "operator")),
        (api.ContextMismatch(), ("integrity_failure", "operator")),
        (RuntimeError(), ("plugin_fault", "operator")),
    ],
)
def test_whoever_can_mend_it_has_to_act(world, failure, expected):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = failure

    assert told(world, record) == [expected]


def test_an_explanation_asks_the_key_now_even_where_its_binding_allows_an_older_answer(world):
    world.bind("org_123", "key_abc", max_stale_decrypt_s=60)
    record = world.seal("org_123")
    assert world.open(record) == "secret"
    world.kms["key_abc"].failure = api.KeyDisabled()
    assert world.open(record) == "secret"

    assert told(world, record) == [("cmk_disabled", "key owner")]


@pytest.mark.parametrize(("combine", "readable"), [(Combine.ALL, False), (Combine.ANY, True)])
def test_an_object_is_readable_by_as_many_keys_as_it_needs(world, combine, readable):
    world.bind("org_123", "key_one", combine=combine)
    world.bind("org_123", "key_two", combine=combine, match={"organization_id": "org_123", "type": "card"})
    record = world.seal("org_123", type="card")
    assert world.use.explanations.explain(caller("org_123"), str(record.id)).readable

    world.kms["key_one"].failure = api.KeyDisabled()

    assert world.use.explanations.explain(caller("org_123"), str(record.id)).readable is readable


def test_a_deleted_object_is_not_explained_and_nobody_is_told_that_it_was(world):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.use.objects.delete(caller("org_123"), str(record.id), version_check=None)
    before = world.store.actions()

    with pytest.raises(NotFound):
        told(world, record)

    assert world.store.actions() == before


@contextmanager
def waiting(world, org):
    """Another request of the organization, which waits for its keys."""
    waits, over = threading.Event(), threading.Event()

    def request():
        with world.gateway.place(ENVIRONMENT, org, ["cmk"]):
            waits.set()
            over.wait(30)

    thread = threading.Thread(target=request)
    thread.start()
    assert waits.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_an_organization_over_its_share_is_refused_and_no_key_is_blamed():
    world = world_on(stores.memory(), waits=True, threads=2)
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")

    with waiting(world, "org_123"):
        with pytest.raises(KeyThrottled):
            told(world, record)
        for change in ("validate", "activate"):
            with pytest.raises(KeyThrottled):
                world.turn(binding, change)
        with pytest.raises(KeyThrottled):
            world.open(record)

    assert told(world, record) == [("usable", None)]
    (as_it_was,) = world.use.bindings.list(caller("org_123"), "org_123")
    assert as_it_was.verification == binding.verification
