"""Rotating the local signing key: a new key signs, and the former one verifies for as long as its tokens may live.

Each step leaves a state in which `sealring token` signs what servers take, and from which the next run goes on:

1. the new key is made beside the present one (`<file>.new`);
2. the key set gets its public half, and the present key in it an end (`exp`, seconds since 1970); servers read it;
3. the new key takes the place of the present one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from sealring.auth.jwks import MAX_KEY_SET_BYTES
from sealring.auth.key_sources import FILE_CHECK_S, read_key_set
from sealring.auth.signing import ALGORITHM, create_signing_key, public_jwk
from sealring.domain.strict_json import parse_object
from sealring.errors import SettingsInvalid
from sealring.folders import sync_folder

_JWKS_MODE = 0o644

Jwk = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """The files of the local issuer, and for how long a token of it may be taken after it was signed."""

    signing_key_file: Path
    jwks_file: Path
    validity_s: int

    @property
    def new_key_file(self) -> Path:
        return self.signing_key_file.with_name(f"{self.signing_key_file.name}.new")

    def rotate(self, now: int, wait: Callable[[float], None]) -> Iterator[str]:
        """Make a new signing key, or go on where that was cut short, and say what was done, a line each.

        `now` is in seconds since 1970; `wait` waits for so many seconds. Raises SettingsInvalid where a file cannot be
        read or written, or the servers would not find the new key in the set.
        """
        with _alone(self.signing_key_file.parent):
            yield from self._rotate(now, wait)

    def _rotate(self, now: int, wait: Callable[[float], None]) -> Iterator[str]:
        if not self.new_key_file.exists():
            _make_key(self.new_key_file)
        new = public_jwk(self.new_key_file)
        present = public_jwk(self.signing_key_file) if self.signing_key_file.exists() else None
        ends = now + self.validity_s
        self._write_keys([*self._former(present, ends), new])
        self._require(new)
        wait(FILE_CHECK_S)  # until every worker has read the set, nothing may be signed with the new key
        _move(self.new_key_file, self.signing_key_file)
        yield f"{new['kid']} signs from now on"
        if present is not None:
            yield f"{present['kid']} verifies until {_time(ends)}; then run `sealring token-key prune`"

    def prune(self, now: int, *, all_former: bool = False) -> Iterator[str]:
        """Remove the keys whose end has come, or all but those that sign, and say which. Raises SettingsInvalid."""
        with _alone(self.signing_key_file.parent):
            yield from self._prune(now, all_former=all_former)

    def _prune(self, now: int, *, all_former: bool) -> Iterator[str]:
        kept = {public_jwk(path)["kid"] for path in (self.signing_key_file, self.new_key_file) if path.exists()}
        keys = self._keys()
        going = [key for key in keys if key.get("kid") not in kept and (all_former or _ended(key, now))]
        if going:
            self._write_keys([key for key in keys if key not in going])
        yield from (f"removed {key.get('kid')}" for key in going)
        yield from (
            f"{key.get('kid')} verifies until {_time(key['exp'])}"
            for key in keys
            if key not in going and key.get("kid") not in kept and isinstance(key.get("exp"), int)
        )

    def _former(self, present: Jwk | None, ends: int) -> list[Jwk]:
        """The set without the new key. The present one gets its end, and is taken into no set that lacks it."""
        new_kid = public_jwk(self.new_key_file)["kid"]
        keys = self._keys() if self.jwks_file.exists() or present is None else [present]
        return [
            key | {"exp": ends} if present is not None and key.get("kid") == present["kid"] else key
            for key in keys
            if key.get("kid") != new_kid
        ]

    def _keys(self) -> list[Jwk]:
        """The keys as they stand in the file, be they usable or not; none where there is no file."""
        if not self.jwks_file.exists():
            return []
        read_key_set(self.jwks_file)
        keys = parse_object(self.jwks_file.read_bytes())["keys"]
        return [key for key in keys if isinstance(key, dict)]

    def _write_keys(self, keys: list[Jwk]) -> None:
        raw = orjson.dumps({"keys": keys})
        if len(raw) > MAX_KEY_SET_BYTES:
            raise SettingsInvalid(f"{self.jwks_file} would have over 64 KiB; run `sealring token-key prune` first")
        _write(self.jwks_file, raw)

    def _require(self, new: Jwk) -> None:
        if read_key_set(self.jwks_file).key(new["kid"], ALGORITHM) is None:
            raise SettingsInvalid(f"{self.jwks_file} lacks the new key; run `sealring token-key rotate` again")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """For what two commands at once would spoil. The lock ends with the process. Raises SettingsInvalid."""
    try:
        locked = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise SettingsInvalid(f"{folder} cannot be read ({error.strerror})") from error
    try:
        _lock(locked)
        yield
    finally:
        os.close(locked)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsInvalid("another `sealring token-key` is at work in this folder; try again in a moment") from None


def _make_key(path: Path) -> None:
    """Make a key as a whole or not at all; what an earlier run left half made is dropped. Raises SettingsInvalid."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    create_signing_key(draft)
    _move(draft, path)


def _move(source: Path, place: Path) -> None:
    """Put a file in the place of another, whose owner it gets, and have that on disk. Raises SettingsInvalid."""
    try:
        if place.exists():
            _give(source, place.stat())
        source.replace(place)
        sync_folder(place.parent)
    except OSError as error:
        raise SettingsInvalid(f"{place} cannot be replaced ({error.strerror})") from error


def _write(path: Path, raw: bytes) -> None:
    """Write a whole file or none, of the mode and the owner that it had. Raises SettingsInvalid."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else _JWKS_MODE
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written ({error.strerror})") from error
    _move(draft, path)


def _give(path: Path, owner: os.stat_result) -> None:
    """Whoever could read the former file can read the one in its place, where another user, such as root, runs this."""
    status = path.stat()
    if (status.st_uid, status.st_gid) != (owner.st_uid, owner.st_gid):
        os.chown(path, owner.st_uid, owner.st_gid)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ended(key: Jwk, now: int) -> bool:
    return isinstance(key.get("exp"), int) and key["exp"] <= now
