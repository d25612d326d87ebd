"""The TLS certificate of the server: checked before workers use it, and looked at, so that a renewed one is taken."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sealring.errors import SettingsInvalid
from sealring_plugin import ConfigInvalid, read_private

_State = tuple[tuple[int, ...] | None, ...]  # of each file; None: it cannot be looked at


@dataclass(slots=True)
class Certificate:
    """The files of a certificate and its key; none if the server has no TLS."""

    paths: tuple[Path, ...]
    _used: _State = field(init=False)
    _seen: _State = field(init=False)

    def __post_init__(self) -> None:
        self._used = self._seen = self._look()

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
        """Return True once for each change, when a second look has found the files as the first one did.

        Certificate and key are written one after the other: between two looks, both have been.
        """
        before, self._seen = self._seen, self._look()
        if self._seen != before or self._seen == self._used:
            return False
        self._used = self._seen
        return True

    def _look(self) -> _State:
        return tuple(map(_state, self.paths))


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
