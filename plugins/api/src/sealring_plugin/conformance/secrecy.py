"""No secret is shown in a text, a log or a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sealring_plugin.conformance.cases import (
    CONTEXT,
    DEK,
    OTHER_CONTEXT,
    Key,
    Provider,
    call,
    created_by,
    unwrap,
    wrap,
)
from sealring_plugin.conformance.subject import Promises
from sealring_plugin.conformance.tampering import flipped
from sealring_plugin.conformance.texts import caught, every_record, texts_of
from sealring_plugin.errors import ProviderError
from sealring_plugin.protocols import ChecksItself, ManagedKeys
from sealring_plugin.values import WrappedKey


class Secrecy(Promises):
    """Secrets are the DEK in any notation, the secret settings, and the author's `secrets`."""

    def test_no_secret_is_in_a_repr(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)
        shown = [f"{each!r} {each}" for each in (provider, key, wrapped)]

        assert self.leaked(shown) == []

    def test_no_secret_is_logged(self, provider: Provider, key: Key, other_key: Key, folder: Path) -> None:
        with every_record() as records:
            self._live(provider, key, other_key, folder)

        assert self.leaked(records) == []

    def test_no_secret_is_printed(
        self,
        provider: Provider,
        key: Key,
        other_key: Key,
        folder: Path,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self._live(provider, key, other_key, folder)

        assert self.leaked(capfd.readouterr()) == []

    def test_no_secret_is_in_a_failure(self, provider: Provider, key: Key, other_key: Key) -> None:
        texts = [text for error in self._failures(provider, key, other_key) for text in texts_of(error)]

        assert self.leaked(texts) == []

    def _live(self, provider: Provider, key: Key, other_key: Key, folder: Path) -> None:
        unwrap(provider, wrap(provider, key), key)
        for _ in self._failures(provider, key, other_key):
            pass
        with suppress(ProviderError):
            if isinstance(provider, ManagedKeys):
                created_by(provider, "logged")
            if isinstance(provider, ChecksItself):
                provider.check(call())
        own = self.make_provider(folder)
        wrap(own, key)
        own.close()

    def _failures(self, provider: Provider, key: Key, other_key: Key) -> Iterator[BaseException]:
        wrapped = wrap(provider, key)
        uses: list[Callable[[], object]] = [
            lambda: unwrap(provider, wrapped, key, OTHER_CONTEXT),
            lambda: unwrap(provider, wrapped, other_key),
            lambda: unwrap(provider, replace(wrapped, blob=wrapped.blob[:-1]), key),
            lambda: unwrap(provider, flipped(wrapped, 8 * len(wrapped.blob) - 1), key),
            lambda: provider.wrap(key, DEK, CONTEXT, call(-1.0)),
        ]
        yield from filter(None, map(caught, uses))
        for failure, fault in self.faults(provider, key).items():
            with fault as other:
                yield from used_in_vain(provider, other or key, wrapped, self.patience_s(failure))


def used_in_vain(provider: Provider, key: Key, wrapped: WrappedKey, seconds: float) -> Iterator[BaseException]:
    """Yield the exceptions of a wrap and an unwrap, with `seconds` for each."""
    uses: list[Callable[[], object]] = [
        lambda: provider.wrap(key, DEK, CONTEXT, call(seconds)),
        lambda: provider.unwrap(wrapped, key, CONTEXT, call(seconds)),
    ]
    yield from filter(None, map(caught, uses))
