"""A check of SoftHSM's folder of tokens, because the module does not say that it is missing."""

from __future__ import annotations

import re
from pathlib import Path

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
