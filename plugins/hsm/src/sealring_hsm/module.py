"""A PKCS#11 module, loaded once in a process and initialised again if needed.

C_Initialize is for the whole process, so all providers of a process that name the same module share one `Module`, and
the last one to release it finalises it. Each initialisation increments `generation`. A handle of an older generation
must be dropped, because the number may now belong to another key.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Lock

from pkcs11 import _pkcs11
from pkcs11.attributes import AttributeMapper
from pkcs11.exceptions import MultipleTokensReturned, NoSuchToken, PinIncorrect
from pkcs11.types import Session, Slot, Token

from sealring_hsm.attributes import make_mapper
from sealring_hsm.config import HsmConfig, Locking
from sealring_hsm.native import Cryptoki
from sealring_hsm.token_folder import follow_move
from sealring_plugin import ConfigInvalid, DeadlineExceeded

_FORK_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that must be the same for all users of a module in one process."""

    path: Path
    conf_file: Path | None
    init_string: str
    calls_at_once: int

    @classmethod
    def of(cls, config: HsmConfig) -> Setup:
        calls = 1 if config.locking == Locking.LOCK else config.session_limit - 1
        return cls(config.module, config.conf_file, config.init_string, calls)


class Module:
    """One loaded module. Call its methods only within `inside` or `alone`, unless they say otherwise."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.cryptoki = Cryptoki(setup.path)
        self.generation = 0
        self.users = 0
        self.mapper: AttributeMapper = make_mapper()
        self._live = False
        self._pid = os.getpid()
        self._gate = _Gate(setup.calls_at_once)
        self._logins: dict[str, tuple[Session, bytes]] = {}
        self._library: _pkcs11.lib | None = None

    @contextmanager
    def inside(self, deadline: float) -> Iterator[None]:
        """Enter for a call. Raises DeadlineExceeded if there is no free place before the deadline."""
        self._guard_pid()
        with self._gate.entered(deadline, alone=False):
            yield

    @contextmanager
    def alone(self, deadline: float) -> Iterator[None]:
        """Enter when no other thread is inside. Raises DeadlineExceeded as `inside` does."""
        self._guard_pid()
        with self._gate.entered(deadline, alone=True):
            yield

    def start(self) -> None:
        """Initialise the module if it is not initialised. Raises PKCS11Error and ConfigInvalid."""
        if self._live:
            return
        self._logins.clear()
        self.generation += 1
        if self.setup.conf_file is not None:
            if not self.setup.conf_file.exists():
                raise ConfigInvalid(f"conf_file {self.setup.conf_file} does not exist")
            follow_move(self.setup.conf_file)
            os.environ["SOFTHSM2_CONF"] = str(self.setup.conf_file)  # SoftHSM reads it in C_Initialize
        self.cryptoki.configure(self.setup.init_string)
        if self._library is None:
            self._library = _pkcs11.lib(str(self.setup.path))  # it calls C_Initialize, which is our hook, once
        else:
            self.cryptoki.initialize()
        self._live = True

    def stop(self) -> None:
        """Finalise the module, which makes all handles invalid. `start` initialises it again."""
        if self._live:
            self._live = False
            self.cryptoki.finalize()

    def restart(self, generation: int) -> None:
        """Finalise the module, unless it was initialised again after `generation`. The next `start` initialises it."""
        if generation == self.generation:
            self.stop()

    def is_current(self, generation: int) -> bool:
        """Whether handles of that generation are still valid. May be called without `inside`."""
        return self._live and generation == self.generation and self._pid == os.getpid()

    def tokens(self) -> list[Token]:
        return [] if self._library is None else list(self._library.get_tokens())

    def slots(self) -> list[Slot]:
        return [] if self._library is None else self._library.get_slots()

    def token(self, label: str) -> Token:
        """Raises NoSuchToken and MultipleTokensReturned."""
        found = [token for token in self.tokens() if token.label == label]
        if not found:
            raise NoSuchToken
        if len(found) > 1:
            raise MultipleTokensReturned
        return found[0]

    def log_in(self, token: Token, pin: str) -> None:
        """Log in to a token, once for all sessions of the process. The session of the login stays open."""
        digest = hashlib.sha256(pin.encode()).digest()
        if token.label not in self._logins:
            self._logins[token.label] = (token.open(rw=True, user_pin=pin, attribute_mapper=self.mapper), digest)
        elif self._logins[token.label][1] != digest:
            raise PinIncorrect

    def open_session(self, token: Token) -> Session:
        return token.open(rw=True, attribute_mapper=self.mapper)

    def reconfigure(self, setup: Setup) -> None:
        """Replace the settings, while nobody uses the module."""
        self.setup = setup
        self._gate = _Gate(setup.calls_at_once)

    def adopt(self) -> None:
        """In a child process: drop the parent's state, so that the next call initialises the module again."""
        self._pid = os.getpid()
        self._live = False
        self._gate = _Gate(self.setup.calls_at_once)
        self.generation += 1

    def _guard_pid(self) -> None:
        if self._pid != os.getpid():  # a fork that did not run the hooks of os.register_at_fork
            self.adopt()

    def hold_for_fork(self) -> bool:
        return self._gate.enter(_FORK_WAIT_S, alone=True)

    def release_after_fork(self) -> None:
        self._gate.leave(alone=True)


