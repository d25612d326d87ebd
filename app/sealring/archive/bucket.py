"""Objects in the bucket: read whole, written under a condition, and never taken for missing because of a failure."""

from __future__ import annotations

import random
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Protocol

from sealring.archive.answers import NoAnswer, Refused
from sealring.archive.lane import Lane
from sealring.domain.keyring_ports import FOREVER
from sealring.errors import IntegrityFailure, OutcomeUnknown, StoreError, StoreUnavailable, WriteContention

ATTEMPT_S = 2.0  # for one exchange with the storage
MAX_KEYS = 1_000  # of a page, as S3 has it

_PAUSE_S = 0.1  # before another try, at most; jittered
_TRIES = 3
_UNAVAILABLE = "The storage of keyrings is not available. Try again later."
_NOBODY: Hashable = ""
_OK, _NOT_FOUND, _PRECONDITION_FAILED, _TOO_MANY, _NOT_IMPLEMENTED = 200, 404, 412, 429, 501
_CONFLICT = "ConditionalRequestConflict"  # others write it at this moment
_MISSING = frozenset({"NoSuchKey"})
_GONE = frozenset({"NoSuchKey", "NoSuchVersion"})
_UNKNOWN = frozenset({"NotImplemented"})
_NONE: Mapping[str, Any] = MappingProxyType({})


class Asks(Protocol):
    """What asks the storage: sdk.py."""

    def call(self, operation: str, until: float, **parameters: Any) -> Mapping[str, Any]:
        """Raises NoAnswer, Refused."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """An object. `etag` changes with each write of it."""

    body: bytes = field(repr=False)
    etag: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a write: the object is still the one with this ETag; None: there is none."""

    etag: str | None

    @property
    def header(self) -> Mapping[str, str]:
        return {"IfNoneMatch": "*"} if self.etag is None else {"IfMatch": self.etag}


ABSENT = Condition(None)


class Written(Enum):
    """The outcome of a write under a condition."""

    STORED = auto()
    REFUSED = auto()  # the condition did not hold: nothing was written
    OVERTAKEN = auto()  # something else is there, and what was written may have been there for a while


