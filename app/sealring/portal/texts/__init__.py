"""The texts of the pages, from a file for each language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

ISOLATE, END = "\u2068", "\u2069"  # around a name whose direction of writing is not known (Unicode UAX 9)


class Texts:
    """A table of texts: `texts.link.title`. A name that is missing is an AttributeError, and a test's."""

    def __init__(self, table: Mapping[str, object]) -> None:
        for name, each in table.items():
            setattr(self, name, Texts(each) if isinstance(each, dict) else each)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def get(self, name: str) -> str:
        """Return the text of a name that is not ours."""
        found = vars(self).get(name, "")
        return found if isinstance(found, str) else ""

    @classmethod
    def load(cls, language: str = "en") -> Texts:
        return cls(tomllib.loads((files("sealring.portal.texts") / f"{language}.toml").read_text("utf-8")))


def isolated(name: str) -> str:
    """Return a name that leaves the words around it where they are."""
    return f"{ISOLATE}{name}{END}"
