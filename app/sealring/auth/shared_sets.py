"""Fetched key sets, shared by the workers of one server in files of their own.

Never through the store: whoever can write there could then sign tokens. The files lie in a folder that is open to
nobody else, and count only while that is so. They are no more than a memory: without them a worker asks the issuer.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from sealring.auth.jwks import MAX_KEY_SET_BYTES, KeySet, KeySetRefused
from sealring.auth.key_set_log import Told
from sealring.domain.strict_json import MalformedJson, parse_object
from sealring.files import replacing

MAX_AGE_S = 3_600.0
FOLDER_MODE = 0o700

_MAX_FILE_BYTES = 4 * MAX_KEY_SET_BYTES  # a set as a text of JSON, where each byte may take two, and its issuer


class _Refused(ValueError):
    """A file or folder that is not to be trusted. The message is a fixed text."""


@dataclass(frozen=True, slots=True)
class FetchedSet:
    """What a worker fetched, and when it began to: seconds since 1970."""

    keys: KeySet
    fetched_at: float


class SharedSet:
    """The file of one issuer's set. A failure of any kind is told, and then there is no set."""

    def __init__(self, folder: Path, issuer: str, url: str, told: Told, clock: Callable[[], float] = time.time) -> None:
        """`folder` is made when it is first needed (0700); what it lies in must be there."""
        self._path = folder / f"jwks-{hashlib.sha256(issuer.encode()).hexdigest()[:32]}.json"
        self._of = {"issuer": issuer, "url": url}
        self._told = told
        self._clock = clock

    def read(self) -> FetchedSet | None:
        """Return the set, where one of that issuer and URL was fetched in the last hour."""
        try:
            found = self._parsed(_read(self._path))
        except FileNotFoundError:
            return None
        except MalformedJson:
            self._told.not_shared(str(self._path), "damaged")
        except (_Refused, KeySetRefused) as error:
            self._told.not_shared(str(self._path), str(error))
        except OSError as error:
            self._told.not_shared(str(self._path), error.strerror or "unreadable")
        else:
            return found if 0 <= self._clock() - found.fetched_at < MAX_AGE_S else None
        return None

    def write(self, raw: bytes, fetched_at: float) -> None:
        """Share a set that was parsed, in the place of an earlier one, as a whole or not at all."""
        document = {**self._of, "fetched_at": fetched_at, "jwks": raw.decode()}
        try:
            self._path.parent.mkdir(FOLDER_MODE, exist_ok=True)
            with _opened_folder(self._path.parent), replacing(self._path) as file:
                file.write(orjson.dumps(document))
        except _Refused as error:
            self._told.not_shared(str(self._path), str(error))
        except OSError as error:
            self._told.not_shared(str(self._path), error.strerror or "not writable")

    def _parsed(self, raw: bytes) -> FetchedSet:
        """Raises MalformedJson; KeySetRefused; _Refused."""
        document = parse_object(raw)
        fetched_at, jwks = document.get("fetched_at"), document.get("jwks")
        if {name: document.get(name) for name in self._of} != self._of:
            raise _Refused("of another issuer or URL")
        if not isinstance(fetched_at, float) or not isinstance(jwks, str):
            raise _Refused("damaged")
        return FetchedSet(KeySet.parse(jwks.encode()), fetched_at)


def _read(path: Path) -> bytes:
    """What is read is what was looked at. Raises OSError; _Refused."""
    with _opened_folder(path.parent) as folder:
        descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            _require_ours(os.fstat(descriptor), stat.S_ISREG)
            return file.read(_MAX_FILE_BYTES)


@contextmanager
def _opened_folder(folder: Path) -> Iterator[int]:
    """Raises OSError; _Refused."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _require_ours(os.fstat(descriptor), stat.S_ISDIR)
        yield descriptor
    finally:
        os.close(descriptor)


def _require_ours(status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise _Refused("it, or its folder, belongs or is open to others")
