"""What somebody makes who may wrap under a customer's key, and has no more than that: no token, and nothing of ours."""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

import sealring_plugin as api
from support.cmk import CmkProvider, Key
from support.reader import Bytes, expand, header, wrap_aad, wraps

_PADDING = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


@dataclass
class PublicKey(Key):
    """A key whose public half anybody has."""

    @property
    def private(self) -> rsa.RSAPrivateKey:
        return _private_key()


class PublicKeyProvider(CmkProvider):
    """Wraps as a vault without additional data does: the data key beside a digest of what it is bound to."""

    def wrap(self, key, dek, context, call):
        public = self._key(key).private.public_key()
        return api.WrappedKey("rsa-oaep-256", public.encrypt(bytes(dek) + _digest(context), _PADDING))

    def unwrap(self, wrapped, key, context, call):
        found = self._key(key)
        found.log.append(("unwrap", dict(context.pairs), call.request_id))
        opened = found.private.decrypt(wrapped.blob, _PADDING)
        if opened[32:] != _digest(context):
            raise api.CiphertextRejected
        return bytearray(opened[:32])


@cache
def _private_key():
    return rsa.generate_private_key(65537, 2048)


def _digest(context):
    return hashlib.sha256(repr(sorted(context.pairs.items())).encode() + context.aad).digest()


@dataclass
class Forger:
    """Has seen a blob, and can wrap under its key."""

    provider: CmkProvider
    key: str
    seen: bytes = field(repr=False)

    def with_what_was_seen(self, dek: bytes) -> bytes:
        """Another data key in the blob, all else as it was."""
        return self._forged(self.seen, dek)

    def with_an_id_of_its_own(self, dek: bytes) -> bytes:
        at = 8  # magic 4, format 1, suite 2, combine 1
        return self._forged(self.seen[:at] + bytes(range(32)) + self.seen[at + 32 :], dek)

    def without_a_mac(self, dek: bytes) -> bytes:
        """As blobs were when they ended with their context: suite 2."""
        forged = self._forged(self.seen, dek, suite=2)
        return forged[: _end_of_the_context(self.seen)]

    def with_a_mac_of_nothing(self, dek: bytes) -> bytes:
        forged, end = self._forged(self.seen, dek), _end_of_the_context(self.seen)
        return forged[: end + 2] + bytes(len(forged) - end - 2)  # the number of the key stays

    def _forged(self, like: bytes, dek: bytes, suite: int | None = None) -> bytes:
        """The blob with another data key in it, wrapped and committed to as the format wants it."""
        source = Bytes(like)
        head = header(source)
        (wrap,) = wraps(source, head["combine"])
        if suite is not None:
            like = _of_suite(suite, like)
            head |= {"suite": suite, "H": _of_suite(suite, head["H"])}
        shown = {"organization_id": head["org"], "context_sha256": head["context_hash"].hex()}
        bound = api.WrapContext(shown, wrap_aad(head, wrap))
        call = api.Call(float("inf"), "none of ours", head["org"], api.Purpose.ENCRYPT)
        wrapped = self.provider.wrap(SimpleNamespace(key_id=self.key), dek, bound, call)
        assert len(wrapped.blob) == len(wrap["blob"])
        commitment = expand(dek, head, b"sealring/v1/commit")
        return like[: source.at - len(wrapped.blob)] + wrapped.blob + commitment + like[source.at + 32 :]


def _of_suite(suite: int, raw: bytes) -> bytes:
    return raw[:5] + suite.to_bytes(2, "big") + raw[7:]


def _end_of_the_context(blob: bytes) -> int:
    source = Bytes(blob)
    wraps(source, header(source)["combine"])
    source.take(32)
    source.prefixed(2)
    return source.at


FORGERIES = (
    Forger.with_what_was_seen,
    Forger.with_an_id_of_its_own,
    Forger.without_a_mac,
    Forger.with_a_mac_of_nothing,
)
