"""A call to an endpoint that never responds ends at its deadline."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sealring_plugin.conformance.cases import CONTEXT, DEK, LATE, SCOPE, Key, Provider, call, works, wrap
from sealring_plugin.conformance.subject import Promises, not_claimed, not_shown
from sealring_plugin.errors import ProviderError
from sealring_plugin.protocols import ChecksItself, ManagedKeys
from sealring_plugin.values import DATA, Call


@contextmanager
def silent_endpoint() -> Iterator[tuple[str, int]]:
    """Yield the host and port of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield host, port


class Waiting(Promises):
    """Inside the author's `black_hole`, calls raise DeadlineExceeded or Unavailable in time."""

    @pytest.fixture
    def lost(self, folder: Path) -> Iterator[Provider]:
        if not self.spec.waits_with(self.spec.parse_config(self.settings(), folder)):
            not_claimed("the spec says that it does not wait")
        hole = self.black_hole(folder)
        if hole is None:
            not_shown("black_hole")
        with hole as lost:
            yield lost
            lost.close()

    def test_wrap_keeps_its_deadline(self, lost: Provider, key: Key) -> None:
        self.expect_late(lambda until: lost.wrap(key, DEK, CONTEXT, until))

    def test_unwrap_keeps_its_deadline(self, provider: Provider, lost: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        self.expect_late(lambda until: lost.unwrap(wrapped, key, CONTEXT, until))

    def test_create_key_keeps_its_deadline(self, lost: Provider) -> None:
        if not isinstance(lost, ManagedKeys):
            not_claimed("ManagedKeys")

        self.expect_late(lambda until: lost.create_key("late", 1, SCOPE, DATA, until))

    def test_check_keeps_its_deadline(self, lost: Provider) -> None:
        if not isinstance(lost, ChecksItself):
            not_claimed("ChecksItself")

        self.expect_late(lost.check)

    def test_another_provider_does_not_wait_with_it(self, provider: Provider, lost: Provider, key: Key) -> None:
        with suppress(ProviderError):
            lost.wrap(key, DEK, CONTEXT, call(self.deadline_s))

        assert works(provider, key)

    def expect_late(self, use: Callable[[Call], object]) -> None:
        started = time.monotonic()

        with pytest.raises(LATE):
            use(call(self.deadline_s))

        assert time.monotonic() - started <= self.deadline_s + self.slack_s
