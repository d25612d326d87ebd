"""A failure has the class that says who has to act."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from sealring_plugin.conformance.cases import CONTEXT, DEK, LATE, Key, Provider, call, unwrap, works, wrap
from sealring_plugin.conformance.subject import Promises
from sealring_plugin.errors import (
    AccessDenied,
    ConfigInvalid,
    ContextMismatch,
    DeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    ProviderError,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)

OF_A_KEY = (AccessDenied, KeyDisabled, KeyPendingDeletion, KeyDestroyed, KeyNotFound, WrongRegion, Unsupported)
OF_THE_PROVIDER = (Throttled, Unavailable, DeadlineExceeded)
PASSING = (AccessDenied, KeyDisabled, KeyPendingDeletion, *OF_THE_PROVIDER)

every_failure: pytest.MarkDecorator = pytest.mark.parametrize(
    "failure", [*OF_A_KEY, *OF_THE_PROVIDER], ids=lambda each: each.__name__
)
every_passing_failure: pytest.MarkDecorator = pytest.mark.parametrize(
    "failure", PASSING, ids=lambda each: each.__name__
)


class Failures(Promises):
    """The author's `faults` provoke the failures. Those that it does not have are reported as not shown."""

    @every_failure
    def test_a_failure_is_told_by_its_class(self, provider: Provider, key: Key, failure: type[ProviderError]) -> None:
        wrapped, patience_s = wrap(provider, key), self.patience_s(failure)

        with self.fault(provider, key, failure) as used:
            raised = [
                raised_by(lambda: provider.wrap(used, DEK, CONTEXT, call(patience_s))),
                raised_by(lambda: provider.unwrap(wrapped, used, CONTEXT, call(patience_s))),
            ]

        assert [type(error) for error in raised] == [failure, failure]

    @every_passing_failure
    def test_it_works_again_when_a_failure_is_over(
        self, provider: Provider, key: Key, failure: type[ProviderError]
    ) -> None:
        wrapped, patience_s = wrap(provider, key), self.patience_s(failure)

        with self.fault(provider, key, failure) as used:
            raised_by(lambda: provider.wrap(used, DEK, CONTEXT, call(patience_s)))
            raised_by(lambda: provider.unwrap(wrapped, used, CONTEXT, call(patience_s)))

        assert works(provider, key)
        assert unwrap(provider, wrapped, key) == DEK

    def test_a_context_mismatch_is_told_by_its_class(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        with self.fault(provider, key, ContextMismatch) as used:
            assert type(raised_by(lambda: unwrap(provider, wrapped, used))) is ContextMismatch

    def test_settings_that_cannot_be_used_are_config_invalid(self, provider: Provider, key: Key, folder: Path) -> None:
        def use() -> None:
            with closing(self.make_provider(folder)) as made:
                wrap(made, key)

        with self.fault(provider, key, ConfigInvalid):
            assert type(raised_by(use)) is ConfigInvalid

    def test_when_a_key_will_be_deleted_is_a_time(self, provider: Provider, key: Key) -> None:
        with self.fault(provider, key, KeyPendingDeletion) as used:
            error = raised_by(lambda: wrap(provider, used))

        when = getattr(error, "when", None)
        assert when is None or datetime.fromisoformat(when).tzinfo is not None

    def test_when_to_come_back_is_in_seconds(self, provider: Provider, key: Key) -> None:
        with self.fault(provider, key, Throttled) as used:
            error = raised_by(lambda: wrap(provider, used))

        after = getattr(error, "retry_after_s", None)
        assert after is None or (isinstance(after, int | float) and 0 <= after <= 3600)

    def test_a_deadline_that_has_passed_is_no_fault(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        for seconds in (-1.0, 0.0, 1e-6):
            for use in (
                lambda late: provider.wrap(key, DEK, CONTEXT, late),
                lambda late: provider.unwrap(wrapped, key, CONTEXT, late),
            ):
                late = call(seconds)
                error = raised_by(lambda: use(late))  # noqa: B023  called at once
                assert error is None or isinstance(error, LATE)


def raised_by(use: Callable[[], object]) -> ProviderError | None:
    """Return the ProviderError of a call, or None. Other exceptions are raised."""
    try:
        use()
    except ProviderError as error:
        return error
    return None
