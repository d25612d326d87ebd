"""A revoked key opens nothing, not even what it opened before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sealring_plugin.conformance.cases import (
    AAD,
    CONTEXT,
    DEK,
    OTHER_CONTEXT,
    PAIRS,
    Key,
    Provider,
    opens,
    unwrap,
    wrap,
)
from sealring_plugin.conformance.failures import raised_by
from sealring_plugin.conformance.subject import Promises, not_shown
from sealring_plugin.errors import AccessDenied, KeyDestroyed, KeyDisabled, KeyPendingDeletion, ProviderError
from sealring_plugin.values import WrapContext

every_end: pytest.MarkDecorator = pytest.mark.parametrize(
    "failure", [AccessDenied, KeyDisabled, KeyPendingDeletion, KeyDestroyed], ids=lambda each: each.__name__
)


class Revocation(Promises):
    """Uses one blob before, during and after each failure of its key: the provider caches no data key."""

    @every_end
    def test_a_data_key_that_was_opened_before_is_refused_when_its_key_is_taken_away(
        self, provider: Provider, key: Key, failure: type[ProviderError]
    ) -> None:
        wrapped = wrap(provider, key)
        before = [unwrap(provider, wrapped, key) for _ in range(2)]

        with self.fault(provider, key, failure) as used:
            if used != key:
                not_shown(f"{failure.__name__} of a key that was used before")
            inside = [raised_by(lambda: unwrap(provider, wrapped, key)) for _ in range(2)]

        assert before == [DEK, DEK]
        assert None not in inside
        assert unwrap(provider, wrapped, key) == DEK

    def test_a_data_key_that_was_opened_before_opens_under_nothing_else(
        self, provider: Provider, key: Key, other_key: Key
    ) -> None:
        wrapped = wrap(provider, key)
        others = [(key, WrapContext(PAIRS, AAD[::-1])), (key, OTHER_CONTEXT), (other_key, CONTEXT)]
        altered = [(replace(wrapped, alg="kit-no-such-algorithm"), key, CONTEXT)]
        foreign = [*altered, *((wrapped, *other) for other in others)]
        refused = [each for each in foreign if not opens(provider, *each)]

        unwrap(provider, wrapped, key)

        assert [each for each in refused if opens(provider, *each)] == []
