"""Whatever the storage does instead of answering, no key is made in vain, none is lost, and no secret is told."""

import logging
import time
from threading import Barrier, Event, Thread

import pytest

from archive.workers import FOLDER, LATEST, RING, rings_of, soon, worker_on
from sealring.archive.bucket import ABSENT
from sealring.archive.lane import Lane
from sealring.domain.events import Action
from sealring.domain.events import Event as AuditEvent
from sealring.domain.keyring_codec import WrappedDek
from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring
from sealring.errors import StoreError, StoreUnavailable, WriteContention
from support import stores
from support.make import ACME, BETA, ENVIRONMENT, caller
from support.s3 import SECRET
from support.waiting import becomes_true

OWNED = OwnedKeyring(ENVIRONMENT, RING)

REFUSALS = {
    "no bucket": (404, "NoSuchBucket"),
    "a proxy's 404": (404, ""),
    "a 404 of something else": (404, "NoSuchUpload"),
    "access denied": (403, "AccessDenied"),
    "another region": (400, "AuthorizationHeaderMalformed"),
    "a conflict": (409, "OperationAborted"),
    "a race": (409, "ConditionalRequestConflict"),
    "too many requests": (429, "TooManyRequests"),
    "slow down": (503, "SlowDown"),
    "a proxy's 503": (503, ""),
    "an error": (500, "InternalError"),
    "an error that names a missing key": (500, "NoSuchKey"),
    "a denial that names a missing key": (403, "NoSuchKey"),
    "a redirect": (301, "PermanentRedirect"),
    "an unmet condition": (412, "PreconditionFailed"),
}


@pytest.fixture
def store(buckets, plain_bucket):
    """A store with keyrings in a bucket that has been proved."""
    made = buckets.store(stores.on_fakeredis(), plain_bucket)
    worker_on(made).encrypt(Keyring(ACME), b"value", caller(ACME))
    return made


@pytest.fixture
def worker(store):
    return lambda: worker_on(store)


def of_keys(method, fault):
    return lambda asked, key: fault if asked == method and key.startswith(FOLDER) else None


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=list(REFUSALS))
def test_a_read_that_fails_is_unavailable_and_makes_no_key(worker, plain_s3, fault):
    plain_s3.fault = of_keys("GET", fault)

    with pytest.raises(StoreUnavailable if fault[1] != "ConditionalRequestConflict" else WriteContention) as refused:
        worker().encrypt(RING, b"value", soon())

    assert str(refused.value) in {
        "The storage of keyrings is not available. Try again later.",
        "The keyring is being written by others. Try again.",
    }
    assert rings_of(plain_s3) == {}


@pytest.mark.parametrize("status", [204, 206])
def test_a_part_of_an_object_is_taken_for_none(worker, plain_s3, monkeypatch, status):
    sealed = worker().encrypt(RING, b"value", caller(ACME))
    whole = plain_s3.do

    def part(method, key, query, headers, body):
        answer = whole(method, key, query, headers, body)
        return (status, answer[1], b"") if method == "GET" and key.startswith(FOLDER) else answer

    monkeypatch.setattr(plain_s3, "do", part)

    for call in (
        lambda use: use.encrypt(RING, b"value", soon()),
        lambda use: use.decrypt(RING, sealed.encrypted, soon()),
    ):
        with pytest.raises(StoreUnavailable):
            call(worker())


def test_only_a_missing_object_is_a_missing_keyring(worker, plain_s3):
    sealed = worker().encrypt(RING, b"value", caller(ACME))
    plain_s3.fault = of_keys("GET", (404, "NoSuchBucket"))

    with pytest.raises(StoreUnavailable):  # and not a refusal of the envelope
        worker().decrypt(RING, sealed.encrypted, soon())


@pytest.mark.parametrize(
    "fault",
    [each for each in REFUSALS.values() if each[0] != 412],
    ids=[each for each in REFUSALS if each != "an unmet condition"],
)
def test_a_write_that_fails_is_unavailable_and_the_next_one_works(worker, plain_s3, fault):
    plain_s3.fault = of_keys("PUT", fault)
    with pytest.raises(StoreError):
        worker().encrypt(RING, b"value", soon())
    assert rings_of(plain_s3) == {}
    plain_s3.fault = lambda _method, _key: None

    sealed = worker().encrypt(RING, b"value", caller(ACME))

    assert set(rings_of(plain_s3)) == {LATEST, FOLDER + sealed.key_id}


