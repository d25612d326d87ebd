"""A blob opens only under its own key and context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from sealring_plugin.conformance.cases import (
    AAD,
    CONTEXT,
    DEK,
    NO_SUCH_KEY,
    PAIRS,
    Key,
    Provider,
    call,
    opens,
    unwrap,
    wrap,
)
from sealring_plugin.conformance.subject import Promises, not_claimed
from sealring_plugin.protocols import BindsContext, ManagedKeys
from sealring_plugin.values import WrapContext


class Contexts(Promises):
    """A wrapped key is bound to the key, its version and the AAD, and to the context if the provider BindsContext."""

    @pytest.fixture
    def binder(self, provider: Provider) -> BindsContext:
        if not isinstance(provider, BindsContext):
            not_claimed("BindsContext")
        return provider

    def test_another_aad_is_rejected(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)
        first, last = bytes([AAD[0] ^ 1]) + AAD[1:], AAD[:-1] + bytes([AAD[-1] ^ 1])
        others = [first, last, AAD[:-1], AAD[1:], AAD + b"\0", AAD[::-1], b"\0"]

        opened = [aad for aad in others if opens(provider, wrapped, key, WrapContext(PAIRS, aad))]

        assert opened == []

    def test_another_key_is_rejected(self, provider: Provider, key: Key, other_key: Key) -> None:
        assert not opens(provider, wrap(provider, key), other_key)
        assert not opens(provider, wrap(provider, other_key), key)

    def test_another_version_of_the_key_is_rejected(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)
        later = replace(key, version=key.version + 1)
        if isinstance(provider, ManagedKeys):
            later = provider.create_key(key.key_id, key.version + 1, key.scope, key.root.domain, call())

        with pytest.raises(NO_SUCH_KEY):
            unwrap(provider, wrapped, later)

    @pytest.mark.usefixtures("binder")
    def test_a_changed_pair_of_the_context_is_rejected(self, provider: Provider, key: Key) -> None:
        others = [{**PAIRS, name: f"{value}x"} for name, value in PAIRS.items()]

        assert opened_under(provider, key, others) == []

    @pytest.mark.usefixtures("binder")
    def test_a_missing_pair_of_the_context_is_rejected(self, provider: Provider, key: Key) -> None:
        others = [{other: PAIRS[other] for other in PAIRS if other != name} for name in PAIRS]

        assert opened_under(provider, key, others) == []

    @pytest.mark.usefixtures("binder")
    def test_an_extra_pair_of_the_context_is_rejected(self, provider: Provider, key: Key) -> None:
        assert opened_under(provider, key, [{**PAIRS, "zone": "a"}, {"a": "", **PAIRS}]) == []

    @pytest.mark.usefixtures("binder")
    def test_a_text_that_only_looks_the_same_is_another_context(self, provider: Provider, key: Key) -> None:
        composed = WrapContext({"ab": "c", "name": "\u00e9"}, AAD)
        wrapped = wrap(provider, key, DEK, composed)
        others = [{"ab": "c", "name": "e\u0301"}, {"a": "bc", "name": "\u00e9"}, {"ab": "c", "NAME": "\u00e9"}]

        opened = [other for other in others if opens(provider, wrapped, key, WrapContext(other, AAD))]

        assert opened == []

    def test_the_bound_pairs_hold_the_whole_context(self, binder: BindsContext) -> None:
        pairs = binder.bound_pairs(CONTEXT)

        assert {name: pairs.get(name) for name in PAIRS} == PAIRS
        assert {type(text) for pair in pairs.items() for text in pair} == {str}


def opened_under(provider: Provider, key: Key, others: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    """Wrap in CONTEXT, and return the `others` under which the blob opens although it was not made in them."""
    wrapped = wrap(provider, key)
    return [other for other in others if opens(provider, wrapped, key, WrapContext(other, AAD))]
