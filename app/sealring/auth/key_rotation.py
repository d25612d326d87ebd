"""Rotation of the local signing key: a new key signs, and the old one verifies as long as its tokens can be valid.

After each step, servers accept the tokens that `sealring token` signs, and the next run can continue:

1. make the new key beside the present one (`<file>.new`);
2. add its public half to the key set, and an end (`exp`, seconds since 1970) to the present key there; servers read it;
3. replace the present key by the new one.
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
    """The files of the local issuer; `validity_s` is the longest time for which its tokens are accepted."""

    signing_key_file: Path
    jwks_file: Path
    validity_s: int

    @property
    def new_key_file(self) -> Path:
        return self.signing_key_file.with_name(f"{self.signing_key_file.name}.new")

    def rotate(self, now: int, wait: Callable[[float], None]) -> Iterator[str]:
        """Make a new signing key, or continue an interrupted rotation; yield a line for each result.

        `now` is in seconds since 1970; `wait` waits for a number of seconds. Raises SettingsInvalid if a file cannot be
        read or written, or if servers would not find the new key in the set.
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
        wait(FILE_CHECK_S)  # the new key must sign nothing before every worker has read the set
        _take_the_place(self.new_key_file, self.signing_key_file)
        yield f"{new['kid']} signs from now on"
        if present is not None:
            yield f"{present['kid']} verifies until {_time(ends)}; then run `sealring token-key prune`"

    def prune(self, now: int, *, all_former: bool = False) -> Iterator[str]:
        """Remove the keys that have expired, or all but those that sign; yield their names. Raises SettingsInvalid."""
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
        """Return the set without the new key, and with an end for the present one, if the set has it."""
        new_kid = public_jwk(self.new_key_file)["kid"]
        keys = self._keys() if self.jwks_file.exists() or present is None else [present]
        return [
            key | {"exp": ends} if present is not None and key.get("kid") == present["kid"] else key
            for key in keys
            if key.get("kid") != new_kid
        ]

    def _keys(self) -> list[Jwk]:
        """Return all keys of the file, usable or not; none if there is no file."""
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
    """Keep other commands out of the folder. The lock ends with the process. Raises SettingsInvalid."""
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
        raise SettingsInvalid("another `sealring token-key` runs in this folder; try again in a moment") from None


def _write(path: Path, raw: bytes, mode: int) -> None:
    """Write a file in place of another, with the same owner. Raises SettingsInvalid."""
    try:
        with replacing(path, mode) as file:
            file.write(raw)
            _give(file.fileno(), path)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written ({error.strerror})") from error


def _take_the_place(source: Path, target: Path) -> None:
    """Move a file to the place of another, with the same owner. Raises SettingsInvalid."""
    try:
        with source.open("rb") as file:
            _give(file.fileno(), target)
        move(source, target)
    except OSError as error:
        raise SettingsInvalid(f"{target} cannot be replaced ({error.strerror})") from error


def _give(descriptor: int, former: Path) -> None:
    """Keep the owner of the former file, if another user (root, for example) runs this."""
    if not former.exists():
        return
    status, owner = os.fstat(descriptor), former.stat()
    if (status.st_uid, status.st_gid) != (owner.st_uid, owner.st_gid):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ended(key: Jwk, now: int) -> bool:
    return isinstance(key.get("exp"), int) and key["exp"] <= now
