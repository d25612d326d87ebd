"""Whoever can write to the store brings back no token that was revoked, and alters no list that anybody believes."""

import time
from dataclasses import replace

import pytest

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.revocation import Reach, Revocation, Target
from sealring.errors import IntegrityFailure
from sealring.store.schema.revocation_codec import SEAL, RevocationCodec
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT
from support.revocations import begin, begun, key_of, on_links, revoke, subject, token
from support.stores import KEYS
from support.tampering import every_bit_of, refused

WITHOUT_ANY = OTHER_ENVIRONMENT[:-1] + "2"  # an environment in which nothing is revoked

# --- whoever can write to the store


@pytest.fixture
def revoked(links):
    """A store with revocations in two environments."""
    store = begun(on_links(links), ENVIRONMENT, OTHER_ENVIRONMENT, WITHOUT_ANY)
    revoke(store, token("t1"))
    revoke(store, subject("billing"), 1_000)
    revoke(store, token("t9"), environment=OTHER_ENVIRONMENT)
    store.load(ENVIRONMENT)
    return store


def fields_of(links, environment=ENVIRONMENT):
    flat = links.call((b"HGETALL", key_of(environment)))[0]
    return dict(zip(flat[::2], flat[1::2], strict=True))


def a_place(links, environment=ENVIRONMENT):
    return max(fields_of(links, environment))


def put(links, fields):
    links.call((b"DEL", key_of()), (b"HSET", key_of(), *(part for field in fields.items() for part in field)))


def take_one_out(links):
    links.call((b"HDEL", key_of(), a_place(links)))


def take_the_seal_out(links):
    links.call((b"HDEL", key_of(), SEAL))


def take_all_but_the_seal_out(links):
    put(links, {SEAL: fields_of(links)[SEAL]})


def take_the_whole_list_out(links):
    links.call((b"DEL", key_of()))


def put_that_of_another_environment_there(links):
    put(links, fields_of(links, OTHER_ENVIRONMENT))


def put_the_empty_one_of_another_environment_there(links):
    put(links, fields_of(links, WITHOUT_ANY))


def put_one_of_another_environment_in(links):
    place = a_place(links, OTHER_ENVIRONMENT)
    links.call((b"HSET", key_of(), place, fields_of(links, OTHER_ENVIRONMENT)[place]))


def exchange_two(links):
    first, second = sorted(fields_of(links))[1:]
    links.call((b"HSET", key_of(), first, fields_of(links)[second], second, fields_of(links)[first]))


def move_one(links):
    fields = fields_of(links)
    put(links, {**fields, bytes(16): fields.pop(a_place(links))})


def set_one_back(links):
    """To when less of it was revoked; the rest goes on to be as it is now."""
    before = fields_of(links)
    revoke(on_links(links), subject("billing"))
    after = fields_of(links)
    changed = next(place for place in before if place and before[place] != after[place])
    links.call((b"HSET", key_of(), changed, before[changed]))


def write_a_list_under_another_key(links):
    put(links, RevocationCodec(StoreKeys(bytes(32))).encode(ENVIRONMENT, ()))


def put_noise_in(links):
    links.call((b"HSET", key_of(), b"x" * 70_000, b"y" * 70_000))


def put_another_type_there(links):
    links.call((b"DEL", key_of()), (b"RPUSH", key_of(), b"x"))


