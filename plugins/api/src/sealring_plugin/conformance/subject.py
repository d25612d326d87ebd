"""The subject of a class of tests: one provider with two keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import pytest

from sealring_plugin.conformance.cases import DEADLINE_S, DEK, Key, Provider
from sealring_plugin.conformance.growth import Growth, measure
from sealring_plugin.conformance.hooks import Hooks
from sealring_plugin.conformance.texts import notations
from sealring_plugin.errors import DeadlineExceeded, ProviderError


@dataclass
class Subject:
    """An open provider, with the hooks and the folder that it was made from."""

    hooks: Hooks
    folder: Path
    provider: Provider

    @cached_property
    def key(self) -> Key:
        return self.hooks.make_key(self.provider, "first")

    @cached_property
    def other_key(self) -> Key:
        return self.hooks.make_key(self.provider, "second")

    @cached_property
    def growth(self) -> Growth:
        return measure(self.hooks, self.provider, self.key)


class Promises(Hooks):
    """Fixtures and helpers for all tests. An author may override the fixtures."""

    @pytest.fixture
    def provider(self, sealring_subject: Subject) -> Provider:
        return sealring_subject.provider

    @pytest.fixture
    def key(self, sealring_subject: Subject) -> Key:
        return sealring_subject.key

    @pytest.fixture
    def other_key(self, sealring_subject: Subject) -> Key:
        return sealring_subject.other_key

    @pytest.fixture
    def folder(self, sealring_subject: Subject) -> Path:
        return sealring_subject.folder

    @contextmanager
    def fault(self, provider: Provider, key: Key, failure: type[ProviderError]) -> Iterator[Key]:
        """Provoke a failure, and yield the key that fails. Skips the test if the author's `faults` lack it."""
        provoked = self.faults(provider, key).get(failure)
        if provoked is None:
            not_shown(failure.__name__)
        with provoked as other:
            yield key if other is None else other

    def patience_s(self, failure: type[ProviderError]) -> float:
        """Return the deadline of a call while a failure is provoked: short if the failure is DeadlineExceeded."""
        return self.deadline_s if failure is DeadlineExceeded else DEADLINE_S

    def leaked(self, texts: Iterable[str]) -> list[str]:
        """Return the kinds of secrets that the texts contain, but never the secrets."""
        settings = self.settings()
        marked = [settings.get(field.name) for field in self.spec.config if field.secret]
        known = [("a setting", str(text)) for text in marked if text]
        known += [("a secret", text) for text in self.secrets() if text]
        known += [("the DEK", text) for text in notations(DEK)]
        joined = "\n".join(texts)
        return sorted({kind for kind, text in known if text in joined})


def not_claimed(what: str) -> NoReturn:
    """Skip the test, because the provider does not claim what it tests."""
    pytest.skip(f"not claimed: {what}")


def not_shown(what: str) -> NoReturn:
    """Skip the test, because the author gives no hook for it."""
    pytest.skip(f"not shown: {what}")
