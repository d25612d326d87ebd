"""The TLS certificate of the server: checked before workers use it, and looked at, so that a renewed one is taken."""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any, Self

from sealring.crypto.certificate import expiry_of
from sealring.errors import SettingsInvalid
from sealring_plugin import ConfigInvalid, read_private

RETRY_S = 30.0  # after a reload that failed, and not because of the certificate

_State = tuple[tuple[int, ...] | None, ...]  # of each file; None: it cannot be looked at


@dataclass(slots=True)
class Certificate:
    """The files of a certificate and its key, as they were loaded; none if the server has no TLS.

    Make it before they are loaded: what changes meanwhile is then a renewal.
    """

    paths: tuple[Path, ...]
    expires_at: float = nan  # of the loaded one, in seconds since 1970
    _loaded: _State = field(init=False)
    _seen: _State = field(init=False)
    _tried: _State = field(init=False)
    _retry_at: float = field(init=False, default=0.0)  # time.monotonic()

    def __post_init__(self) -> None:
        self._loaded = self._seen = self._tried = self._look()

    @classmethod
    def of(cls, cfg: Any) -> Self:
        """Return what gunicorn's configuration names."""
        return cls(tuple(Path(each) for each in (cfg.certfile, cfg.keyfile) if each))

    def require_usable(self) -> None:
        """Raises SettingsInvalid if no worker could serve with it, or if others can read the key."""
        if not self.paths:
            return
        certificate, key = self.paths[0], self.paths[-1]
        try:
            read_private(key, "keyfile")
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
        except ConfigInvalid as error:
            raise SettingsInvalid(str(error)) from error
        except OSError as error:  # that of ssl is one
            why = getattr(error, "reason", None) or error.strerror
            raise SettingsInvalid(f"certfile {certificate} and keyfile {key} cannot be used ({why})") from error

    def is_renewed(self) -> bool:
        """Return True for other files than were loaded, when a second look has found them as the first one did.

        Certificate and key are written one after the other: between two looks, both have been. Each change is told
        once, and again every RETRY_S if the files can be used: something else has then prevented the reload.
        """
        before, self._seen = self._seen, self._look()
        if self._seen != before or self._seen == self._loaded:
            return False
        if self._seen == self._tried and not self._is_to_be_tried_again():
            return False
        self._tried = self._seen
        self.stays()
        return True

    def stays(self) -> None:
        """Note that the loaded one stays in use for now, whatever the files are."""
        self._retry_at = time.monotonic() + RETRY_S

    def note_loaded(self) -> None:
        """Note when the certificate expires that has just been loaded."""
        with suppress(OSError, ValueError):  # it has just been replaced, which the next look finds
            self.expires_at = expiry_of(self.paths[0].read_bytes())

    def _is_to_be_tried_again(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        self.stays()
        try:
            self.require_usable()
        except SettingsInvalid:  # as the log has said
            return False
        return True

    def _look(self) -> _State:
        return tuple(map(_state, self.paths))


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
