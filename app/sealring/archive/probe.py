"""Whether a bucket can hold keyrings: it does what a condition says, and tells apart what is not the same."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sealring.archive.answers import Refused
from sealring.archive.bucket import ABSENT, Bucket, Condition, Put, Version, Written
from sealring.errors import SettingsInvalid, StoreError, StoreUnavailable

FOLDER = "sealring/probe/"  # beside `keyring/`, where other servers of vault.v1 list nothing

_STALE = Condition('"00000000000000000000000000000000"')
_NAME = "Caf\N{LATIN SMALL LETTER E WITH ACUTE}/+ %41&<"  # what URLs and XML have other words for
_ALIKE = (_NAME.lower(), unicodedata.normalize("NFD", _NAME))
_PATHS = (f"./{_NAME}", f"/{_NAME}", f"x/../{_NAME}")
_ELSE = "use another storage, or leave store out, which keeps keyrings in [store]"


class Proof:
    """What a bucket was found to do. It is asked once, as soon as it answers. Thread-safe."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._is_literal: bool | None = None

    def is_literal(self) -> bool:
        """Whether the storage takes every key as it is: many take them for paths, where `a/../b` is `b`.

        Raises SettingsInvalid if the storage cannot hold keyrings; StoreError.
        """
        if self._is_literal is None:
            self._is_literal = _probed(self._bucket)
        return self._is_literal


def _probed(bucket: Bucket) -> bool:
    """Write a scratch object twice, and read it by other keys.

    A storage that ignores conditions would let two servers make two first keys of a keyring, or put an old one back as
    the newest. One that takes two names for the same would give an organization the keys of another.
    """
    folder = f"{FOLDER}{secrets.token_hex(16)}/"
    with _scratch(bucket, folder + _NAME) as written:
        if written != [Written.STORED, Written.REFUSED, Written.REFUSED]:
            raise SettingsInvalid(f"[keyrings] store: this storage ignores If-None-Match or If-Match; {_ELSE}")
        if any(bucket.get(folder + name) is not None for name in _ALIKE):
            raise SettingsInvalid(
                f"[keyrings] store: this storage takes names for the same that differ in case or accents; {_ELSE}"
            )
        if bucket.keys(folder, "") != ([folder + _NAME], False):
            raise SettingsInvalid(f"[keyrings] store: this storage lists objects by other names than theirs; {_ELSE}")
        return not any(_is_taken_for_it(bucket, folder + path) for path in _PATHS)


@contextmanager
def _scratch(bucket: Bucket, key: str) -> Iterator[list[Written]]:
    """Write the object as if it were not there, again so, and as if it were another one; delete it in the end."""
    made: list[Put] = []
    try:
        for condition in (ABSENT, ABSENT, _STALE):
            made.append(bucket.put(key, secrets.token_bytes(16), condition))  # noqa: PERF401  the next one may fail
        yield [each.written for each in made]
    finally:
        with suppress(StoreError):  # a scratch object that stays does no harm
            for version in {each.version for each in made if each.written is Written.STORED}:
                bucket.delete(Version(key, version))


def _is_taken_for_it(bucket: Bucket, key: str) -> bool:
    """Whether the storage finds the object by this key too, or takes no such key."""
    try:
        return bucket.get(key) is not None
    except StoreUnavailable as failure:
        if isinstance(failure.__cause__, Refused) and failure.__cause__.status < 500:
            return True
        raise