@pytest.mark.parametrize("which", [LATEST, "dek_"], ids=["pointer", "key"])
@pytest.mark.parametrize("fault", [(500, "InternalError"), (502, ""), (503, "")])
def test_a_write_that_was_done_although_its_answer_says_no_is_recognised(worker, plain_s3, which, fault):
    plain_s3.late = lambda method, key: fault if method == "PUT" and which in key else None

    sealed = worker().encrypt(RING, b"value", caller(ACME))

    assert set(rings_of(plain_s3)) == {LATEST, FOLDER + sealed.key_id}
    plain_s3.late = lambda _method, _key: None
    assert worker().decrypt(RING, sealed.encrypted, caller(ACME)) == b"value"


def test_a_server_that_stopped_between_the_two_writes_leaves_one_winner(worker, plain_s3):
    plain_s3.fault = lambda method, key: (403, "AccessDenied") if (method, key) == ("PUT", LATEST) else None
    with pytest.raises(StoreUnavailable):
        worker().encrypt(RING, b"value", soon())
    (orphan,) = rings_of(plain_s3)
    plain_s3.fault = lambda _method, _key: None

    ids = {worker().encrypt(RING, b"value", caller(ACME)).key_id for _ in range(3)}

    (winner,) = ids
    assert FOLDER + winner != orphan
    assert plain_s3.objects[LATEST] == plain_s3.objects[FOLDER + winner]


def test_of_many_workers_at_once_one_makes_the_key_and_no_other_key_stays(worker, plain_s3):
    plain_s3.delay_s = 0.02
    barrier, ids = Barrier(12), []

    def encrypt(use):
        barrier.wait(10)
        ids.append(use.encrypt(RING, b"value", caller(ACME)).key_id)

    threads = [Thread(target=encrypt, args=(worker(),)) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)

    assert len(ids) == 12
    assert set(rings_of(plain_s3)) == {LATEST, *(FOLDER + each for each in ids)}
    assert len(set(ids)) == 1


def dek(key_id):
    return StoredDek(DekId(key_id), WrappedDek(key_id, 1, b"wrapped").encode())


def change():
    return KeyringChange(AuditEvent(Action.KEYRING_DEK_CREATED, ENVIRONMENT, ACME, caller(ACME).origin))


def test_a_key_that_may_have_been_the_newest_is_not_deleted(store, plain_s3):
    """Its write had no answer, and another took its place before it was looked for: others may have encrypted under it."""
    mine, theirs = dek("dek_mine"), dek("dek_theirs")

    def overtaken(method, key):
        if (method, key) != ("PUT", LATEST) or plain_s3.objects[LATEST] == theirs.record:
            return None
        plain_s3.objects[LATEST] = theirs.record
        return 500, "InternalError"

    plain_s3.late = overtaken

    assert not store.keyrings.add(OWNED, mine, None, change())

    assert plain_s3.objects[FOLDER + mine.id] == mine.record


def test_a_key_that_was_never_the_newest_is_deleted(store, plain_s3):
    theirs = dek("dek_theirs")
    plain_s3.objects |= {LATEST: theirs.record, FOLDER + theirs.id: theirs.record}

    assert not store.keyrings.add(OWNED, dek("dek_mine"), None, change())

    assert set(rings_of(plain_s3)) == {LATEST, FOLDER + theirs.id}


def test_no_log_has_a_secret_or_what_is_stored(buckets, plain_bucket, caplog):
    caplog.set_level(logging.DEBUG)
    mine = dek("dek_mine")
    bucket = buckets.opened(plain_bucket)
    caplog.clear()

    bucket.put(LATEST, mine.record, ABSENT)
    bucket.get(LATEST)

    assert SECRET not in caplog.text
    assert "wrapped" not in caplog.text
    assert not any(each.name.startswith("botocore") for each in caplog.records)


def test_an_organization_takes_only_its_share_of_the_lane():
    lane, release, refused = Lane(places=4), Event(), []

    def hold(owner):
        try:
            lane.run(owner, float("inf"), lambda _until: release.wait(10))
        except StoreUnavailable:
            refused.append(owner)

    threads = [Thread(target=hold, args=(ACME,)) for _ in range(3)]
    for each in threads:
        each.start()
    assert becomes_true(lambda: refused == [ACME])
    assert lane.run(BETA, float("inf"), lambda _until: "served") == "served"
    release.set()
    for each in threads:
        each.join(10)

    assert lane.run(ACME, float("inf"), lambda _until: "served") == "served"


def test_a_call_that_ends_late_gives_its_place_back():
    lane, release = Lane(places=2), Event()
    with pytest.raises(StoreUnavailable):
        lane.run(ACME, time.monotonic() + 0.05, lambda _until: release.wait(10))
    with pytest.raises(StoreUnavailable):  # it still runs
        lane.run(ACME, float("inf"), lambda _until: "too early")
    release.set()

    def served():
        try:
            return lane.run(ACME, float("inf"), lambda _until: True)
        except StoreUnavailable:
            return False

    assert becomes_true(served)
