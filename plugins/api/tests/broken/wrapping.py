"""Providers that break what is promised of wrapping, each by a small change of the toy."""

import os
import unicodedata

from toy import ALG, NONCE_BYTES, TAG_BYTES, Named, mac, opened, packed, seal, xor

from sealring_plugin import CiphertextRejected, WrappedKey


class IgnoresAad(Named):
    def aad(self, context):
        return packed(context.pairs)


class IgnoresTheKey(Named):
    def kek(self, key):
        return mac(self.vault.root, str(key.version).encode())


class IgnoresTheVersion(Named):
    def kek(self, key):
        return mac(self.vault.root, key.key_id.encode())


class IgnoresPairsItDoesNotKnow(Named):
    def aad(self, context):
        known = ("organization_id", "resource_type", "ab", "name")
        return packed({name: text for name, text in context.pairs.items() if name in known}) + context.aad


class IgnoresTheEndOfTexts(Named):
    def aad(self, context):
        return packed({name: text[:4] for name, text in context.pairs.items()}) + context.aad


class NormalisesTexts(Named):
    def aad(self, context):
        return packed({n: unicodedata.normalize("NFC", text) for n, text in context.pairs.items()}) + context.aad


class FillsInPairs(Named):
    def aad(self, context):
        return packed({"resource_type": "invoice", "organization_id": "org_kit", **context.pairs}) + context.aad


class KeepsTheOrderOfPairs(Named):
    def aad(self, context):
        return b"".join(packed({name: text}) for name, text in context.pairs.items()) + context.aad


class ClaimsPairsItDoesNotBind(Named):
    def bound_pairs(self, context):
        return {"organization_id": context.pairs["organization_id"]}


class RefusesLargeContexts(Named):
    def aad(self, context):
        if sum(map(len, context.pairs.values())) > 4096:
            raise CiphertextRejected("too large")
        return super().aad(context)


class RefusesLongAad(Named):
    def aad(self, context):
        if len(context.aad) > 128:
            raise CiphertextRejected("too long")
        return super().aad(context)


class KnowsAsciiOnly(Named):
    def aad(self, context):
        return "".join(sorted(context.pairs)).encode("latin-1") + super().aad(context)


class ReturnsBytes(Named):
    def unwrap(self, wrapped, key, context, call):
        return bytes(super().unwrap(wrapped, key, context, call))


class ReturnsAWrongLength(Named):
    def unwrap(self, wrapped, key, context, call):
        dek = super().unwrap(wrapped, key, context, call)
        return dek + bytes(-len(dek) % 16)


class ReturnsOneBytearrayToAll(Named):
    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.cache = {}

    def unwrap(self, wrapped, key, context, call):
        dek = super().unwrap(wrapped, key, context, call)
        return self.cache.setdefault(wrapped.blob, dek)

    def close(self):
        self.cache.clear()


class WipesTheCallersDek(Named):
    def wrap(self, key, dek, context, call):
        wrapped = super().wrap(key, dek, context, call)
        if isinstance(dek, bytearray):
            dek[:] = bytes(len(dek))
        return wrapped


class NamesItsAlgorithmBadly(Named):
    def wrap(self, key, dek, context, call):
        return WrappedKey("Toy 1", super().wrap(key, dek, context, call).blob)

    def unwrap(self, wrapped, key, context, call):
        alg = ALG if wrapped.alg == "Toy 1" else wrapped.alg
        return super().unwrap(WrappedKey(alg, wrapped.blob), key, context, call)


class WrapsToATypeOfItsOwn(Named):
    def wrap(self, key, dek, context, call):
        return WrappedKey(ALG, Loose(super().wrap(key, dek, context, call).blob))


class Loose(bytes):
    """Bytes of a type of its own."""

    __slots__ = ()


