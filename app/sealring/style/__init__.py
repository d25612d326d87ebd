"""The style that the portal, the description of the API and the pages of errors share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def base_style() -> str:
    return (files("sealring.style") / "base.css").read_text("utf-8")