@dataclass(frozen=True, slots=True)
class Put:
    """The outcome of a write, and the version that it made, if the storage keeps versions and its answer came."""

    written: Written
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, a mark of its deletion, or, without an id, the object itself."""

    key: str
    id: str | None
    marks_deletion: bool = False


class Bucket:
    """Thread-safe. Methods raise StoreError; `owner` is whose share of the lane they take.

    Only the code NoSuchKey means that an object does not exist. Every other failure, a 404 of the bucket or of a proxy
    too, is one to find out.
    """

    def __init__(self, asks: Asks, lane: Lane) -> None:
        self._asks = asks
        self._lane = lane

    def get(self, key: str, owner: Hashable = _NOBODY, until: float = FOREVER) -> Found | None:
        """Return an object, or None if the storage says that it does not exist."""
        return self._lane.run(owner, until, partial(self._get, key))

    def put(
        self, key: str, body: bytes, condition: Condition, owner: Hashable = _NOBODY, until: float = FOREVER
    ) -> Put:
        """Write an object if the condition holds. `body` must be one that nobody else writes.

        A write without an answer is looked for, and repeated if it is not there. Raises OutcomeUnknown if even that is
        not possible.
        """
        return self._lane.run(owner, until, partial(self._put, key, body, condition))

    def delete(self, version: Version, owner: Hashable = _NOBODY, until: float = FOREVER) -> None:
        """Delete a version, or without its id the object. What does not exist is deleted already."""
        which = {} if version.id is None else {"VersionId": version.id}
        self._lane.run(owner, until, lambda by: self._patiently("delete_object", by, _GONE, Key=version.key, **which))

    def keys(
        self, prefix: str, after: str, owner: Hashable = _NOBODY, until: float = FOREVER
    ) -> tuple[Sequence[str], bool]:
        """Return the next keys after `after`, in the order of their bytes, and whether there are more.

        Raises IntegrityFailure for any other order: pages would leave objects out, or never end.
        """
        call = partial(self._patiently, "list_objects_v2", Prefix=prefix, StartAfter=after, MaxKeys=MAX_KEYS)
        page = self._lane.run(owner, until, call)
        found = list(_named(page.get("Contents", ()), prefix))
        if any(later <= earlier for earlier, later in pairwise((after, *found))):
            raise IntegrityFailure("the storage lists objects in another order than that of their keys")
        return found, _is_cut(page, found)

    def keys_of(self, folder: str) -> Iterator[str]:
        """Yield the keys that begin with `folder`, and have no other slash after it."""
        rest: Mapping[str, Any] = {}
        while True:
            page = self._page("list_objects_v2", Prefix=folder, Delimiter="/", MaxKeys=MAX_KEYS, **rest)
            yield from _named(page.get("Contents", ()), folder)
            if not _is_cut(page, page.get("NextContinuationToken")):
                return
            rest = {"ContinuationToken": page["NextContinuationToken"]}

    def versions_of(self, folder: str) -> Iterator[Version]:
        """Yield all versions of the objects that `keys_of` yields; those objects if the storage knows no versions."""
        rest: Mapping[str, Any] = {}
        while True:
            page = self._page("list_object_versions", _UNKNOWN, Prefix=folder, Delimiter="/", MaxKeys=MAX_KEYS, **rest)
            if page is _NONE:
                yield from (Version(key, None) for key in self.keys_of(folder))
                return
            for kind in ("Versions", "DeleteMarkers"):
                listed = page.get(kind, ())
                for key, each in zip(_named(listed, folder), listed, strict=True):
                    yield Version(key, _id_of(each), marks_deletion=kind == "DeleteMarkers")
            if not _is_cut(page, page.get("NextKeyMarker")):
                return
            named = ("KeyMarker", "VersionIdMarker")
            rest = {name: page[f"Next{name}"] for name in named if page.get(f"Next{name}")}

    def close(self) -> None:
        """Close the connections that are kept."""
        self._asks.close()

    def _page(self, operation: str, tolerated: frozenset[str] = frozenset(), **parameters: Any) -> Mapping[str, Any]:
        call = partial(self._patiently, operation, tolerated=tolerated, **parameters)
        return self._lane.run(_NOBODY, FOREVER, call)

    def _get(self, key: str, by: float) -> Found | None:
        answer = self._patiently("get_object", by, _MISSING, Key=key)
        if answer is _NONE:
            return None
        etag = answer.get("ETag")
        if not etag or answer["ResponseMetadata"]["HTTPStatusCode"] != _OK:
            raise StoreUnavailable(_UNAVAILABLE) from NoAnswer("a part of an object, or one without an ETag")
        return Found(answer["Body"].read(), etag)

    def _put(self, key: str, body: bytes, condition: Condition, by: float) -> Put:
        doubtful, failure = False, StoreError()
        for _ in range(_TRIES):
            try:
                answer = self._asks.call("put_object", _soon(by), Key=key, Body=body, **condition.header)
                return Put(Written.STORED, answer.get("VersionId"))
            except Refused as refusal:
                if _says_no(refusal, condition):
                    lost = Written.OVERTAKEN if doubtful else Written.REFUSED
                    return Put(Written.STORED if self._holds(key, body, by) else lost)
                failure, doubtful = _failure_of(refusal), doubtful or not _was_not_done(refusal)
                if not _may_pass(refusal):
                    break
            except NoAnswer as error:
                doubtful, failure = True, OutcomeUnknown(_UNAVAILABLE)
                failure.__cause__ = error
            if doubtful and (found := self._found_instead(key, body, condition, by)) is not None:
                return Put(found)
            if not _paused(by):
                break
        raise failure

    def _found_instead(self, key: str, body: bytes, condition: Condition, by: float) -> Written | None:
        """Look for what was written without an answer; None: what was there before is there still."""
        try:
            found = self._get(key, by)
        except StoreError as error:
            raise OutcomeUnknown(_UNAVAILABLE) from error.__cause__
        if found is not None and found.body == body:
            return Written.STORED
        return None if (found and found.etag) == condition.etag else Written.OVERTAKEN

    def _holds(self, key: str, body: bytes, by: float) -> bool:
        """Whether it is ours: a refusal may be that of a repetition that we know nothing of."""
        found = self._get(key, by)
        return found is not None and found.body == body

    def _patiently(
        self, operation: str, by: float, tolerated: frozenset[str] = frozenset(), **parameters: Any
    ) -> Mapping[str, Any]:
        """Ask for what may be asked again. Return _NONE for a refusal with one of the tolerated codes."""
        failure = StoreError()
        for _ in range(_TRIES):
            try:
                return self._asks.call(operation, _soon(by), **parameters)
            except Refused as refusal:
                if refusal.code in tolerated and refusal.status in {_NOT_FOUND, _NOT_IMPLEMENTED}:
                    return _NONE
                failure = _failure_of(refusal)
                if not _may_pass(refusal):
                    break
            except NoAnswer as error:
                failure = StoreUnavailable(_UNAVAILABLE)
                failure.__cause__ = error
            if not _paused(by):
                break
        raise failure


def _soon(by: float) -> float:
    return min(by, time.monotonic() + ATTEMPT_S)


def _paused(by: float) -> bool:
    """Pause before another try; return whether there is time for it."""
    pause_s = random.uniform(0.01, _PAUSE_S)  # noqa: S311  jitter, not a secret
    if time.monotonic() + pause_s >= by:
        return False
    time.sleep(pause_s)
    return True


def _says_no(refusal: Refused, condition: Condition) -> bool:
    """Whether the condition did not hold. If-Match on what does not exist is 404."""
    missing = condition.etag is not None and (refusal.status, refusal.code) == (_NOT_FOUND, "NoSuchKey")
    return refusal.status == _PRECONDITION_FAILED or missing


def _may_pass(refusal: Refused) -> bool:
    """Whether another try may succeed."""
    return refusal.status >= 500 or refusal.status == _TOO_MANY or refusal.code == _CONFLICT


def _was_not_done(refusal: Refused) -> bool:
    """Whether a write was surely not done: the storage itself turned it away."""
    return refusal.status < 500 or refusal.code == "SlowDown"


def _failure_of(refusal: Refused) -> StoreError:
    if refusal.code == _CONFLICT:
        failure: StoreError = WriteContention("The keyring is being written by others. Try again.")
    else:
        failure = StoreUnavailable(_UNAVAILABLE)
    failure.__cause__ = refusal
    return failure


def _named(listed: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[str]:
    """Yield the keys of a list. Raises IntegrityFailure for one that was not asked for: it would be another object."""
    for each in listed:
        key = str(each["Key"])
        if not key.startswith(prefix):
            raise IntegrityFailure(f"the storage lists an object by another key than its own: {key!r}")
        yield key


def _is_cut(page: Mapping[str, Any], mark: object) -> bool:
    """Whether another page follows, which begins at a mark."""
    if page.get("IsTruncated") is not True:
        return False
    if not mark:
        raise StoreUnavailable(_UNAVAILABLE) from NoAnswer("a page without a mark for the next one")
    return True


def _id_of(version: Mapping[str, Any]) -> str | None:
    return version.get("VersionId") or None