class IsDeterministic(Named):
    def wrap(self, key, dek, context, call):
        self.enter(call)
        self.admit(key, context)
        kek, aad = self.kek(key), self.aad(context)
        nonce = mac(kek, dek, aad)[:NONCE_BYTES]
        body = xor(dek, kek, nonce)
        return WrappedKey(ALG, nonce + body + mac(kek, nonce, body, aad)[:TAG_BYTES])


class DoesNotEncrypt(Named):
    def wrap(self, key, dek, context, call):
        self.enter(call)
        self.admit(key, context)
        nonce = os.urandom(NONCE_BYTES)
        return WrappedKey(ALG, nonce + dek + mac(self.kek(key), nonce, dek, self.aad(context))[:TAG_BYTES])

    def unwrap(self, wrapped, key, context, call):
        blob = wrapped.blob
        dek = super().unwrap(wrapped, key, context, call)
        dek[:] = blob[NONCE_BYTES:-TAG_BYTES]
        return dek


class AcceptsTruncated(Named):
    def wrap(self, key, dek, context, call):
        blob = b"\0"
        while blob.endswith(b"\0"):
            blob = super().wrap(key, dek, context, call).blob
        return WrappedKey(ALG, blob + b"\0")

    def unwrap(self, wrapped, key, context, call):
        whole = WrappedKey(wrapped.alg, wrapped.blob.removesuffix(b"\0"))
        return super().unwrap(whole, key, context, call)


class AcceptsLonger(Named):
    def wrap(self, key, dek, context, call):
        blob = super().wrap(key, dek, context, call).blob
        return WrappedKey(ALG, bytes([len(blob)]) + blob)

    def unwrap(self, wrapped, key, context, call):
        size, rest = wrapped.blob[:1], wrapped.blob[1:]
        if not size or len(rest) < size[0]:
            raise CiphertextRejected("too short")
        return super().unwrap(WrappedKey(wrapped.alg, rest[: size[0]]), key, context, call)


class AcceptsFlippedBits(Named):
    def wrap(self, key, dek, context, call):
        return WrappedKey(ALG, b"\1" + super().wrap(key, dek, context, call).blob)

    def unwrap(self, wrapped, key, context, call):
        return super().unwrap(WrappedKey(wrapped.alg, wrapped.blob[1:]), key, context, call)


class AcceptsSpliced(Named):
    def wrap(self, key, dek, context, call):
        self.enter(call)
        self.admit(key, context)
        half, kek, aad = len(dek) // 2, self.kek(key), self.aad(context)
        return WrappedKey(ALG, seal(kek, dek[:half], aad + b"1") + seal(kek, dek[half:], aad + b"2"))

    def unwrap(self, wrapped, key, context, call):
        self.enter(call)
        self.admit(key, context)
        if wrapped.alg != ALG:
            raise CiphertextRejected("another algorithm")
        kek, aad = self.kek(key), self.aad(context)
        overhead = NONCE_BYTES + TAG_BYTES
        cut = overhead + max(0, len(wrapped.blob) - 2 * overhead) // 2
        return opened(kek, wrapped.blob[:cut], aad + b"1") + opened(kek, wrapped.blob[cut:], aad + b"2")


class AcceptsAnyAlgorithm(Named):
    def unwrap(self, wrapped, key, context, call):
        return super().unwrap(WrappedKey(ALG, wrapped.blob), key, context, call)


class RaisesAForeignException(Named):
    def unwrap(self, wrapped, key, context, call):
        if len(wrapped.blob) < NONCE_BYTES:
            raise ValueError("nonce too short")
        return super().unwrap(wrapped, key, context, call)


class WorksInItselfOnly(Named):
    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.salt = os.urandom(16)

    def aad(self, context):
        return super().aad(context) + self.salt


class TakesBytesOnly(Named):
    def wrap(self, key, dek, context, call):
        if isinstance(dek, bytearray):
            raise TypeError("a bytes-like object that is bytes is required")
        return super().wrap(key, dek, context, call)


class HasOneKeyForAll(Named):
    def kek(self, key):
        return self.vault.root

    def aad(self, context):
        return b""
