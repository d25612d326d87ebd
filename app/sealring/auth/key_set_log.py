"""Log events about the key sets of issuers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sealring.auth.jwks import KeySet


class KeySetLog(Protocol):
    """The log for events about key sets."""

    def key_set(self, message: str, *, issuer: str, **about: str | Mapping[str, int]) -> None:
        """`message` is a fixed text; `about` holds only a host, a path, a reason from a fixed set, and counts."""
        ...


class Told:
    """Logs events about the key sets of one issuer, without repetitions of an unchanged state."""

    def __init__(self, log: KeySetLog, issuer: str) -> None:
        self._log = log
        self._issuer = issuer
        self._unusable: Mapping[str, int] = {}
        self._not_shared = ""

    def unusable(self, keys: KeySet) -> None:
        """Log which keys of an accepted set were left out."""
        if keys.unusable != self._unusable:
            self._log.key_set("jwks_keys_left_out", issuer=self._issuer, unusable=keys.unusable)
            self._unusable = keys.unusable

    def failed(self, message: str, **about: str) -> None:
        """Log that a set was not accepted."""
        self._log.key_set(message, issuer=self._issuer, **about)

    def not_shared(self, path: str, reason: str) -> None:
        """Log that the shared set cannot be used: once for each reason, since each renewal finds the same."""
        if reason != self._not_shared:
            self._log.key_set("jwks_not_shared", issuer=self._issuer, path=path, reason=reason)
            self._not_shared = reason
