"""Two who write the same object, name or request leave what one after the other would have left.

Attacks "A write watches the record, reads it, and commits" (docs/storage.md) and the promises of `Idempotency-Key`
(docs/http-api.md): the other process writes, and is answered, between any two steps of a write of the process that is
watched.
"""

from dataclasses import replace
from functools import partial

from adversary.stepper import at_every_gap
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import uuid_text
from sealring.errors import IdempotencyKeyReused, NameTaken
from support.make import ENVIRONMENT
from support.stores import KEYS


def create(world, who, context, name="name"):
    return world.use.objects.create(who, name=name, value="v", context=context)


def update(world, who, record, value):
    return world.use.objects.update(who, str(record.id), value=value, version_check=None, contexts=())


def test_a_name_that_somebody_took_meanwhile_is_not_given_twice(scene):
    def prepared():
        org = scene.organization()
        return tuple(partial(create, world, org.caller, org.context()) for world in (scene.watched, scene.rival))

    twice = [taken.story for taken in at_every_gap(scene.stepper, prepared) if type(taken.failure) is not NameTaken]

    assert twice == []


def test_a_name_that_somebody_took_meanwhile_is_not_given_back_to_what_is_restored(scene):
    def prepared():
        org = scene.organization()
        deleted = create(scene.rival, org.caller, org.context())
        scene.rival.use.objects.delete(org.caller, str(deleted.id), version_check=None)
        return (
            lambda: scene.watched.use.objects.restore(org.caller, str(deleted.id)),
            partial(create, scene.rival, org.caller, org.context()),
        )

    twice = [taken.story for taken in at_every_gap(scene.stepper, prepared) if type(taken.failure) is not NameTaken]

    assert twice == []


def test_two_first_uses_of_a_context_share_one_kek(scene):
    def prepared():
        org = scene.organization()
        return (
            partial(create, scene.watched, org.caller, org.context(), "one"),
            lambda: theirs.append(create(scene.rival, org.caller, org.context(), "two").current.key_id),
        )

    theirs, apart = [], []
    for taken in at_every_gap(scene.stepper, prepared):
        if taken.answer.current.key_id != theirs[-1]:
            apart.append(taken.story)

    assert apart == []
    # One for each organization: in the last one the watched process was alone.
    assert scene.rival.store.actions().count("vault.kek.created") == len(set(theirs)) + 1


def test_each_of_two_updates_at_once_is_a_version(scene):
    def prepared():
        org = scene.organization()
        updated.append((org, org.object()))
        return tuple(
            partial(update, world, org.caller, updated[-1][1], value)
            for world, value in ((scene.watched, "last"), (scene.rival, "between"))
        )

    def values():
        org, record = updated[-1]
        versions, text_id = scene.rival.use.versions, str(record.id)
        listed = versions.list(org.caller, text_id)
        return [versions.read(org.caller, text_id, uuid_text(each.id)).value for each in listed]

    updated = []
    lost = [taken.story for taken in at_every_gap(scene.stepper, prepared) if values() != ["last", "between", "secret"]]

    assert lost == []


def test_an_idempotency_key_is_of_one_request_although_the_other_took_too_long(scene):
    """The mark that it was on its way has ended."""

    def prepared():
        org = scene.organization()

        def sends(request):
            idempotent = IdempotentRequest(
                ENVIRONMENT, org.caller.principal.actor, "key-1", b"POST /kv", KEYS.fingerprint(request)
            )
            return replace(org.caller, idempotent=idempotent)

        def act():
            for mark in list(scene.links.scan(b"s1:{*}:i:*")):
                scene.links.call((b"DEL", mark))
            create(scene.rival, sends(b"another request"), org.context(), "another name")

        return partial(create, scene.watched, sends(b"request"), org.context()), act

    both = [
        taken.story
        for taken in at_every_gap(scene.stepper, prepared)
        if type(taken.failure) is not IdempotencyKeyReused
    ]

    assert both == []
