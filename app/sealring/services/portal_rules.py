"""The settings of the portal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sealring.domain.portal import MAX_SESSION_S
from sealring.services.portal_urls import is_host, is_origin
from sealring.table import Table

_MEMBERS = ("enabled", "url", "link_ttl_s", "session_ttl_s", "return_hosts", "name", "logo", "color")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_MAX_NAME_CHARACTERS = 60
_MAX_LINK_S = 86_400


@dataclass(frozen=True, slots=True)
class Look:
    """How the pages show the operator."""

    name: str = "sealring"
    logo: Path | None = None  # a PNG or SVG; not read here
    color: str | None = None  # "#" and six hexadecimal digits


@dataclass(frozen=True, slots=True)
class PortalRules:
    """How the portal is reached, and for how long. `parse` checks them; nothing checks them again."""

    url: str  # of the pages' host, without a path
    link_ttl_s: int = 300
    session_ttl_s: int = 3_600
    return_hosts: frozenset[str] = frozenset()
    look: Look = field(default_factory=Look)

    @classmethod
    def parse(cls, table: Table, base: Path) -> Self | None:
        """Check the table of the settings; None: there is no portal.

            enabled = true                      # default: false
            url = "https://keys.example.com"    # where the pages are; http only on this machine
            link_ttl_s = 300                    # the rest is optional
            session_ttl_s = 3600
            return_hosts = ["app.example.com"]  # where pages may lead back to; none by default
            name = "Example"                    # the operator, as the pages name it
            logo = "logo.svg"                   # or a PNG
            color = "#0a4f8c"

        Raises SettingsInvalid.
        """
        table.only(*_MEMBERS)
        enabled = table.flag("enabled")
        rules = cls(
            url=_url(table) if enabled or "url" in table.members else "",
            link_ttl_s=table.number("link_ttl_s", 300, least=60, most=_MAX_LINK_S),
            session_ttl_s=table.number("session_ttl_s", 3_600, least=300, most=MAX_SESSION_S),
            return_hosts=_return_hosts(table),
            look=_look(table, base),
        )
        return rules if enabled else None


def _url(table: Table) -> str:
    url = table.text("url")
    if not is_origin(url):
        table.refuse("url", "must be https:// and a host in lower case, without a path; http:// only for localhost")
    return url


def _return_hosts(table: Table) -> frozenset[str]:
    hosts = table.texts("return_hosts", [])
    if not all(map(is_host, hosts)):
        table.refuse("return_hosts", "must be hosts in lower case, each with its port if it is not the usual one")
    return frozenset(hosts)


def _look(table: Table, base: Path) -> Look:
    name = table.printable("name", Look().name)
    if len(name) > _MAX_NAME_CHARACTERS:
        table.refuse("name", f"must have at most {_MAX_NAME_CHARACTERS} characters")
    return Look(name, _logo(table, base), _color(table))


def _logo(table: Table, base: Path) -> Path | None:
    if "logo" not in table.members:
        return None
    path = base / table.printable("logo")
    if path.suffix.lower() not in {".png", ".svg"}:
        table.refuse("logo", "must be a file .png or .svg")
    return path


def _color(table: Table) -> str | None:
    color = table.text("color") if "color" in table.members else None
    if color is not None and not _COLOR.fullmatch(color):
        table.refuse("color", "must be '#' and six hexadecimal digits, such as '#0a4f8c'")
    return color
