"""SoftHSM's folder of tokens: whether it is missing, which the module does not say, and whether it was moved."""

from __future__ import annotations

import re
from pathlib import Path

from sealring_plugin import ConfigInvalid

OURS = "# Written by sealring;"  # how a configuration begins that is not the operator's own

_TOKENDIR = re.compile(r"^\s*directories\.tokendir\s*=\s*(.+?)\s*$", re.MULTILINE)  # softhsm2.conf(5)


def missing_folder(conf_file: Path | None) -> Path | None:
    """Return the folder that a configuration of SoftHSM names, if it is missing; None otherwise."""
    if conf_file is None:
        return None
    try:
        named = _TOKENDIR.search(conf_file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    folder = Path(named[1]) if named else None
    return folder if folder is not None and not folder.is_dir() else None


def follow_move(conf_file: Path) -> None:
    """Let a configuration of ours name the folder `tokens` beside it, if both were moved to where they are.

    SoftHSM takes only an absolute path. Nothing changes while the folder that it names exists. Raises ConfigInvalid.
    """
    named, beside = missing_folder(conf_file), conf_file.absolute().with_name("tokens")
    if named is None or not beside.is_dir():
        return
    text = conf_file.read_text(encoding="utf-8", errors="surrogateescape")
    if not text.startswith(OURS):
        return
    draft = conf_file.with_name(f".{conf_file.name}.new")
    try:
        draft.write_text(text.replace(str(named), str(beside)), encoding="utf-8", errors="surrogateescape")
        draft.replace(conf_file)
    except OSError as error:
        raise ConfigInvalid(
            f"conf_file {conf_file} names {named}, but the tokens are in {beside}; it cannot be written "
            f"({error.strerror}): change directories.tokendir in it"
        ) from error
