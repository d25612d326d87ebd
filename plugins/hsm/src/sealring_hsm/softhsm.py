"""The SoftHSM2 token of a new installation, in its own folder."""

from __future__ import annotations

import os
import secrets
import shutil
import string
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pkcs11 import TokenFlag
from pkcs11.exceptions import PKCS11Error

from sealring_hsm.ceremony import Officers, make_roots
from sealring_hsm.config import HsmConfig, read_pin
from sealring_hsm.device import Device
from sealring_hsm.errors import named, translated
from sealring_hsm.material import Guard
from sealring_hsm.module import Module, Setup, acquire, release
from sealring_hsm.roots import DOMAINS, newest_of
from sealring_hsm.token_folder import OURS
from sealring_plugin import ConfigInvalid, RootName

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",  # Debian, Ubuntu
    "/usr/lib64/softhsm/libsofthsm.so",  # RHEL, Fedora, as the package says
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",  # from source; Homebrew on Intel
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",  # Homebrew on Apple silicon
)
PIN_CHARACTERS = 32  # of 62: 190 bits
OPEN_TIMEOUT_S = 30.0
FIRST_ROOTS = tuple(RootName(domain, 1) for domain in DOMAINS)

_CONF = f"""\
{OURS} read through SOFTHSM2_CONF.
directories.tokendir = {{tokens}}
objectstore.backend = file
log.level = ERROR
slots.removable = false
"""


def find_module() -> Path | None:
    """Return the path of SoftHSM's module, or None if it is not installed."""
    return next((Path(path) for path in MODULES if Path(path).exists()), None)


def initialise(config: HsmConfig) -> str:
    """Make conf_file, token, PINs and roots, or check existing ones. Raises ProviderError; never replaces anything.

    The token is made in a temporary folder, which is renamed when the roots are on it. So an interrupted set-up starts
    again, and a token in the final folder without a root has lost it.
    """
    tokens = tokens_folder(config)
    if tokens.exists():
        return _check_existing(config)
    if not so_pin_file(config).exists():
        write_pin(so_pin_file(config))
    make_token(config, read_pin(so_pin_file(config), "so-pin"), with_root=True)
    return (
        f"token {tokens}, {_listed(config, FIRST_ROOTS)}; back up the token and {config.pin_file}: without them every "
        f"managed key is lost. Move {so_pin_file(config)} to another place: only ceremonies need it"
    )


def make_token(config: HsmConfig, so_pin: str, *, with_root: bool) -> Path:
    """Make a token, and return its folder. Raises ConfigInvalid if there is one, or was one."""
    tokens = tokens_folder(config)
    if tokens.exists():
        raise ConfigInvalid(f"{tokens} already exists; a token is never replaced")
    if conf_file(config).exists():
        raise ConfigInvalid(f"{tokens} is missing, but {conf_file(config)} exists; restore it from its backup")
    if not config.pin_file.exists():
        write_pin(config.pin_file)
    officers = Officers(read_pin(config.pin_file), so_pin)
    draft = tokens.with_name(f"{tokens.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    with _loaded(config, draft) as module:
        _init_token(module, config, officers)
        if with_root:
            make_roots(module, config, FIRST_ROOTS, officers, (Guard.TRUSTED,))
    draft.rename(tokens)
    write_conf(conf_file(config), tokens)
    return tokens


def conf_file(config: HsmConfig) -> Path:
    """Return the conf_file of the settings. Raises ConfigInvalid if it is not set."""
    if config.conf_file is None:
        raise ConfigInvalid("conf_file is missing: without it only the tools of your HSM can make a token")
    return config.conf_file


def tokens_folder(config: HsmConfig) -> Path:
    """Return the folder of the tokens, which is beside conf_file."""
    return conf_file(config).absolute().with_name("tokens")


def so_pin_file(config: HsmConfig) -> Path:
    return config.pin_file.with_name("so-pin")


def write_pin(path: Path) -> None:
    """Write a random PIN to a new file that only its owner can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pin = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PIN_CHARACTERS))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(pin + "\n")
        file.flush()
        os.fsync(file.fileno())


def write_conf(path: Path, tokens: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(_CONF.format(tokens=tokens), encoding="utf-8")


def _check_existing(config: HsmConfig) -> str:
    if not conf_file(config).exists():  # interrupted after the token was renamed
        write_conf(conf_file(config), tokens_folder(config))
    device = Device(config)
    try:
        found = device.use(lambda opened, _client: opened, time.monotonic() + OPEN_TIMEOUT_S)
    finally:
        device.close()
    newest = [newest_of(found.roots, domain) for domain in DOMAINS]
    return f"token {tokens_folder(config)}, {_listed(config, newest)} (kept as they are)"


def _listed(config: HsmConfig, names: Sequence[RootName]) -> str:
    return "root keys " + ", ".join(f"{config.domain_of(name.domain)}/{name.epoch}" for name in names)


@contextmanager
def _loaded(config: HsmConfig, tokens: Path) -> Iterator[Module]:
    """Load the module with a new folder of tokens, and yield it."""
    tokens.mkdir(mode=0o700, parents=True)
    conf = tokens / "softhsm2.conf"
    write_conf(conf, tokens)
    module = acquire(Setup.of(replace(config, conf_file=conf)))
    try:
        with module.alone(time.monotonic() + OPEN_TIMEOUT_S):
            module.start()
            yield module
    except PKCS11Error as error:
        raise translated(named(error)) from error
    finally:
        release(module)
    conf.unlink()


def _init_token(module: Module, config: HsmConfig, officers: Officers) -> None:
    free = [slot for slot in module.slots() if not slot.get_token().flags & TokenFlag.TOKEN_INITIALIZED]
    if not free:
        raise ConfigInvalid("the module has no slot with an uninitialised token; is it SoftHSM?")
    module.cryptoki.init_token(free[0].slot_id, officers.so_pin or "", config.token_label)
    module.stop()
    module.start()  # SoftHSM gives the token a slot of its own
    token = module.token(config.token_label)
    session = token.open(rw=True, so_pin=officers.so_pin)
    session.init_pin(officers.user_pin)
    session.close()
