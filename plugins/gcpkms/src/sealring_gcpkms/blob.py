"""The format of a wrapped key, with a tag around Google's ciphertext.

    AAD  = "sealring-gcpkms/v1/aad" ‖ u32 version of the CustomersKey ‖ u32 number of pairs
           ‖ for each pair, sorted by its name's UTF-8: lp(name) ‖ lp(value) ‖ lp(wrap AAD)         lp(x) = u32 size ‖ x
    alg  = "gcpkms-v1-" ‖ decimal number of Google's key version: a re-wrap can select by it without the key
    blob = tag 16 ‖ Google's ciphertext
    tag  = the first 16 bytes of HMAC-SHA-256(DEK, "sealring-gcpkms/v1/tag" ‖ lp(alg) ‖ ciphertext)

Google's answer to a decryption does not name the version that was used, so the tag authenticates the number. It also
proves that Google returned the same DEK that we sent.
"""

from __future__ import annotations

import hmac
import re

from sealring_plugin import CiphertextRejected, CustomersKey, WrapContext, WrappedKey

TAG_BYTES = 16

_AAD_LABEL = b"sealring-gcpkms/v1/aad"
_TAG_LABEL = b"sealring-gcpkms/v1/tag"
_ALG = re.compile(r"gcpkms-v1-[1-9][0-9]{0,9}")


def authenticated(key: CustomersKey, context: WrapContext) -> bytes:
    """Return what Google authenticates with the DEK."""
    pairs = sorted((name.encode(), value.encode()) for name, value in context.pairs.items())
    parts = [_AAD_LABEL, _u32(key.version), _u32(len(pairs))]
    parts += [_lp(text) for pair in pairs for text in pair]
    return b"".join([*parts, _lp(context.aad)])


def seal(version: int, dek: bytes | bytearray, ciphertext: bytes) -> WrappedKey:
    alg = f"gcpkms-v1-{version}"
    return WrappedKey(alg, _tag(dek, alg, ciphertext) + ciphertext)


def ciphertext_of(wrapped: WrappedKey) -> bytes:
    """Return Google's ciphertext. Raises CiphertextRejected if `seal` cannot have made the wrapped key."""
    if not _ALG.fullmatch(wrapped.alg):
        raise CiphertextRejected("wrapped with another algorithm")
    if len(wrapped.blob) <= TAG_BYTES:
        raise CiphertextRejected("not the size of a wrapped data key")
    return wrapped.blob[TAG_BYTES:]


def check(wrapped: WrappedKey, dek: bytearray) -> None:
    """Raises CiphertextRejected if the tag does not match this DEK, key version and ciphertext."""
    expected = _tag(dek, wrapped.alg, wrapped.blob[TAG_BYTES:])
    if not hmac.compare_digest(expected, wrapped.blob[:TAG_BYTES]):
        raise CiphertextRejected("the tag does not match the data key, or the named version of the key")


def _tag(dek: bytes | bytearray, alg: str, ciphertext: bytes) -> bytes:
    return hmac.digest(dek, _TAG_LABEL + _lp(alg.encode()) + ciphertext, "sha256")[:TAG_BYTES]


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _lp(binary: bytes) -> bytes:
    return _u32(len(binary)) + binary
