"""Key sources: where the key set of an issuer comes from, and how it stays current."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from sealring.auth.jwks import MAX_KEY_SET_BYTES, KeySet, KeySetRefused, VerificationKey
from sealring.auth.jwks_fetch import fetch_key_set
from sealring.auth.profiles import IssuerProfile
from sealring.errors import SettingsInvalid

FILE_CHECK_S = 2.0
REFRESH_S = 240.0  # the thread renews a set before it is due, so that no request waits for it
CACHE_S = 300.0
RETRY_S = 30.0  # one fetch per so long, whatever unknown kids arrive (GHSA-fhv5-28vv-h8m8)
STALE_S = 86_400.0  # how long an outage of the issuer is bridged
WAIT_S = 6.0  # a request waits no longer for a fetch, which has 5 s

_log = logging.getLogger(__name__)

Clock = Callable[[], float]  # monotonic seconds


class KeySource(Protocol):
    """The keys of one issuer. Called from many threads."""

    def key(self, kid: str | None) -> VerificationKey | None:
        """Return the key of that id, or without an id the only key; None where there is no such key."""
        ...


def key_sources(profiles: Iterable[IssuerProfile]) -> dict[str, KeySource]:
    """Make the source of each profile, by issuer. Starts no thread. Raises SettingsInvalid for a bad `jwks_file`."""
    return {profile.issuer: key_source(profile) for profile in profiles}


def key_source(profile: IssuerProfile) -> KeySource:
    """Make the source that the profile names. Raises SettingsInvalid for a `jwks_file` that cannot be used."""
    if profile.jwks_url is not None:
        return UrlKeys(profile.jwks_url)
    if profile.jwks_file is not None:
        return FileKeys(profile.jwks_file)
    assert profile.jwks is not None, "IssuerProfile.parse insists on one of the three"
    return StaticKeys(profile.jwks)


class StaticKeys:
    """A key set that stands in the settings."""

    __slots__ = ("_keys",)

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def key(self, kid: str | None) -> VerificationKey | None:
        return self._keys.key(kid)


class FileKeys:
    """A key set in a file, which is looked at every two seconds and read again when its time, inode or size changes.

    Replace the file by a rename. A new file that is unreadable or no key set leaves the last good set in force.
    """

    def __init__(self, path: Path, *, clock: Clock = time.monotonic) -> None:
        """Read the file. Raises SettingsInvalid where it is missing, unreadable or no key set."""
        self._path = path
        self._clock = clock
        self._looking = threading.Lock()
        self._looked_at = clock()
        try:
            self._seen = _identity(path)
            self._keys = _read(path)
        except OSError as error:
            raise SettingsInvalid(f"jwks_file {path} cannot be read: {error.strerror}.") from error
        except KeySetRefused as error:
            raise SettingsInvalid(f"jwks_file {path} is refused: {error}.") from error

    def key(self, kid: str | None) -> VerificationKey | None:
        if self._clock() - self._looked_at >= FILE_CHECK_S:
            self.look()
        return self._keys.key(kid)

    def look(self) -> None:
        """Look at the file, if that is due."""
        with self._looking:
            if self._clock() - self._looked_at < FILE_CHECK_S:
                return
            self._looked_at = self._clock()
            try:
                identity = _identity(self._path)
                if identity == self._seen:
                    return
                self._seen = identity  # before reading: a file that changes meanwhile is read once more
                self._keys = _read(self._path)
            except (OSError, KeySetRefused) as error:
                _log.warning("jwks_file_refused", extra={"path": str(self._path), "reason": type(error).__name__})


class UrlKeys:
    """A key set behind a URL, kept current by a daemon thread that starts with the first use (after the fork).

    A set counts as current for five minutes. Where the issuer is out of reach, the last set stays in force for 24 hours
    more and requests do not wait. Otherwise a request waits for at most six seconds, and only where there is no
    current set or its kid is unknown; all that wait share one fetch, and there is one per 30 seconds.
    """

    def __init__(
        self, url: str, *, fetch: Callable[[str], bytes] = fetch_key_set, clock: Clock = time.monotonic
    ) -> None:
        """`fetch` raises OSError where there is no answer."""
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._held: tuple[KeySet, float] | None = None  # with the time it was asked for; replaced as one
        self._asked_at = float("-inf")
        self._asked = False  # from the asking until the fetch has ended
        self._failing = False

    def key(self, kid: str | None) -> VerificationKey | None:
        held = self._held
        if held is not None and self._clock() - held[1] < CACHE_S and (key := held[0].key(kid)) is not None:
            return key
        self._ask()
        held = self._held
        if held is None or self._clock() - held[1] >= CACHE_S + STALE_S:
            return None
        return held[0].key(kid)

    def refresh(self) -> None:
        """Fetch once, in this thread. A failure of any foreseen kind leaves the last set in force."""
        started = self._clock()
        keys = None
        try:
            keys = KeySet.parse(self._fetch(self._url))
        except (OSError, KeySetRefused) as error:
            _log.warning("jwks_fetch_failed", extra={"url": self._url, "reason": type(error).__name__})
        finally:
            with self._turn:
                if keys is not None:
                    self._held = (keys, started)
                self._failing = keys is None
                self._asked = False
                self._turn.notify_all()

    def _ask(self) -> None:
        """Have a fetch made, unless the last is too recent, and wait for its end, unless the last one failed."""
        with self._turn:
            if not self._asked:
                if self._clock() - self._asked_at < RETRY_S:
                    return
                self._announce()
            if self._thread is None or not self._thread.is_alive():  # is_alive is false in a forked child
                self._thread = threading.Thread(target=self._run, name="sealring-jwks", daemon=True)
                self._thread.start()
            if not self._failing:
                self._turn.wait_for(lambda: not self._asked, timeout=WAIT_S)

    def _announce(self) -> None:
        self._asked = True
        self._asked_at = self._clock()
        self._turn.notify_all()

    def _run(self) -> None:
        while True:
            with self._turn:
                if not self._turn.wait_for(lambda: self._asked, timeout=RETRY_S if self._failing else REFRESH_S):
                    self._announce()
            self.refresh()


def _identity(path: Path) -> tuple[int, int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_ino, state.st_size


def _read(path: Path) -> KeySet:
    if not path.is_file():  # a pipe would block
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return KeySet.parse(file.read(MAX_KEY_SET_BYTES + 1))
