"""The token, opened on first use in each process, and opened again after it was lost."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from pkcs11.exceptions import (
    GeneralError,
    NoSuchToken,
    PinIncorrect,
    PKCS11Error,
    TokenNotRecognised,
    UserPinNotInitialized,
)
from pkcs11.types import Session, Token

from sealring_hsm.client import Client, Root, handle_of
from sealring_hsm.config import HsmConfig, IvMode, read_pin
from sealring_hsm.errors import LOST, named, translated
from sealring_hsm.guard import Grade, GuardReport, probe_guard
from sealring_hsm.handles import Handles
from sealring_hsm.module import Module, Setup, acquire, release
from sealring_hsm.native import Cryptoki
from sealring_hsm.roots import DOMAINS, check_canary, find_roots, newest_of
from sealring_hsm.token_folder import missing_folder
from sealring_plugin import ConfigInvalid, DeadlineExceeded, ProviderError, RootLost, RootName

MAX_REOPENINGS = 10
MAX_LOOKS = 10
LOOK_AGAIN_S = 0.04

_UNSETTLED = (NoSuchToken, TokenNotRecognised, GeneralError, UserPinNotInitialized)

T = TypeVar("T")


@dataclass
class Opened:
    """All objects of one initialisation of the module; they are invalid after the next one."""

    generation: int
    token: Token
    roots: dict[RootName, Root]
    report: GuardReport
    keks: Handles = field(default_factory=Handles)
    idle: list[Session] = field(default_factory=list)


Operation = Callable[[Opened, Client], T]


class Device:
    """Runs operations on the token, each in its own session. Thread-safe. It loads no module before `use`."""

    def __init__(self, config: HsmConfig) -> None:
        self._config = config
        self._setup = Setup.of(config)
        self._iv_mode = IvMode(config.iv_mode)
        self._module: Module | None = None
        self._opened: Opened | None = None
        self._refused_pin = b""

    def use(self, operation: Operation[T], deadline: float) -> T:
        """Run an operation, and retry it once if the token was lost and could be opened again. Raises ProviderError."""
        module = self._module = self._module or acquire(self._setup)
        try:
            return self._attempt(module, operation, deadline)
        except PKCS11Error as error:
            if not isinstance(named(error), LOST):
                raise meaning_of(error, self._config) from error
        self.drop(deadline)
        try:
            return self._attempt(module, operation, deadline)
        except PKCS11Error as error:
            raise meaning_of(error, self._config) from error

    def drop(self, deadline: float) -> None:
        """Finalise the module; the next `use` initialises it again."""
        if self._module is not None and self._opened is not None:
            with self._module.alone(deadline):
                self._module.restart(self._opened.generation)

    def close(self) -> None:
        """Close what is open. May be called twice."""
        module, opened, self._module, self._opened = self._module, self._opened, None, None
        if module is None:
            return
        if opened is not None and opened.generation == module.generation:
            for session in opened.idle:
                with suppress(PKCS11Error):
                    session.close()  # this also destroys the keys that were loaded in it
        release(module)

    def _attempt(self, module: Module, operation: Operation[T], deadline: float) -> T:
        for _ in range(MAX_REOPENINGS):
            opened = self._opened
            if opened is None or not module.is_current(opened.generation):
                opened = self._open(module, deadline)
            with module.inside(deadline):
                if not module.is_current(opened.generation):
                    continue  # another thread initialised the module again before we entered
                session = opened.idle.pop() if opened.idle else module.open_session(opened.token)
                try:
                    return operation(opened, self._client(module.cryptoki, session))
                finally:
                    opened.idle.append(session)
        raise DeadlineExceeded("the token was initialised again too often")

    def _open(self, module: Module, deadline: float) -> Opened:
        with module.alone(deadline):
            if self._opened is None or not module.is_current(self._opened.generation):
                try:
                    self._opened = self._opening(module)
                except BaseException:
                    self._opened = None
                    raise
            return self._opened

    def _opening(self, module: Module) -> Opened:
        pin = read_pin(self._config.pin_file)
        self._refuse_known_wrong(pin)
        token = self._logged_in(module, pin)
        session = module.open_session(token)
        try:
            return self._checked(module, token, session)
        except BaseException:
            with suppress(PKCS11Error):
                session.close()
            raise

    def _checked(self, module: Module, token: Token, session: Session) -> Opened:
        roots = find_roots(session, self._config)
        client = self._client(module.cryptoki, session)
        for root in roots.values():
            check_canary(client, root)
        newest = [roots[newest_of(roots, domain)] for domain in DOMAINS]
        report = GuardReport.of([probe_guard(session, root) for root in newest])
        opened = Opened(module.generation, token, roots, report, idle=[session])
        if opened.report.grade is Grade.CONVENTION and not self._config.allow_unguarded:
            broken = ", ".join(attempt.name for attempt in opened.report.attempts if attempt.succeeded)
            raise ConfigInvalid(
                f"export guard: by convention only: anyone with the PIN can {broken}. Make a guarded root with "
                "`sealring hsm init-root`, or set allow_unguarded = true to run without the guard"
            )
        return opened

    def _logged_in(self, module: Module, pin: str) -> Token:
        try:
            return log_in_patiently(module, self._config.token_label, pin)
        except PinIncorrect:
            self._refused_pin = _digest(pin)
            raise

    def _refuse_known_wrong(self, pin: str) -> None:
        """Raises PinIncorrect for a PIN that was refused before: a token locks itself after some wrong PINs."""
        if self._refused_pin == _digest(pin):
            raise PinIncorrect

    def _client(self, cryptoki: Cryptoki, session: Session) -> Client:
        return Client(cryptoki, handle_of(session), self._iv_mode)


def meaning_of(error: PKCS11Error, config: HsmConfig) -> ProviderError:
    """Return what a failure of the token means. Of a folder that is missing, SoftHSM says only that it failed."""
    folder = missing_folder(config.conf_file)
    if folder is not None:
        return RootLost(f"the folder of the tokens is missing: {folder}; restore it from its backup")
    return translated(named(error))


def log_in_patiently(module: Module, label: str, pin: str) -> Token:
    """Find the token, and log in. Raises PKCS11Error.

    SoftHSM rewrites the token's file at each login. If another process does so at the same time, SoftHSM does not find
    the token, finds only a part of it, or fails: retry.
    """
    for _ in range(MAX_LOOKS - 1):
        module.start()
        with suppress(*_UNSETTLED):
            return _log_in(module, label, pin)
        module.stop()
        time.sleep(random.uniform(0, LOOK_AGAIN_S))  # noqa: S311  jitter, not a secret
    module.start()
    return _log_in(module, label, pin)


def _log_in(module: Module, label: str, pin: str) -> Token:
    token = module.token(label)
    module.log_in(token, pin)
    return token


def _digest(pin: str) -> bytes:
    return hashlib.sha256(pin.encode()).digest()
