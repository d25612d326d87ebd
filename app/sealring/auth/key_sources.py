"""Sources of issuers' key sets: from a URL, from a file, or from the settings."""

from __future__ import annotations

import errno
import stat
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from sealring.auth.exchange import check_files, identity_of
from sealring.auth.jwks import MAX_KEY_SET_BYTES, KeySet, KeySetRefused, VerificationKey
from sealring.auth.jwks_fetch import fetch_key_set
from sealring.auth.key_set_log import KeySetLog, Told
from sealring.auth.profiles import IssuerProfile
from sealring.auth.shared_sets import SharedSet
from sealring.auth.url_keys import UrlKeys
from sealring.errors import SettingsInvalid

FILE_CHECK_S = 2.0

Clock = Callable[[], float]  # monotonic seconds


class KeySource(Protocol):
    """The keys of one issuer. Called from many threads."""

    def key(self, kid: str | None, alg: str) -> VerificationKey | None:
        """Return the key with that id for an algorithm, as `KeySet.key` does; None if there is no such key.

        Raises IssuerUnavailable if no keys of the issuer are known.
        """
        ...

    def at_hand(self, kid: str | None, alg: str) -> bool:
        """Return whether `key` would return at once."""
        ...


def key_sources(profiles: Iterable[IssuerProfile], folder: Path, log: KeySetLog) -> dict[str, KeySource]:
    """Make the source of each profile, by issuer; `folder` holds the fetched sets that workers share. Starts no thread.

    Raises SettingsInvalid for a `jwks_file`, `ca_file` or `token_file` that cannot be used.
    """
    return {profile.issuer: key_source(profile, folder, log) for profile in profiles}


def key_source(profile: IssuerProfile, folder: Path, log: KeySetLog) -> KeySource:
    """Make the source that the profile names. Raises SettingsInvalid as `key_sources` does."""
    told = Told(log, profile.issuer)
    if profile.jwks_url is not None:
        return _url_keys(profile, profile.jwks_url, told, folder)
    if profile.jwks_file is not None:
        return FileKeys(profile.jwks_file, told)
    assert profile.jwks is not None, "IssuerProfile.parse insists on one of the three"
    told.unusable(profile.jwks)
    return StaticKeys(profile.jwks)


class StaticKeys:
    """A key set in the settings."""

    __slots__ = ("_keys",)

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def key(self, kid: str | None, alg: str) -> VerificationKey | None:
        return self._keys.key(kid, alg)

    def at_hand(self, kid: str | None, alg: str) -> bool:  # noqa: ARG002  it has all its keys, always
        return True


class FileKeys:
    """A key set in a file, checked every two seconds and read again if its time, inode or size has changed.

    Replace the file by a rename. If a new file is unreadable or not a key set, the last good set stays in force.
    """

    def __init__(self, path: Path, told: Told, *, clock: Clock = time.monotonic) -> None:
        """Read the file. Raises SettingsInvalid if it is missing, unreadable or not a key set."""
        self._path = path
        self._told = told
        self._clock = clock
        self._looking = threading.Lock()
        self._looked_at = clock()
        self._seen: tuple[int, int, int] | None = None
        with suppress(OSError):  # read_key_set raises the right error
            self._seen = identity_of(path)
        self._keys = read_key_set(path)
        told.unusable(self._keys)

    def key(self, kid: str | None, alg: str) -> VerificationKey | None:
        if self._clock() - self._looked_at >= FILE_CHECK_S:
            self.look()
        return self._keys.key(kid, alg)

    def at_hand(self, kid: str | None, alg: str) -> bool:  # noqa: ARG002  likewise: a file does not wait
        return True

    def look(self) -> None:
        """Check the file, if that is due."""
        with self._looking:
            if self._clock() - self._looked_at < FILE_CHECK_S:
                return
            self._looked_at = self._clock()
            try:
                identity = identity_of(self._path)
                if identity == self._seen:
                    return
                self._seen = identity  # before reading: a file that changes meanwhile is read once more
                self._keys = _read(self._path)
                self._told.unusable(self._keys)
            except OSError as error:
                self._told.failed("jwks_file_refused", path=str(self._path), reason=error.strerror or "unreadable")
            except KeySetRefused as error:
                self._told.failed("jwks_file_refused", path=str(self._path), reason=str(error))


def read_key_set(path: Path) -> KeySet:
    """Return the set in a `jwks_file`. Raises SettingsInvalid if it is missing, unreadable or not a key set."""
    try:
        return _read(path)
    except OSError as error:
        raise SettingsInvalid(f"jwks_file {path} cannot be read: {error.strerror}.") from error
    except KeySetRefused as error:
        raise SettingsInvalid(f"jwks_file {path} is refused: {error}.") from error


def _url_keys(profile: IssuerProfile, url: str, told: Told, folder: Path) -> UrlKeys:
    check_files(profile.ca_file, profile.token_file)
    fetch = partial(fetch_key_set, ca_file=profile.ca_file, token_file=profile.token_file)
    return UrlKeys(url, told, SharedSet(folder, profile.issuer, url, told), fetch=fetch)


def _read(path: Path) -> KeySet:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):  # a pipe would block
        raise OSError(errno.EINVAL, "not a regular file")
    if mode & stat.S_IWOTH:
        raise KeySetRefused(f"every user can write it, and so could sign tokens; run: chmod o-w {path}")
    with path.open("rb") as file:
        return KeySet.parse(file.read(MAX_KEY_SET_BYTES + 1))
