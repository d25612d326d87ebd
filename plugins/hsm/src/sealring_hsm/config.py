"""The settings of the hsm provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, read_private

DEFAULT_SESSION_LIMIT = 16  # the smallest limit of the devices that we know (YubiHSM 2)

# PKCS #11 v3.0 section 2.14. Only the first is the same in all modules: 0x210A is KWP in SoftHSM, but not in NSS.
WRAP_MECHANISMS = {"aes-key-wrap": 0x2109, "aes-key-wrap-pad": 0x210A, "aes-key-wrap-kwp": 0x210B}

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class IvMode(StrEnum):
    """Who makes the nonce of AES-GCM: we do; the token, which writes it to `pIv`; or the token, which appends it."""

    CALLER = "caller"
    PARAM = "param"
    APPENDED = "appended"


class Locking(StrEnum):
    """How many calls a process makes at once. `lock`: one. `os`: one per session; the module must be thread-safe."""

    LOCK = "lock"
    OS = "os"


FIELDS = (
    ConfigField("module", Path, "the PKCS#11 module, e.g. /usr/lib/softhsm/libsofthsm2.so", required=True),
    ConfigField("token_label", str, "the label of the token", default="sealring"),
    ConfigField("pin_file", Path, "a file with the user PIN, readable only by its owner", required=True),
    ConfigField("conf_file", Path, "the file for SOFTHSM2_CONF; only for SoftHSM"),
    ConfigField("wrap_mechanism", str, "how the root wraps keys: " + " | ".join(WRAP_MECHANISMS), "aes-key-wrap"),
    ConfigField("iv_mode", str, "who makes nonces: caller | param | appended", default="caller"),
    ConfigField("locking", str, "lock (one call at a time) | os (the module locks for itself)", default="lock"),
    ConfigField("session_limit", int, "sessions that a process may open if locking is os", DEFAULT_SESSION_LIMIT),
    ConfigField("init_string", str, "the argument for C_Initialize, if the module needs one"),
    ConfigField("root_domain", str, "the first part of the names of the root keys to use", default="default"),
    ConfigField("allow_unguarded", bool, "run even if the token does not enforce the export guard", default=False),
)


@dataclass(frozen=True, slots=True)
class HsmConfig:
    """Checked settings."""

    module: Path
    pin_file: Path
    token_label: str = "sealring"  # noqa: S105  a label
    conf_file: Path | None = None
    wrap_mechanism: str = "aes-key-wrap"
    iv_mode: IvMode = IvMode.CALLER
    locking: Locking = Locking.LOCK
    session_limit: int = DEFAULT_SESSION_LIMIT
    init_string: str = ""
    root_domain: str = "default"
    allow_unguarded: bool = False

    @classmethod
    def of(cls, config: Mapping[str, ConfigValue]) -> Self:
        """Raises ConfigInvalid, which names the field."""
        made = cls(**dict(config))  # type: ignore[arg-type]  # the types were checked by the spec
        _require(made.wrap_mechanism in WRAP_MECHANISMS, "wrap_mechanism", " | ".join(WRAP_MECHANISMS))
        _require(made.iv_mode in tuple(IvMode), "iv_mode", "caller | param | appended")
        _require(made.locking in tuple(Locking), "locking", "lock | os")
        _require(made.session_limit >= 2, "session_limit", "2 or more: one is for the login")
        _require(_DOMAIN.fullmatch(made.root_domain) is not None, "root_domain", "1-63 of [a-z0-9_-]")
        _require(1 <= len(made.token_label.encode()) <= 32, "token_label", "1-32 bytes")  # CK_TOKEN_INFO.label
        return made

    def domain_of(self, domain: str) -> str:
        """Return the domain's name on the token, which may have the roots of several installations."""
        return f"{self.root_domain}-{domain}"

    @property
    def wrap_code(self) -> int:
        return WRAP_MECHANISMS[self.wrap_mechanism]


def read_pin(path: Path, field: str = "pin_file") -> str:
    """Return a PIN. Raises ConfigInvalid if the file is missing, readable by others, or empty."""
    try:
        pin = read_private(path, field).decode().strip()
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{field} {path} is not text") from None
    if not pin:
        raise ConfigInvalid(f"{field} {path} is empty")
    return pin


def _require(fulfilled: bool, field: str, allowed: str) -> None:  # noqa: FBT001
    if not fulfilled:
        raise ConfigInvalid(f"{field} must be {allowed}")
