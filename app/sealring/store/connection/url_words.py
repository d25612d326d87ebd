"""Words of a store's URL: decoded strictly, and refused without being quoted, since any may be part of a password."""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import unquote

from sealring.errors import SettingsInvalid

ENCODED = "; in a user, a password and an option, what means something in a URL is percent-encoded"

_PRINTABLE = re.compile(r"[!-~]*")
_BROKEN_CODE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def refuse(wrong: str) -> NoReturn:
    """Raises SettingsInvalid. What it was made of is left behind: it may quote the password."""
    raise SettingsInvalid(f"store.url{wrong}") from None


def check_characters(text: str) -> None:
    """Raises SettingsInvalid for what one reader of URLs or another cuts off or leaves out."""
    if not _PRINTABLE.fullmatch(text):
        refuse(f" has a blank, a control character or a letter beyond ASCII in it{ENCODED}")
    if "#" in text:
        refuse(f" has a # in it{ENCODED}")
    if _BROKEN_CODE.search(text):
        refuse(f" has a % in it that begins no code{ENCODED}")


def decoded(word: str) -> str:
    """Raises SettingsInvalid if the codes in it are no UTF-8."""
    try:
        return unquote(word, errors="strict")
    except UnicodeDecodeError:
        refuse(f" has a % in it that begins no code{ENCODED}")
