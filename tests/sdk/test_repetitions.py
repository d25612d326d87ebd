"""What becomes of a write of an SDK whose answer is lost: the SDK sends it again, and its user sees it done once."""

from contextlib import contextmanager

import pytest

from faults.proxy import Fault, Script, nothing
from sdk.driver import Refused
from sdk.versions import REPEATS, REPEATS_CREATES, every_sdk


@pytest.fixture
def losing(sdk, wire):
    """A block in which the answer to the first request with this method is lost, as `sdk` repeats requests after."""

    @contextmanager
    def losing(method):
        wire.plan = script = Script(f"{method} /vault/v1/kv".encode(), Fault.LOSE)
        wire.instead = sdk.repeats_after
        try:
            yield
        finally:
            wire.plan, wire.instead = nothing, b""
        assert not script.left

    return losing


@every_sdk(REPEATS, REPEATS_CREATES)
def test_a_create_whose_answer_was_lost_is_done(vault, context, losing):
    with losing("POST"):
        created = vault.create(name="greeting", value="world", context=context)

    assert vault.read_by_name("greeting")["metadata"] == created


@every_sdk(REPEATS, without=REPEATS_CREATES)
def test_a_create_without_a_key_whose_answer_was_lost_is_done_and_a_conflict(sdk, vault, context, losing):
    with losing("POST"), pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context=context)

    assert refused.value.kind == sdk.refusals.conflict
    assert vault.read_by_name("greeting")["value"] == "world"


@every_sdk(REPEATS)
def test_an_update_whose_answer_was_lost_is_done_once(vault, context, losing):
    created = vault.create(name="greeting", value="world", context=context)

    with losing("PUT"):
        updated = vault.update(created["id"], value="moon", version_check=created["version_id"])

    versions = [each["id"] for each in vault.versions(created["id"])]
    assert versions == [updated["metadata"]["version_id"], created["version_id"]]


@every_sdk(REPEATS)
def test_a_delete_whose_answer_was_lost_is_done(sdk, vault, context, losing):
    created = vault.create(name="greeting", value="world", context=context)

    with losing("DELETE"):
        vault.delete(created["id"])

    with pytest.raises(Refused) as refused:
        vault.read(created["id"])
    assert refused.value.kind == sdk.refusals.not_found


@every_sdk(without=REPEATS)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_sdk_that_repeats_nothing_tells_that_the_answer_was_lost(sdk, vault, context, losing, method):
    created = vault.create(name="greeting", value="world", context=context)
    lost = vault.update if method == "PUT" else vault.delete
    given = {"value": "moon"} if method == "PUT" else {}

    with losing(method), pytest.raises(Refused) as refused:
        lost(created["id"], **given)

    assert refused.value.kind not in sdk.refusals


# --- what is no repetition


@every_sdk()
def test_the_same_create_twice_is_a_conflict(sdk, vault, context):
    vault.create(name="greeting", value="world", context=context)

    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context=context)

    assert refused.value.kind == sdk.refusals.conflict


@every_sdk()
def test_the_same_create_after_a_delete_makes_another_object(vault, context):
    first = vault.create(name="greeting", value="world", context=context)
    vault.delete(first["id"])

    second = vault.create(name="greeting", value="world", context=context)

    assert second["id"] != first["id"]
    assert vault.read(second["id"])["value"] == "world"


@every_sdk()
def test_one_value_then_another_then_the_first_are_three_updates(vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    for value in ("moon", "sun", "moon"):
        vault.update(created["id"], value=value)

    assert vault.read(created["id"])["value"] == "moon"
    assert len(vault.versions(created["id"])) == 4
