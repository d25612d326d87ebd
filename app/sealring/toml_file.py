"""Reading of the file of the settings, as a table."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

from sealring.domain.byte_order_mark import WHAT_TO_DO, is_marked
from sealring.errors import SettingsInvalid
from sealring.table import Table


def read_file(path: Path) -> Table:
    """Read the settings. Raises SettingsInvalid with one line that names the place and the fix, and quotes nothing."""
    try:
        raw = path.read_bytes()
        if path.stat().st_mode & stat.S_IWOTH:
            raise SettingsInvalid(f"{path} can be written by every user, who could name a store; run: chmod o-w {path}")
        if is_marked(raw):
            raise SettingsInvalid(f"{path} {WHAT_TO_DO}")
        members = tomllib.loads(raw.decode())
        _refuse_nul("", members)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read ({error.strerror}); make one with `sealring init`") from error
    except ValueError as error:  # TOMLDecodeError and bad UTF-8; the text may quote a secret
        raise SettingsInvalid(f"{path} is not valid TOML{_place(error)}") from None
    except RecursionError:
        raise SettingsInvalid(f"{path} is not valid TOML: it is nested too deeply") from None
    return Table("", members)


def _refuse_nul(name: str, value: object) -> None:
    """Refuse NUL here: no setting needs it, and each use of a path with a NUL would raise."""
    if isinstance(value, str) and "\0" in value:
        table, _, member = name.rpartition(".")
        Table(f"[{table}]" if table else "", {}).refuse(member, "has a NUL in it")
    if isinstance(value, dict):
        for member, each in value.items():
            _refuse_nul(f"{name}.{member}" if name else member, each)
    if isinstance(value, list):
        for each in value:
            _refuse_nul(name, each)


def _place(error: ValueError) -> str:
    """Return the "(at line 3, column 7)" of a TOMLDecodeError, without the rest of its text."""
    _, found, place = str(error).rpartition("(at ")
    return f" (at {place}" if found and isinstance(error, tomllib.TOMLDecodeError) else ""
