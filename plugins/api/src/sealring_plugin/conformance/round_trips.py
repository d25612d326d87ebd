"""Unwrapping returns the DEK that was wrapped, and both have the right form."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from sealring_plugin.conformance.cases import AAD, CONTEXT, DEK, MAX_AAD_BYTES, PAIRS, Key, Provider, unwrap, wrap
from sealring_plugin.conformance.subject import Promises, not_claimed
from sealring_plugin.values import MAX_WRAPPED_BYTES, WrapContext, WrappedKey

ALG = re.compile(r"[a-z0-9-]{1,32}")
LARGEST_PAIRS = {f"{index}".ljust(120, "k"): "v" * 500 for index in range(10)}
UNICODE_PAIRS = {"organization_id": "org_kit", "Größe": "鍵 🔑 \u0000 e\u0301", "\u200f": "\U0010ffff"}


class RoundTrips(Promises):
    """Promises about wrapping and unwrapping DEKs."""

    def test_a_dek_of_16_to_64_bytes_is_wrapped_and_unwrapped(self, provider: Provider, key: Key) -> None:
        deks = [(DEK + DEK)[:size] for size in range(16, 65)]

        opened = [bytes(unwrap(provider, wrap(provider, key, dek), key)) for dek in deks]

        assert opened == deks

    def test_a_dek_may_be_bytes_or_a_bytearray(self, provider: Provider, key: Key) -> None:
        assert unwrap(provider, wrap(provider, key, bytes(DEK)), key) == DEK
        assert unwrap(provider, wrap(provider, key, bytearray(DEK)), key) == DEK

    def test_the_dek_that_is_wrapped_is_left_as_it_is(self, provider: Provider, key: Key) -> None:
        dek = bytearray(DEK)

        wrap(provider, key, dek)

        assert dek == DEK

    def test_a_dek_comes_back_in_a_bytearray(self, provider: Provider, key: Key) -> None:
        assert type(unwrap(provider, wrap(provider, key), key)) is bytearray

    def test_a_dek_that_the_caller_wipes_is_nobody_elses(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)
        first = unwrap(provider, wrapped, key)
        if isinstance(first, bytearray):
            first[:] = bytes(len(first))

        assert unwrap(provider, wrapped, key) == DEK

    def test_a_wrapped_key_is_well_formed(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key, DEK + DEK)

        assert type(wrapped) is WrappedKey
        assert type(wrapped.blob) is bytes
        assert 1 <= len(wrapped.blob) <= MAX_WRAPPED_BYTES
        assert ALG.fullmatch(wrapped.alg)

    def test_a_wrapped_key_does_not_show_the_dek(self, provider: Provider, key: Key) -> None:
        blob = wrap(provider, key).blob

        assert DEK not in blob
        assert DEK[::-1] not in blob

    def test_two_wraps_of_one_dek_differ(self, provider: Provider, key: Key) -> None:
        if self.deterministic:
            not_claimed(self.deterministic)

        assert wrap(provider, key).blob != wrap(provider, key).blob

    def test_any_aad_up_to_its_limit_is_taken(self, provider: Provider, key: Key) -> None:
        for aad in (b"\0", AAD, bytes(MAX_AAD_BYTES), b"\xff" * MAX_AAD_BYTES):
            context = WrapContext(PAIRS, aad)
            assert unwrap(provider, wrap(provider, key, DEK, context), key, context) == DEK

    def test_the_largest_context_is_taken(self, provider: Provider, key: Key) -> None:
        context = WrapContext(LARGEST_PAIRS, AAD)

        assert unwrap(provider, wrap(provider, key, DEK, context), key, context) == DEK

    def test_a_context_may_be_of_any_script(self, provider: Provider, key: Key) -> None:
        context = WrapContext(UNICODE_PAIRS, AAD)

        assert unwrap(provider, wrap(provider, key, DEK, context), key, context) == DEK

    def test_a_context_has_no_order(self, provider: Provider, key: Key) -> None:
        turned = WrapContext(dict(reversed(PAIRS.items())), AAD)

        assert unwrap(provider, wrap(provider, key, DEK, CONTEXT), key, turned) == DEK

    def test_a_second_provider_of_the_same_settings_unwraps(self, provider: Provider, key: Key, folder: Path) -> None:
        wrapped = wrap(provider, key)

        with closing(self.make_provider(folder)) as second:
            assert unwrap(second, wrapped, key) == DEK
