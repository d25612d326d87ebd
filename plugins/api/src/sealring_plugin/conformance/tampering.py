"""An altered blob does not open."""

from __future__ import annotations

from dataclasses import replace

from sealring_plugin.conformance.cases import CONTEXT, DEK, OTHER_CONTEXT, Key, Provider, opens, wrap
from sealring_plugin.conformance.subject import Promises
from sealring_plugin.values import WrappedKey


class Tampering(Promises):
    """Each altered result of `wrap` raises CiphertextRejected (or ContextMismatch), never an exception of an SDK."""

    def test_every_flipped_bit_is_rejected(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        opened = [bit for bit in range(8 * len(wrapped.blob)) if opens(provider, flipped(wrapped, bit), key)]

        assert opened == []

    def test_every_truncated_blob_is_rejected(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        opened = [
            size
            for size in range(len(wrapped.blob))
            if opens(provider, replace(wrapped, blob=wrapped.blob[:size]), key)
        ]

        assert opened == []

    def test_a_longer_blob_is_rejected(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        assert not opens(provider, replace(wrapped, blob=wrapped.blob + b"\0"), key)
        assert not opens(provider, replace(wrapped, blob=b"\0" + wrapped.blob), key)
        assert not opens(provider, replace(wrapped, blob=wrapped.blob + wrapped.blob), key)

    def test_two_blobs_cannot_be_spliced(self, provider: Provider, key: Key) -> None:
        one, two = wrap(provider, key), wrap(provider, key, DEK[::-1])
        pieces = [one.blob[:cut] + two.blob[cut:] for cut in range(1, min(len(one.blob), len(two.blob)))]

        opened = [
            cut
            for cut, blob in enumerate(pieces, start=1)
            if blob not in {one.blob, two.blob} and opens(provider, replace(one, blob=blob), key)
        ]

        assert opened == []

    def test_the_blobs_of_two_records_cannot_be_swapped(self, provider: Provider, key: Key, other_key: Key) -> None:
        mine, theirs = wrap(provider, key), wrap(provider, other_key, DEK[::-1], OTHER_CONTEXT)

        assert not opens(provider, theirs, key, CONTEXT)
        assert not opens(provider, mine, other_key, OTHER_CONTEXT)

    def test_a_blob_of_another_algorithm_is_rejected(self, provider: Provider, key: Key) -> None:
        wrapped = wrap(provider, key)

        assert not opens(provider, replace(wrapped, alg="kit-no-such-algorithm"), key)


def flipped(wrapped: WrappedKey, bit: int) -> WrappedKey:
    blob = bytearray(wrapped.blob)
    blob[bit // 8] ^= 1 << bit % 8
    return replace(wrapped, blob=bytes(blob))
