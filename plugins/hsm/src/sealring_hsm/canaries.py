"""Storage of canaries: data objects on the token or, if it supports none, files beside pin_file."""

from __future__ import annotations

import os
from pathlib import Path

from pkcs11 import Attribute, ObjectClass
from pkcs11.exceptions import (
    AttributeTypeInvalid,
    AttributeValueInvalid,
    FunctionNotSupported,
    TemplateIncomplete,
    TemplateInconsistent,
)
from pkcs11.types import Session

APPLICATION = "sealring-hsm"

_PREFIX = "sealring/root/"
_NO_DATA_OBJECTS = (
    AttributeTypeInvalid,
    AttributeValueInvalid,  # NSS
    FunctionNotSupported,
    TemplateIncomplete,
    TemplateInconsistent,
)


def label_of(domain: str, epoch: int) -> str:
    """Return the label of a root, and of its canary."""
    return f"{_PREFIX}{domain}/{epoch}"


def find_canaries(session: Session, domain: str, folder: Path) -> dict[int, bytes]:
    """Return the canaries of a domain by epoch."""
    return {**_in_files(domain, folder), **_on_token(session, domain)}


def keep_canary(session: Session, domain: str, epoch: int, canary: bytes, folder: Path) -> None:
    attributes = {
        Attribute.CLASS: ObjectClass.DATA,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.MODIFIABLE: False,
        Attribute.APPLICATION: APPLICATION,
        Attribute.LABEL: label_of(domain, epoch),
        Attribute.VALUE: canary,
    }
    try:
        session.create_object(attributes)
    except _NO_DATA_OBJECTS:
        _write(folder / f"{_file_prefix(domain)}{epoch}", canary)


def _on_token(session: Session, domain: str) -> dict[int, bytes]:
    found = list(session.get_objects({Attribute.CLASS: ObjectClass.DATA, Attribute.APPLICATION: APPLICATION}))
    named = {str(canary[Attribute.LABEL]): bytes(canary[Attribute.VALUE]) for canary in found}
    return _by_epoch(named, f"{_PREFIX}{domain}/")


def _in_files(domain: str, folder: Path) -> dict[int, bytes]:
    prefix = _file_prefix(domain)
    return _by_epoch({path.name: path.read_bytes() for path in folder.glob(f"{prefix}*")}, prefix)


def _by_epoch(named: dict[str, bytes], prefix: str) -> dict[int, bytes]:
    epochs = {name: name.removeprefix(prefix) for name in named if name.startswith(prefix)}
    return {int(epoch): named[name] for name, epoch in epochs.items() if epoch.isdecimal()}


def _file_prefix(domain: str) -> str:
    return f"canary.{domain}."


def _write(path: Path, canary: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(canary)
        file.flush()
        os.fsync(file.fileno())
