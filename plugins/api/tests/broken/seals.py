"""The kit of seals run on a toy, and on each that is broken. Not collected by itself."""

import hashlib
import logging
import time

from toy import NONCE_BYTES, TAG_BYTES, TOKEN, mac, opened, seal

from sealring_plugin import CiphertextRejected, SealSpec
from sealring_plugin.conformance import SealConformance

OVERHEAD = NONCE_BYTES + TAG_BYTES


class Toy:
    """Seals with a key that is made of its token."""

    def __init__(self, token):
        self.key = mac(hashlib.sha256(token.encode()).digest(), b"seal")
        self.token = token

    def seal(self, secret, aad, call):
        return seal(self.key, bytes(secret), aad)

    def open(self, sealed, aad, call):
        if len(sealed) < OVERHEAD:
            raise CiphertextRejected("too short")
        return opened(self.key, sealed, aad)

    def close(self):
        pass


class ReturnsBytes(Toy):
    def open(self, sealed, aad, call):
        return bytes(super().open(sealed, aad, call))


class ShowsTheSecret(Toy):
    def seal(self, secret, aad, call):
        return super().seal(secret, aad, call) + bytes(secret)

    def open(self, sealed, aad, call):
        size = OVERHEAD + (len(sealed) - OVERHEAD) // 2
        found = super().open(sealed[:size], aad, call)
        if found != sealed[size:]:
            raise CiphertextRejected("altered")
        return found


class ReturnsOneBytearray(Toy):
    kept = None

    def open(self, sealed, aad, call):
        found = super().open(sealed, aad, call)
        if self.kept is None or len(self.kept[1]) != len(found) or self.kept[0] != sealed:
            self.kept = sealed, found
        return self.kept[1]


class WorksInItselfOnly(Toy):
    def __init__(self, token):
        super().__init__(token)
        self.own = {}

    def seal(self, secret, aad, call):
        sealed = super().seal(secret, aad, call)
        self.own[sealed] = aad
        return sealed

    def open(self, sealed, aad, call):
        if self.own.get(sealed) != aad:
            raise CiphertextRejected("not ours")
        return super().open(sealed, aad, call)


class IgnoresTheAad(Toy):
    def seal(self, secret, aad, call):
        return super().seal(secret, b"", call)

    def open(self, sealed, aad, call):
        return super().open(sealed, b"", call)


class TakesLonger(Toy):
    def open(self, sealed, aad, call):
        return super().open(sealed.removesuffix(b"\0"), aad, call)


class HasOneKey(Toy):
    def __init__(self, token):
        super().__init__("the same for all")


class ChokesOnAPastDeadline(Toy):
    def seal(self, secret, aad, call):
        if call.deadline <= time.monotonic():
            raise ZeroDivisionError
        return super().seal(secret, aad, call)


class LogsTheSecret(Toy):
    def seal(self, secret, aad, call):
        logging.getLogger("toy").debug("sealing %s", bytes(secret).hex())
        return super().seal(secret, aad, call)


class ClosesOnce(Toy):
    closed = False

    def close(self):
        assert not self.closed
        self.closed = True


class TakesAny(SealSpec):
    def parse_config(self, table, base):
        return dict(table)


def kit_of(made, spec=SealSpec):
    class Kit(SealConformance):
        def settings(self):
            return {"token": "token of the toy"}

        def another_key(self, folder):
            return made("another token")

    Kit.spec = spec(name="toy", config=(TOKEN,), build=lambda config: made(config["token"]))
    return Kit


BROKEN = (
    ReturnsBytes,
    ShowsTheSecret,
    ReturnsOneBytearray,
    WorksInItselfOnly,
    IgnoresTheAad,
    TakesLonger,
    HasOneKey,
    ChokesOnAPastDeadline,
    LogsTheSecret,
    ClosesOnce,
)

TestCorrect = kit_of(Toy)
TestTakesAnySettings = kit_of(Toy, TakesAny)
globals().update({f"Test{each.__name__}": kit_of(each) for each in BROKEN})
