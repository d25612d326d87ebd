"""Strict decoding of the words of a store's URL; no message quotes them, since any may be part of a password."""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import unquote

from sealring.errors import SettingsInvalid

ENCODED = "; in user, password and options, percent-encode characters that have a meaning in URLs"

_PRINTABLE = re.compile(r"[!-~]*")
_BROKEN_CODE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def refuse(wrong: str) -> NoReturn:
    """Raises SettingsInvalid, without its cause: that may quote the password."""
    raise SettingsInvalid(f"store.url{wrong}") from None


def check_characters(text: str) -> None:
    """Raises SettingsInvalid for characters that some URL parsers cut off or leave out."""
    if not _PRINTABLE.fullmatch(text):
        refuse(f" contains a blank, a control character or a character outside ASCII{ENCODED}")
    if "#" in text:
        refuse(f" contains a #{ENCODED}")
    if _BROKEN_CODE.search(text):
        refuse(f" contains a % that begins no code{ENCODED}")


def decoded(word: str) -> str:
    """Raises SettingsInvalid if its percent codes are not UTF-8."""
    try:
        return unquote(word, errors="strict")
    except UnicodeDecodeError:
        refuse(f" contains a % that begins no code{ENCODED}")
