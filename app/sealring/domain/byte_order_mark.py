"""The byte order mark that some editors put before a text; our readers refuse it."""

from __future__ import annotations

import codecs

WHAT_TO_DO = "begins with a byte order mark; save it as UTF-8 without BOM"

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_marked(raw: bytes) -> bool:
    """Whether a file begins with a byte order mark of UTF-8 or UTF-16."""
    return raw.startswith(_MARKS)
