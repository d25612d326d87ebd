"""Why something of the master failed, in words for the log."""

from __future__ import annotations

import os

from sealring.errors import SettingsInvalid


def why(error: BaseException) -> str:
    """Describe an exception; the text of an unknown one may quote a secret."""
    if isinstance(error, SettingsInvalid):
        return str(error)
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return os.strerror(error.errno)
    return f"{type(error).__name__} was raised"
