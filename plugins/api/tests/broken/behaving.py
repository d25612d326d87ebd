"""Providers that break what is promised beside wrapping, each by a small change of the toy."""

import logging
import os
import sys
import threading
import time

from toy import ALG, Full, Named, opened, packed, seal

from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    ContextMismatch,
    KeyDisabled,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
    WrappedKey,
)


class TellsTheWrongFailure(Named):
    def enter(self, call):
        if self.vault.failing is KeyDisabled:
            raise AccessDenied
        super().enter(call)


class RejectsWhatIsMismatched(Named):
    def enter(self, call):
        if self.vault.failing is ContextMismatch:
            raise CiphertextRejected
        super().enter(call)


class TellsADayThatIsNoTime(Named):
    def enter(self, call):
        if self.vault.failing is KeyPendingDeletion:
            raise KeyPendingDeletion(when="2026-12-24")
        super().enter(call)


class ComesBackInThePast(Named):
    def enter(self, call):
        if self.vault.failing is Throttled:
            raise Throttled(retry_after_s=-1.0)
        super().enter(call)


class FailsForGood(Named):
    """From one call on, until it fails otherwise."""

    dead = False

    def unwrap(self, wrapped, key, context, call):
        if self.vault.failing is AccessDenied:
            self.dead = True
        if self.dead and self.vault.failing is None:
            self.dead = False
            raise AccessDenied
        return super().unwrap(wrapped, key, context, call)


class KeepsDataKeys(Named):
    """Of what it opened once; it asks nobody any more."""

    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.kept = {}

    def unwrap(self, wrapped, key, context, call):
        place = (wrapped, key, self.aad(context))
        if place not in self.kept:
            self.kept[place] = super().unwrap(wrapped, key, context, call)
        self.admit(key, context)
        return bytearray(self.kept[place])


class KeepsDataKeysByTheirBlob(Named):
    """It asks whether the key may be used, and not what the blob is bound to."""

    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.kept = {}

    def unwrap(self, wrapped, key, context, call):
        self.enter(call)
        self.admit(key, context)
        if wrapped.blob not in self.kept:
            self.kept[wrapped.blob] = super().unwrap(wrapped, key, context, call)
        return bytearray(self.kept[wrapped.blob])


class WrapsForAnyOrganization(Named):
    def wrap(self, key, dek, context, call):
        self.enter(call)
        return WrappedKey(ALG, seal(self.kek(key), dek, self.aad(context)))


class UnwrapsForAnyOrganization(Named):
    def unwrap(self, wrapped, key, context, call):
        self.enter(call)
        if wrapped.alg != ALG:
            raise CiphertextRejected("another algorithm")
        return opened(self.kek(key), wrapped.blob, self.aad(context))


class ChokesOnAPastDeadline(Named):
    def enter(self, call):
        if call.deadline <= time.monotonic():
            raise ValueError("timeout out of range")
        super().enter(call)


class IgnoresTheDeadlineOfWrap(Named):
    def wrap(self, key, dek, context, call):
        if self.vault.silent and key.key_id == "first":
            time.sleep(1)
        return super().wrap(key, dek, context, call)


class IgnoresTheDeadlineOfCreateKey(Full):
    def create_key(self, key_id, version, scope, domain, call):
        if self.vault.silent:
            time.sleep(1)
        return super().create_key(key_id, version, scope, domain, call)


class IgnoresTheDeadlineOfCheck(Full):
    def check(self, call):
        if self.vault.silent:
            time.sleep(1)
        super().check(call)


class IgnoresTheDeadlineOfUnwrap(Named):
    def unwrap(self, wrapped, key, context, call):
        if self.vault.silent:
            time.sleep(1)
        return super().unwrap(wrapped, key, context, call)


class ShowsTheDekInAFailure(Named):
    """As one does that wraps the AAD with the DEK and compares."""

    def wrap(self, key, dek, context, call):
        self.enter(call)
        self.admit(key, context)
        sealed = seal(self.kek(key), bytes(dek) + packed({"aad": self.aad(context).hex()}), b"")
        return WrappedKey(ALG, sealed)

    def unwrap(self, wrapped, key, context, call):
        self.enter(call)
        self.admit(key, context)
        if wrapped.alg != ALG:
            raise CiphertextRejected("another algorithm")
        both = opened(self.kek(key), wrapped.blob, b"")
        if both[-32:] != packed({"aad": self.aad(context).hex()}):
            raise CiphertextRejected(f"{both[:-32].hex()} is bound otherwise")
        return both[:-32]


class LogsTheDek(Named):
    def wrap(self, key, dek, context, call):
        logging.getLogger("toy").debug("wrapping %s", bytes(dek).hex())
        return super().wrap(key, dek, context, call)


class PrintsItsToken(Named):
    def close(self):
        sys.stderr.write(f"closing {self.token}\n")


class ShowsItsToken(Named):
    def __repr__(self):
        return f"ShowsItsToken({self.token!r})"


class IsNotThreadSafe(Named):
    def unwrap(self, wrapped, key, context, call):
        self.dek = super().unwrap(wrapped, key, context, call)
        time.sleep(0)
        return self.dek


class BreaksAfterAFork(Named):
    opened_in = None

    def enter(self, call):
        if BreaksAfterAFork.opened_in is None:
            BreaksAfterAFork.opened_in = os.getpid()
        if BreaksAfterAFork.opened_in != os.getpid():
            raise ConnectionError("the session is another process's")
        super().enter(call)


class ClosesForAll(Named):
    """Its close ends what all of its process share; the next call opens that anew."""

    closed = False

    def wrap(self, key, dek, context, call):
        ClosesForAll.closed = False
        return super().wrap(key, dek, context, call)

    def unwrap(self, wrapped, key, context, call):
        if ClosesForAll.closed:
            ClosesForAll.closed = False
            raise ConnectionError("not initialised")
        return super().unwrap(wrapped, key, context, call)

    def close(self):
        ClosesForAll.closed = True


class ClosesOnce(Named):
    closed = False

    def close(self):
        if self.closed:
            raise ConnectionError("closed already")
        self.closed = True


class Leaking(Named):
    """Leaks with each call of another organization, until it is closed."""

    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.leaked = []

    def unwrap(self, wrapped, key, context, call):
        if context.pairs.get("organization_id") == "org_other":
            self.leaked.append(self.leak())
        return super().unwrap(wrapped, key, context, call)

    def close(self):
        for each in self.leaked:
            self.release(each)
        self.leaked = []

    def release(self, each):
        pass


class LeaksDescriptors(Leaking):
    def leak(self):
        return os.open(os.devnull, os.O_RDONLY)

    def release(self, each):
        os.close(each)


class LeaksThreads(Leaking):
    def leak(self):
        done = threading.Event()
        threading.Thread(target=done.wait, daemon=True).start()
        return done

    def release(self, each):
        each.set()


class LeaksMemory(Leaking):
    def leak(self):
        return b"x" * 200_000


class LeaksSessions(Leaking):
    def leak(self):
        return "session"


class LeaksWhenClosed(Named):
    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.file = os.open(os.devnull, os.O_RDONLY)


class BlocksAllProviders(Named):
    """While one of them waits."""

    blocked = False

    def enter(self, call):
        BlocksAllProviders.blocked |= self.vault.silent
        if self.blocked and not self.vault.silent:
            raise Unavailable
        super().enter(call)

    def close(self):
        BlocksAllProviders.blocked = False