class _Gate:
    """Admits at most `places` threads, or one alone. A thread that waits to be alone goes first, or it could starve."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside = 0
        self._waiting_alone = 0
        self._changed = Condition(Lock())

    @contextmanager
    def entered(self, deadline: float, *, alone: bool) -> Iterator[None]:
        if not self.enter(max(0.0, deadline - time.monotonic()), alone=alone):
            raise DeadlineExceeded("other calls kept the token busy")
        try:
            yield
        finally:
            self.leave(alone=alone)

    def enter(self, timeout_s: float, *, alone: bool) -> bool:
        return self._enter_alone(timeout_s) if alone else self._enter(timeout_s)

    def _enter(self, timeout_s: float) -> bool:
        with self._changed:
            if not self._changed.wait_for(lambda: self._inside < self._places and not self._waiting_alone, timeout_s):
                return False
            self._inside += 1
            return True

    def _enter_alone(self, timeout_s: float) -> bool:
        with self._changed:
            self._waiting_alone += 1
            try:
                if not self._changed.wait_for(lambda: not self._inside, timeout_s):
                    self._changed.notify_all()
                    return False
            finally:
                self._waiting_alone -= 1
            self._inside += self._places
            return True

    def leave(self, *, alone: bool) -> None:
        with self._changed:
            self._inside -= self._places if alone else 1
            self._changed.notify_all()


_modules: dict[str, Module] = {}
_registry = Lock()
_held_for_fork: list[Module] = []


def acquire(setup: Setup) -> Module:
    """Return the module; the caller has to `release` it. Raises ConfigInvalid if it is in use with other settings."""
    with _registry:
        name = str(setup.path)
        if name not in _modules:
            _watch_forks()
            _modules[name] = Module(setup)
        module = _modules[name]
        if module.users == 0:
            module.reconfigure(setup)
        elif module.setup != setup:
            raise ConfigInvalid(f"module {setup.path} is already in use in this process with other settings")
        module.users += 1
        return module


def release(module: Module) -> None:
    """Release a module. The last user's call finalises it."""
    with _registry:
        module.users -= 1
        if module.users == 0:
            module.stop()


def _watch_forks() -> None:
    if not _modules:
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


def _before_fork() -> None:
    """Let no thread be inside a module during a fork: the child would inherit its locks locked, forever."""
    _held_for_fork.extend([module for module in _modules.values() if module.hold_for_fork()])


def _after_fork() -> None:
    while _held_for_fork:
        _held_for_fork.pop().release_after_fork()


def _in_child() -> None:
    global _registry  # noqa: PLW0603  the parent's lock may be locked
    _registry = Lock()
    _held_for_fork.clear()
    for module in _modules.values():
        module.adopt()
