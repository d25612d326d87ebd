"""What a check of a key finds, with advice for who has to act, and what is refused for good."""

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.domain.binding import BindingState
from sealring.errors import BindingConflict, InvalidBody, KeyAccessDenied
from support import stores
from support.cmk import CmkProvider, Key
from support.make import caller


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def world(request):
    if request.param == "memory":
        return world_on(stores.memory())
    if request.param == "fakeredis":
        return world_on(stores.on_fakeredis())
    return world_on(stores.on_links(request.getfixturevalue("links")))


def test_a_key_that_does_not_work_stays_pending_with_what_was_found(world):
    world.kms["key_abc"] = Key(failure=api.KeyDisabled())

    binding = world.bind("org_123", "key_abc")

    assert binding.state is BindingState.PENDING
    assert binding.verification.codes == ("key_disabled",)
    with pytest.raises(BindingConflict, match="key_disabled"):
        world.turn(binding, "activate")


def test_much_may_be_found_in_many_words(world, monkeypatch):
    """Of 4 bytes a character: more than 64 KiB."""
    said = [api.Finding(f"finding_{number}", api.Severity.WARNING, "🔑" * 600, "🔑" * 600) for number in range(30)]
    monkeypatch.setattr(CmkProvider, "validate", lambda _self, _key, _call: said)

    binding = world.turn(world.bind("org_123", "key_abc", activate=False), "validate")

    assert len(world.store.bindings.load(binding.environment, binding.org).bindings[0].verification.findings) == 30


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (api.AccessDenied(), "access_denied"),
        (api.KeyDisabled(), "key_disabled"),
        (api.KeyPendingDeletion(), "key_pending_deletion"),
        (api.KeyDestroyed(), "key_destroyed"),
        (api.KeyNotFound(), "key_not_found"),
        (api.WrongRegion(), "key_misconfigured"),
        (api.Unsupported(), "key_misconfigured"),
        (api.Throttled(), "throttled"),
        (api.Unavailable(), "unavailable"),
        (api.DeadlineExceeded(), "deadline"),
        (RuntimeError("secret"), "plugin_fault"),
    ],
)
def test_each_failure_of_a_key_is_a_finding_with_advice(world, failure, code):
    world.kms["key_abc"] = Key(failure=failure)

    binding = world.turn(world.bind("org_123", "key_abc", activate=False), "validate")

    assert code in binding.verification.codes
    assert all(finding.advice for finding in binding.verification.findings)
    assert "secret" not in repr(binding.verification)


def test_a_warning_keeps_nobody_from_activating(world):
    binding = world.bind("org_123", "key_abc", options={"rotation": "off"})

    assert binding.state is BindingState.ACTIVE
    assert binding.verification.codes == ("rotation_off",)


def test_since_tells_when_a_key_began_to_fail(world):
    binding = world.bind("org_123", "key_abc")
    world.kms["key_abc"].failure = api.KeyDisabled()

    first, second = world.turn(binding, "validate"), world.turn(binding, "validate")

    assert second.verification.since == first.verification.since
    assert second.verification.checked_at > first.verification.checked_at


def test_a_check_does_not_keep_requests_from_the_key():
    """A probe in another organization's context is refused by a good policy: that must not look like an outage."""
    world = world_on(stores.memory(), waits=True)
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = api.AccessDenied()
    assert world.turn(binding, "validate").verification.codes == ("access_denied",)
    assert world.use.explanations.explain(caller("org_123"), str(record.id)).readable is False
    world.kms["key_abc"].failure = None

    assert world.open(record) == "secret"


def test_what_a_key_answers_to_requests_does_not_keep_a_check_from_it():
    """Whoever has mended a key finds that out at once."""
    world = world_on(stores.memory(), waits=True)
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = api.AccessDenied()
    with pytest.raises(KeyAccessDenied):
        world.open(record)
    world.kms["key_abc"].failure = None
    with pytest.raises(KeyAccessDenied):
        world.open(record)

    assert world.turn(binding, "validate").verification.verified
    assert world.use.explanations.explain(caller("org_123"), str(record.id)).readable


def test_a_key_that_does_not_answer_a_probe_is_not_verified_by_that(world):
    """That it opens nothing in another organization's context is shown by a refusal, and by nothing else."""
    key = world.kms["key_abc"] = Key()
    fails_at = 4  # wrap, unwrap, then one in another place, then one in another context
    key.failing_at = {fails_at: api.Unavailable()}

    binding = world.bind("org_123", "key_abc")

    assert binding.state is BindingState.PENDING
    assert binding.verification.codes == ("unavailable",)


def test_a_key_that_does_not_answer_is_asked_once(world):
    world.kms["key_abc"] = Key(failure=api.DeadlineExceeded())

    binding = world.bind("org_123", "key_abc")

    assert binding.verification.codes == ("deadline",)
    assert [operation for operation, *_ in world.kms["key_abc"].log] == ["wrap"]


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (api.AccessDenied(), "Give sealring the permissions that the setup guide lists."),
        (api.WrongRegion(), "Check the key's type, region and options."),
        (api.ConfigInvalid(), "Tell the operator."),
    ],
)
def test_advice_is_for_whoever_has_to_act(world, failure, advice):
    world.kms["key_abc"] = Key(failure=failure)

    binding = world.bind("org_123", "key_abc")

    assert advice in [finding.advice for finding in binding.verification.findings]


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"provider": "nokms"}, "provider"),
        ({"key": "abc"}, "key"),
        ({"options": {"colour": "red"}}, "options"),
        ({"options": {"external_id": "mine"}}, "options"),
        ({"match": {"organization_id": "org_456"}}, "match"),
        ({"show": ("ORGANIZATION_ID",)}, "show_context"),
    ],
)
def test_what_can_never_be_right_is_refused(world, changes, member):
    with pytest.raises(InvalidBody) as refused:
        world.bind("org_123", **{"key": "key_abc", **changes})

    assert refused.value.violations[0][0] == member