ATTACKS = [
    take_one_out,
    take_the_seal_out,
    take_all_but_the_seal_out,
    take_the_whole_list_out,
    put_that_of_another_environment_there,
    put_the_empty_one_of_another_environment_there,
    put_one_of_another_environment_in,
    exchange_two,
    move_one,
    set_one_back,
    write_a_list_under_another_key,
    put_noise_in,
    put_another_type_there,
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_list_that_was_altered_is_refused_by_whoever_reads_it(links, revoked, attack):
    attack(links)

    for reader in (revoked, on_links(links)):  # one that knows what it was, and one that has just started
        with pytest.raises(IntegrityFailure):
            reader.load(ENVIRONMENT)
    assert [each.target.of for each in revoked.load(OTHER_ENVIRONMENT)] == ["t9"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_list_that_was_altered_is_not_sealed_again_by_the_next_revocation(links, revoked, attack):
    attack(links)

    with pytest.raises(IntegrityFailure):
        revoke(on_links(links), token("t3"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_in_the_place_of_a_list_that_was_altered_an_empty_one_can_be_begun(links, revoked, attack):
    attack(links)

    assert begin(on_links(links)) is True

    assert list(on_links(links).load(ENVIRONMENT)) == []


def test_each_bit_of_a_list_counts(links, revoked):
    before, accepted, tried = fields_of(links), 0, 0
    for place, raw in before.items():
        for flipped in every_bit_of(raw):
            links.call((b"HSET", key_of(), place, flipped))
            accepted += not refused(lambda: on_links(links).load(ENVIRONMENT))
            tried += 1
        links.call((b"HSET", key_of(), place, raw))

    assert accepted == 0
    assert tried > 1_000
    assert len(on_links(links).load(ENVIRONMENT)) == 2


def test_what_is_put_back_is_believed_again(links, revoked):
    before = fields_of(links)
    take_one_out(links)
    assert refused(lambda: revoked.load(ENVIRONMENT))

    put(links, before)

    assert len(revoked.load(ENVIRONMENT)) == 2


def test_a_whole_list_that_was_set_back_is_not_noticed(links, revoked):
    """As SECURITY.md says: nothing in the store can tell it from what was once true."""
    before = fields_of(links)
    revoke(revoked, token("t3"))

    put(links, before)

    assert {each.target.of for each in on_links(links).load(ENVIRONMENT)} == {"t1", "billing"}


# --- each record is authenticated for itself, too


def altered(fields, place, raw):
    """The fields with another record, under a seal that is right."""
    codec = RevocationCodec(KEYS)
    records = {**{name: value for name, value in fields.items() if name != SEAL}, place: raw}
    return {**records, SEAL: codec._seal(ENVIRONMENT, records)}


ONE = Revocation(Target("urn:test", Reach.SUBJECT, "billing"), 1_000, 4_610, 999)


def test_each_bit_of_a_record_counts_even_under_a_seal_that_is_right():
    codec = RevocationCodec(KEYS)
    fields = codec.encode(ENVIRONMENT, [ONE])
    place = max(fields)

    assert codec.decode(ENVIRONMENT, altered(fields, place, fields[place])) == (ONE,)
    for flipped in every_bit_of(fields[place]):
        with pytest.raises(IntegrityFailure, match="integrity"):
            codec.decode(ENVIRONMENT, altered(fields, place, flipped))


@pytest.mark.parametrize("place", [bytes(16), b"short", b"x" * 17])
def test_a_record_counts_at_its_own_place_alone(place):
    codec = RevocationCodec(KEYS)
    raw = codec.encode(ENVIRONMENT, [ONE])[max(codec.encode(ENVIRONMENT, [ONE]))]

    with pytest.raises(IntegrityFailure):
        codec.decode(ENVIRONMENT, altered({}, place, raw))


def test_a_record_counts_in_its_own_environment_alone():
    codec = RevocationCodec(KEYS)
    theirs = codec.encode(OTHER_ENVIRONMENT, [ONE])

    with pytest.raises(IntegrityFailure):
        codec.decode(ENVIRONMENT, altered({}, max(theirs), theirs[max(theirs)]))


def signed(body):
    codec = RevocationCodec(KEYS)
    place = max(codec.encode(ENVIRONMENT, [ONE]))
    return altered({}, place, body + codec._mac(ENVIRONMENT, place, body))


@pytest.mark.parametrize(
    ("at", "by"),
    [
        (slice(0, 1), b"\2"),  # a format that is not known
        (slice(25, 26), b"\4"),  # a reach that is not known
        (slice(28, 29), b"\xff"),  # no UTF-8
        (slice(-1, None), b""),  # truncated
        (slice(10_000, None), b"\0"),  # trailing
    ],
)
def test_a_record_of_another_form_is_refused_though_its_mac_is_right(at, by):
    codec = RevocationCodec(KEYS)
    body = bytearray(codec.encode(ENVIRONMENT, [ONE])[max(codec.encode(ENVIRONMENT, [ONE]))][:-16])
    assert codec.decode(ENVIRONMENT, signed(bytes(body))) == (ONE,)

    body[at] = by

    with pytest.raises(IntegrityFailure) as failure:
        codec.decode(ENVIRONMENT, signed(bytes(body)))
    assert failure.value.reason == "the record of a revocation"


def test_a_list_as_long_as_may_be_costs_less_than_a_second_to_read():
    codec = RevocationCodec(KEYS)
    fields = codec.encode(ENVIRONMENT, (replace(ONE, target=token(f"t{number}")) for number in range(10_000)))
    began = time.thread_time()

    found = codec.decode(ENVIRONMENT, fields)

    assert len(found) == 10_000
    assert time.thread_time() - began < 1  # about 90 ms
