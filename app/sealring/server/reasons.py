"""Why something of the master failed, in words for the log."""

from __future__ import annotations

import os
import tempfile

from sealring.errors import SettingsInvalid


def why(error: BaseException) -> str:
    """Describe an exception; the text of an unknown one may quote a secret."""
    if isinstance(error, SettingsInvalid):
        return str(error)
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return os.strerror(error.errno)
    return f"{type(error).__name__} was raised"


def why_no_worker(error: BaseException, heartbeats: str | None) -> str:
    """Describe why a worker could not be started. `heartbeats` is the folder of its heartbeat file."""
    try:
        tempfile.TemporaryFile(dir=heartbeats).close()
    except OSError as failure:
        folder = heartbeats or "the folder of temporary files"
        return f"no file can be made in {folder} (gunicorn's worker_tmp_dir): {why(failure)}"
    return why(error)
