"""What a suspended binding guards stays shut, whatever becomes of the binding, until its key is verified again.

Attacks "suspended: refuses it" (docs/byok.md): whoever may turn bindings retires or replaces the suspended one, and a
retired one opens what it sealed.
"""

from contextlib import suppress
from functools import partial

import pytest

import sealring_plugin as api
from adversary.crowd import BINDINGS, Tenant
from adversary.requests_of import (
    decrypt,
    decrypt_items,
    decrypt_value,
    decrypt_values,
    of_new_ones,
    re_encrypt_value,
    read,
    read_batch,
    read_by_name,
    read_version,
    rekey,
    status_of,
    try_values,
)
from adversary.scene import scene_on
from adversary.stepper import at_every_gap
from sealring.domain.binding import BindingState
from sealring.domain.ids import uuid_text
from sealring.errors import BindingConflict
from support.make import caller

what_opens = pytest.mark.parametrize(
    "request_of",
    [
        *(read, read_by_name, read_version, decrypt, rekey, decrypt_items, read_batch),
        *(decrypt_value, decrypt_values, re_encrypt_value, try_values),
    ],
)


def retired(org, binding):
    org.turn(binding, "retire")


def replaced(org, binding):
    org.replace(binding)


def replaced_and_that_one_retired(org, binding):
    org.turn(org.replace(binding), "retire")


whatever_becomes_of_it = pytest.mark.parametrize("becomes", [retired, replaced, replaced_and_that_one_retired])


@what_opens
@whatever_becomes_of_it
def test_what_a_suspended_binding_guards_stays_shut(scene, request_of, becomes):
    org = scene.organization()
    binding = org.bind()
    request = of_new_ones(org, request_of)
    org.turn(binding, "suspend")

    with suppress(BindingConflict):  # it may be refused as well
        becomes(org, binding)

    assert status_of(scene.stepper.count(request)) == 424


@whatever_becomes_of_it
def test_it_stays_shut_for_a_process_that_knew_the_key_before(scene, becomes):
    """Not even an older answer of the key is of use, where the binding allows one."""
    org = scene.organization()
    binding = org.bind(max_stale_decrypt_s=60)
    request = of_new_ones(org, read)
    request()
    org.turn(binding, "suspend")

    with suppress(BindingConflict):
        becomes(org, binding)

    assert status_of(scene.stepper.count(request)) == 424


@whatever_becomes_of_it
def test_it_stays_shut_for_a_process_that_begins_then(scene, valkey, becomes):
    org = scene.organization()
    binding = org.bind()
    record = org.object()
    org.turn(binding, "suspend")
    with suppress(BindingConflict):
        becomes(org, binding)

    with scene_on(valkey, follows=scene) as later:
        taken = later.stepper.count(lambda: later.watched.open(record))

    assert status_of(taken) == 424


def test_what_it_guards_opens_again_once_its_key_is_verified(scene):
    org = scene.organization()
    binding = org.bind()
    request = of_new_ones(org, read)
    org.turn(binding, "suspend")

    org.turn(binding, "activate")

    assert request() == "secret"


def test_it_stays_shut_over_http_when_it_retires(servers):
    tenant = Tenant((servers.one, servers.other))
    binding, made = tenant.bind(), tenant.object()
    tenant.turn(binding, "suspend")

    tenant.ask("POST", f"{BINDINGS}/{binding}/retire")

    assert answers_of(tenant, made) == [(424, "cmk_disabled")] * 4


def test_it_stays_shut_over_http_when_it_is_replaced(servers):
    tenant = Tenant((servers.one, servers.other))
    binding, made = tenant.bind(), tenant.object()
    tenant.turn(binding, "suspend")

    tenant.bind(key="key_two", replaces=binding)

    assert answers_of(tenant, made) == [(424, "cmk_disabled")] * 4


def answers_of(tenant, made):
    """What each server says, twice."""
    return [(answer.status, answer.json.get("code")) for answer in (tenant.read(made) for _ in range(4))]


def test_a_verification_from_before_a_suspension_does_not_lift_it(scene):
    """Somebody activates; after the key was asked, somebody else activates and suspends, and the key is disabled."""

    def prepared():
        org = scene.organization()
        key = f"key_of_{org.id}"
        binding = org.bind(key)
        org.turn(binding, "suspend")
        bindings.append(binding)

        def act():
            org.turn(binding, "activate")
            org.turn(binding, "suspend")
            scene.watched.kms[key].failure = api.KeyDisabled()

        return partial(scene.watched.turn, binding, "activate"), act

    bindings = []
    opened = [
        taken.story
        for taken in at_every_gap(scene.stepper, prepared)
        if state_of(scene, bindings[-1]) is not BindingState.SUSPENDED
    ]

    assert opened == []


@pytest.mark.parametrize("state", ["pending", "suspended"])
def test_a_key_that_was_found_not_to_work_meanwhile_does_not_guard(scene, state):
    """Somebody activates; after it was stored that the key works, somebody else finds that it does not."""

    def prepared():
        org = scene.organization()
        key = f"key_of_{org.id}"
        binding = org.bind(key, activate=state == "suspended")
        if state == "suspended":
            org.turn(binding, "suspend")
        bindings.append(binding)

        def act():
            scene.watched.kms[key].failure = api.KeyDisabled()
            org.turn(binding, "validate")

        return partial(scene.watched.turn, binding, "activate"), act

    bindings = []
    opened = [
        taken.story
        for taken in at_every_gap(scene.stepper, prepared)
        if not taken.told_only_after and state_of(scene, bindings[-1]) is BindingState.ACTIVE
    ]

    assert opened == []


def state_of(scene, binding):
    return scene.rival.use.bindings.read(caller(binding.org), uuid_text(binding.id)).state
