"""What the log is told of the key sets of issuers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sealring.auth.jwks import KeySet


class KeySetLog(Protocol):
    """Where it is told how key sets fare."""

    def key_set(self, message: str, *, issuer: str, **about: str | Mapping[str, int]) -> None:
        """`message` is a fixed text; `about` holds no more than a host, a path, a reason of a fixed set and counts."""
        ...


class Told:
    """What the log says of the key sets of one issuer: what stays so is said once."""

    def __init__(self, log: KeySetLog, issuer: str) -> None:
        self._log = log
        self._issuer = issuer
        self._unusable: Mapping[str, int] = {}
        self._not_shared = ""

    def unusable(self, keys: KeySet) -> None:
        """A set was taken; say which of its keys were not."""
        if keys.unusable != self._unusable:
            self._log.key_set("jwks_keys_left_out", issuer=self._issuer, unusable=keys.unusable)
            self._unusable = keys.unusable

    def failed(self, message: str, **about: str) -> None:
        """A set was not taken."""
        self._log.key_set(message, issuer=self._issuer, **about)

    def not_shared(self, path: str, reason: str) -> None:
        """What workers share is of no use; said once for each reason, since each renewal finds the same."""
        if reason != self._not_shared:
            self._log.key_set("jwks_not_shared", issuer=self._issuer, path=path, reason=reason)
            self._not_shared = reason
