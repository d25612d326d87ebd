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
from sealring.auth.signing import ALGORITHM, new_signing_key, public_jwk
from sealring.domain.strict_json import parse_object
from sealring.errors import SettingsInvalid
from sealring.files import move, replacing

_KEY_MODE = 0o600
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
            _write(self.new_key_file, new_signing_key(), _KEY_MODE)
        new = public_jwk(self.new_key_file)
        present = public_jwk(self.signing_key_file) if self.signing_key_file.exists() else None
        ends = now + self.validity_s
        self._write_keys([*self._former(present, ends), new])
        self._require(new)
        wait(FILE_CHECK_S)  # until every worker has read the set, nothing may be signed with the new key
        _take_the_place(self.new_key_file, self.signing_key_file)
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
        mode = self.jwks_file.stat().st_mode & 0o777 if self.jwks_file.exists() else _JWKS_MODE
        _write(self.jwks_file, raw, mode)

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


def _write(path: Path, raw: bytes, mode: int) -> None:
    """Write a file in the place of another, whose owner it gets. Raises SettingsInvalid."""
    try:
        with replacing(path, mode) as file:
            file.write(raw)
            _give(file.fileno(), path)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written ({error.strerror})") from error


def _take_the_place(source: Path, target: Path) -> None:
    """Move a file to the place of another, whose owner it gets. Raises SettingsInvalid."""
    try:
        with source.open("rb") as file:
            _give(file.fileno(), target)
        move(source, target)
    except OSError as error:
        raise SettingsInvalid(f"{target} cannot be replaced ({error.strerror})") from error


def _give(descriptor: int, former: Path) -> None:
    """Whoever could read the former file can read the one in its place, if another user, such as root, runs this."""
    if not former.exists():
        return
    status, owner = os.fstat(descriptor), former.stat()
    if (status.st_uid, status.st_gid) != (owner.st_uid, owner.st_gid):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ended(key: Jwk, now: int) -> bool:
    return isinstance(key.get("exp"), int) and key["exp"] <= now
