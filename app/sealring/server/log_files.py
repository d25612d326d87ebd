"""Reopening of gunicorn's log files, which changes nothing if one of them cannot be opened.

gunicorn closes a file before it reopens it. If that fails, each later message raises, and the master ends.
"""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import loggers

from sealring.errors import SettingsInvalid


def require_writable(cfg: Any) -> None:
    """Raises SettingsInvalid if the log files of this configuration cannot be opened."""
    try:
        _try(*(each for each in (cfg.errorlog, cfg.accesslog) if each not in {None, "-"}))
    except OSError as error:
        raise SettingsInvalid(f"gunicorn's errorlog or accesslog cannot be opened ({error.strerror})") from error


def reopen(log: Any) -> None:
    """Reopen all log files. Raises OSError if one cannot be opened; all then stay as they are."""
    _try(
        *(
            each.baseFilename
            for logger in loggers()
            for each in logger.handlers
            if isinstance(each, logging.FileHandler)
        )
    )
    if log.cfg.capture_output and log.cfg.errorlog != "-":
        _try(log.cfg.errorlog)
    log.reopen_files()


def _try(*paths: str) -> None:
    for path in paths:
        with open(path, "ab"):  # noqa: PTH123  as logging does
            pass
