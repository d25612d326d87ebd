"""Whoever can write to the store moves, takes and sets back what is stored of keyrings: no keyring opens another's values.

Attacks "Control over the store" (SECURITY.md): they cannot make values readable to themselves.
"""

import pytest

from adversary.scene import scene_on
from bindings.conftest import world_on
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import EnvelopeRejected, IntegrityFailure
from sealring.store.schema.keyring_codec import HEAD
from support import stores
from support.make import ENVIRONMENT, caller

MINE, ALSO_MINE, THEIRS = (Keyring(name) for name in ("org_mine/ring", "org_mine/other", "org_theirs/ring"))
OTHERS = pytest.mark.parametrize("other", [ALSO_MINE, THEIRS], ids=["of the same organization", "of another one"])


class Stored:
    """Three keyrings of two DEKs each, with a value under each DEK, and raw access to what is stored of them."""

    def __init__(self, scene):
        self._scene = scene
        self._keyspace = stores.parts_on(scene.links, scene.partitions).keyspace
        self.values = {ring: self._filled(ring) for ring in (MINE, ALSO_MINE, THEIRS)}

    def _filled(self, ring):
        use, me = self._scene.rival.use.keyrings, caller(ring.organization)
        old = use.encrypt(ring, f"old of {ring.name}".encode(), me)
        self.before = {**getattr(self, "before", {}), ring: self.fields(ring)}
        use.rotate(ring, me)
        return old, use.encrypt(ring, f"new of {ring.name}".encode(), me)

    def key(self, ring):
        return self._keyspace.keyring(OwnedKeyring(ENVIRONMENT, ring))

    def fields(self, ring):
        (flat,) = self._scene.links.call((b"HGETALL", self.key(ring)))
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def put(self, ring, fields):
        """Let these fields be all of a keyring's."""
        named = [part for field in fields.items() for part in field]
        self._scene.links.call((b"DEL", self.key(ring)))
        if named:
            self._scene.links.call((b"HSET", self.key(ring), *named))

    @property
    def use(self):
        """The use cases of a worker that has just begun: nothing is cached."""
        scene = self._scene
        return world_on(stores.on_links(scene.links, scene.partitions), scene.rival.kms).use

    def decrypted(self, ring, sealed):
        return self.use.keyrings.decrypt(ring, sealed.encrypted, caller(ring.organization))

    def encrypted(self, ring):
        return self.use.keyrings.encrypt(ring, b"more", caller(ring.organization))

    def shown(self, ring):
        return self.use.keyring_care.show(caller(), ring)


@pytest.fixture(params=["our keys", "a customer's key"])
def stored(request, valkey):
    with scene_on(valkey) as scene:
        if request.param == "a customer's key":
            for org in ("org_mine", "org_theirs"):
                scene.rival.bind(org, f"key_of_{org}")
        yield Stored(scene)


def id_of(sealed):
    return sealed.key_id.encode()


@OTHERS
def test_a_dek_in_the_place_of_another_keyrings_dek_opens_and_encrypts_nothing(stored, other):
    mine, theirs = stored.values[MINE][1], stored.values[other][1]
    foreign = stored.fields(other)[id_of(theirs)]

    stored.put(MINE, {**stored.fields(MINE), id_of(mine): foreign})

    for call in (lambda: stored.decrypted(MINE, mine), lambda: stored.encrypted(MINE)):
        with pytest.raises(IntegrityFailure):
            call()
    with pytest.raises(EnvelopeRejected):
        stored.decrypted(MINE, theirs)


@OTHERS
def test_a_dek_that_is_copied_into_a_keyring_with_its_id_opens_nothing_there(stored, other):
    theirs = stored.values[other][1]

    stored.put(MINE, {**stored.fields(MINE), id_of(theirs): stored.fields(other)[id_of(theirs)]})

    with pytest.raises(IntegrityFailure):
        stored.decrypted(MINE, theirs)
    with pytest.raises(IntegrityFailure):
        stored.shown(MINE)


@OTHERS
def test_a_whole_keyring_in_the_place_of_another_is_refused(stored, other):
    stored.put(MINE, stored.fields(other))

    with pytest.raises(IntegrityFailure):
        stored.encrypted(MINE)
    for theirs in stored.values[other]:
        with pytest.raises(IntegrityFailure):
            stored.decrypted(MINE, theirs)


@OTHERS
def test_the_head_of_another_keyring_is_refused(stored, other):
    stored.put(MINE, {**stored.fields(MINE), HEAD: stored.fields(other)[HEAD]})

    with pytest.raises(IntegrityFailure):
        stored.encrypted(MINE)


def test_two_deks_of_a_keyring_that_have_changed_places_open_nothing(stored):
    old, new = stored.values[MINE]
    fields = stored.fields(MINE)

    stored.put(MINE, {**fields, id_of(old): fields[id_of(new)], id_of(new): fields[id_of(old)]})

    for call in (
        lambda: stored.decrypted(MINE, old),
        lambda: stored.decrypted(MINE, new),
        lambda: stored.encrypted(MINE),
    ):
        with pytest.raises(IntegrityFailure):
            call()


def test_a_head_that_is_set_back_makes_no_key_and_is_found(stored):
    old, new = stored.values[MINE]

    stored.put(MINE, {**stored.fields(MINE), HEAD: stored.before[MINE][HEAD]})

    assert stored.encrypted(MINE).key_id == old.key_id
    assert stored.decrypted(MINE, new) == b"new of org_mine/ring"
    with pytest.raises(IntegrityFailure):
        stored.shown(MINE)
    with pytest.raises(IntegrityFailure):
        stored.use.keyrings.rotate(MINE, caller("org_mine"))


def test_the_newest_dek_that_is_taken_away_is_not_replaced(stored):
    old, new = stored.values[MINE]
    fields = stored.fields(MINE)
    del fields[id_of(new)]

    stored.put(MINE, fields)

    for call in (lambda: stored.encrypted(MINE), lambda: stored.shown(MINE)):
        with pytest.raises(IntegrityFailure):
            call()
    with pytest.raises(EnvelopeRejected):
        stored.decrypted(MINE, new)
    assert stored.decrypted(MINE, old) == b"old of org_mine/ring"
    assert stored.fields(MINE) == fields


@pytest.mark.parametrize("taken", ["the head", "an older DEK"])
def test_a_keyring_of_which_something_was_taken_away_gets_no_new_dek(stored, taken):
    fields = stored.fields(MINE)
    del fields[HEAD if taken == "the head" else id_of(stored.values[MINE][0])]

    stored.put(MINE, fields)

    with pytest.raises(IntegrityFailure):
        stored.use.keyrings.rotate(MINE, caller("org_mine"))
    if taken == "the head":
        with pytest.raises(IntegrityFailure):
            stored.encrypted(MINE)
    assert stored.fields(MINE) == fields


def test_a_keyring_that_was_taken_away_whole_has_another_key_which_opens_nothing_of_it(stored):
    stored.put(MINE, {})

    assert stored.encrypted(MINE).key_id not in {each.key_id for each in stored.values[MINE]}
    for each in stored.values[MINE]:
        with pytest.raises(EnvelopeRejected):
            stored.decrypted(MINE, each)
