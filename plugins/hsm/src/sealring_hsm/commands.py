"""The commands of the hsm provider: `sealring hsm init-token | init-root | probe | roots`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pkcs11 import Mechanism
from pkcs11.exceptions import PKCS11Error
from pkcs11.types import Session, Token

from sealring_hsm import softhsm
from sealring_hsm.ceremony import Officers, guards_for, make_roots
from sealring_hsm.client import Client, handle_of
from sealring_hsm.config import HsmConfig, IvMode, read_pin
from sealring_hsm.device import Device, Opened
from sealring_hsm.errors import named, translated
from sealring_hsm.material import Material
from sealring_hsm.module import Module, Setup, acquire, release
from sealring_hsm.roots import DOMAINS, newest_of, root_states
from sealring_plugin import DATA, ConfigInvalid, ConfigValue, ManagedKey, RootName

TIMEOUT_S = 60.0
SPEED_RUNS = 200
SESSIONS_TRIED = 64

_NAMES = {Mechanism.AES_KEY_GEN: "generate", Mechanism.AES_GCM: "encrypt", Mechanism.AES_KEY_WRAP: "wrap"}


def init_token(config: HsmConfig, options: Mapping[str, ConfigValue]) -> Iterator[str]:
    """Make a token. Only for SoftHSM: the tools of a hardware HSM make its tokens."""
    so_pin = _so_pin_file(config, options)
    if not so_pin.exists():
        softhsm.write_pin(so_pin)
        yield f"made {so_pin}: move it to another place, only ceremonies need it"
    yield f"made the token in {softhsm.make_token(config, read_pin(so_pin, 'so_pin_file'), with_root=False)}"


def init_root(config: HsmConfig, options: Mapping[str, ConfigValue]) -> Iterator[str]:
    """Make roots. Without the security officer's PIN they are not TRUSTED: their keys cannot move to another root."""
    names, so_pin_file = _asked_for(options), _so_pin_file(config, options)
    so_pin = read_pin(so_pin_file, "so_pin_file") if "so_pin_file" in options or so_pin_file.exists() else None
    officers = Officers(read_pin(config.pin_file), so_pin)
    with _module(config) as module:
        made = make_roots(module, config, names, officers, guards_for(config, officers))
    for name, guard in made.items():
        yield f"made root {config.domain_of(name.domain)}/{name.epoch}, guard: {guard.name.lower()}"
    yield "back up the token before the first key is made under a root"


def roots(config: HsmConfig) -> Iterator[str]:
    with _module(config) as module, _logged_in(module, config) as (_, session):
        client = Client(module.cryptoki, handle_of(session), IvMode(config.iv_mode))
        for domain in map(config.domain_of, DOMAINS):
            states = root_states(session, client, domain, config.pin_file.parent)
            yield from (f"{domain}/{epoch}  {state}" for epoch, state in states)
            if not states:
                yield f"no root of domain {domain!r} on the token"


def probe(config: HsmConfig) -> Iterator[str]:
    """Probe the export guard, mechanisms and speed. It needs a root, and leaves nothing on the token."""
    device = Device(replace(config, allow_unguarded=True))
    try:
        report = device.use(lambda opened, _client: opened.report, _deadline())
        yield f"export guard: {report.grade}"
        for attempt in report.attempts:
            yield f"  {'SUCCEEDED' if attempt.succeeded else 'refused':10} {attempt.name}"
        yield from device.use(lambda opened, _client: _facts(opened.token), _deadline())
        yield from device.use(lambda opened, client: _speeds(opened, client, config), _deadline())
    finally:
        device.close()
    with _module(config) as module, _logged_in(module, config) as (token, _):
        yield f"sessions      {_count_sessions(module, token)}"


def _facts(token: Token) -> list[str]:
    mechanisms = token.slot.get_mechanisms()
    return [
        f"token         {token.label}: {token.manufacturer_id} {token.model}, {_version(token.firmware_version)}",
        *(
            f"{mechanism.name:13} {'yes' if mechanism in mechanisms else 'NO'} (needed to {purpose})"
            for mechanism, purpose in _NAMES.items()
        ),
    ]


def _speeds(opened: Opened, client: Client, config: HsmConfig) -> list[str]:
    newest = newest_of(opened.roots, DATA)
    root, key = opened.roots[newest], ManagedKey("hsm", "probe", 1, b"probe", newest)
    material = client.create_kek(root, config.wrap_mechanism, key)
    handle = client.load_kek(root, Material.parse(material), key)
    try:
        sealed = client.seal(handle, bytes(32), b"probe")
        return [
            _timed("create a key", lambda: client.create_kek(root, config.wrap_mechanism, key)),
            _timed("load a key", lambda: client.destroy(client.load_kek(root, Material.parse(material), key))),
            _timed("wrap", lambda: client.seal(handle, bytes(32), b"probe")),
            _timed("unwrap", lambda: client.unseal(handle, sealed.nonce, sealed.ciphertext, b"probe")),
        ]
    finally:
        client.destroy(handle)


def _timed(name: str, deed: Callable[[], object]) -> str:
    began = time.perf_counter()
    for _ in range(SPEED_RUNS):
        deed()
    return f"{name:13} {(time.perf_counter() - began) / SPEED_RUNS * 1e6:.0f} us"


def _count_sessions(module: Module, token: Token) -> str:
    opened: list[Session] = []
    try:
        while len(opened) < SESSIONS_TRIED:
            opened.append(module.open_session(token))
    except PKCS11Error as error:
        return f"{len(opened)}, then {type(error).__name__}"
    finally:
        for session in opened:
            with suppress(PKCS11Error):
                session.close()
    return f"{SESSIONS_TRIED} or more"


@contextmanager
def _module(config: HsmConfig) -> Iterator[Module]:
    module = acquire(Setup.of(config))
    try:
        with module.alone(_deadline()):
            module.start()
            yield module
    except PKCS11Error as error:
        raise translated(named(error)) from error
    finally:
        release(module)


@contextmanager
def _logged_in(module: Module, config: HsmConfig) -> Iterator[tuple[Token, Session]]:
    token = module.token(config.token_label)
    module.log_in(token, read_pin(config.pin_file))
    session = module.open_session(token)
    try:
        yield token, session
    finally:
        session.close()


def _asked_for(options: Mapping[str, ConfigValue]) -> Sequence[RootName]:
    """Return the names of the roots to make: one of each domain, unless the options name a domain."""
    domain, epoch = options.get("domain"), options.get("epoch", 1)
    if domain not in {None, *DOMAINS}:
        raise ConfigInvalid(f"domain must be {' or '.join(DOMAINS)}")
    if not isinstance(epoch, int) or not 1 <= epoch < 2**32:
        raise ConfigInvalid("epoch must be 1 or more")
    return [RootName(each, epoch) for each in DOMAINS if domain in {None, each}]


def _so_pin_file(config: HsmConfig, options: Mapping[str, ConfigValue]) -> Path:
    path = options.get("so_pin_file")
    return path if isinstance(path, Path) else softhsm.so_pin_file(config)


def _version(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _deadline() -> float:
    return time.monotonic() + TIMEOUT_S
