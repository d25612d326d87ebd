"""The look of the pages: the operator's name, logo and color, checked once at start."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self
from xml.etree import ElementTree as ET

from sealring.errors import SettingsInvalid
from sealring.services.portal_rules import Look
from sealring.style import base_style

COLOR = "#0b5c86"
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
MAX_LOGO_BYTES = 256 << 10

_DARK = "#11161c"  # the page of style/base.css
_PNG = b"\x89PNG\r\n\x1a\n"
_DECLARATION = re.compile(rb"<!\s*(?:doctype|entity)", re.IGNORECASE)
_ACTIVE = {"script", "foreignObject", "iframe", "animate", "set", "animateTransform", "animateMotion", "handler", "a"}

_STATIC = files("sealring.portal") / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load."""

    body: bytes
    content_type: str

    @property
    def version(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Theme:
    """What all pages share. `logo` is None if there is none."""

    name: str
    style: Asset
    script: Asset
    icon: Asset
    logo: Asset | None

    @classmethod
    def of(cls, look: Look) -> Self:
        """Raises SettingsInvalid."""
        own = _STATIC.joinpath("style.css").read_text("utf-8")
        style = f"{base_style()}{_colors(look.color or COLOR)}{own}".encode()
        return cls(
            name=look.name,
            style=Asset(style, "text/css; charset=utf-8"),
            script=Asset(_STATIC.joinpath("script.js").read_bytes(), "text/javascript; charset=utf-8"),
            icon=Asset(_STATIC.joinpath("icon.svg").read_bytes(), "image/svg+xml"),
            logo=None if look.logo is None else _logo(look.logo),
        )


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast of two colors `#rrggbb` (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colors(color: str) -> str:
    """Return the rules of the accent: on it stands white text; on a dark page, it is lightened until it is legible."""
    found = contrast(color, "#ffffff")
    if found < LEAST_CONTRAST:
        raise SettingsInvalid(
            f"[portal] color {color} has a contrast of {found:.1f} to white, and text needs {LEAST_CONTRAST}; "
            f"choose a darker one, such as {_mixed_until(color, '#000000', '#ffffff')}"
        )
    return f":root{{--accent:{color};--accent-dark:{_mixed_until(color, '#ffffff', _DARK)}}}\n"


def _mixed_until(color: str, into: str, against: str) -> str:
    """Return the color, mixed with so much of `into` that its contrast is enough."""
    mixes = (_mixed(color, into, step / 50) for step in range(51))
    return next((each for each in mixes if contrast(each, against) >= LEAST_CONTRAST), into)


def _mixed(color: str, into: str, share: float) -> str:
    pairs = ((int(color[at : at + 2], 16), int(into[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in pairs)


def _logo(path: Path) -> Asset:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"[portal] logo {path} cannot be read ({error.strerror})") from error
    if len(raw) > MAX_LOGO_BYTES:
        raise SettingsInvalid(f"[portal] logo {path} is over {MAX_LOGO_BYTES >> 10} KiB; make it smaller")
    if path.suffix.lower() == ".png":
        if not raw.startswith(_PNG):
            raise SettingsInvalid(f"[portal] logo {path} is no PNG; convert it, or name a file .svg")
        return Asset(raw, "image/png")
    _check_svg(path, raw)
    return Asset(raw, "image/svg+xml")


def _check_svg(path: Path, raw: bytes) -> None:
    """Raises SettingsInvalid for an SVG that does more than draw: browsers forbid that too, since it is an image."""
    if _DECLARATION.search(raw):
        raise SettingsInvalid(f"[portal] logo {path} has a DOCTYPE or an entity; remove it, e.g. with svgo")
    try:
        root = ET.fromstring(raw)  # noqa: S314  without declarations, nothing expands
    except ET.ParseError as error:
        raise SettingsInvalid(f"[portal] logo {path} is no SVG: it is not well-formed XML") from error
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise SettingsInvalid(f"[portal] logo {path} is no SVG")
    for element in root.iter():
        if reason := _more_than_drawing(element):
            raise SettingsInvalid(f"[portal] logo {path} has {reason}; remove it, e.g. with svgo")


def _more_than_drawing(element: ET.Element) -> str:
    name = str(element.tag).rpartition("}")[2]
    if name in _ACTIVE:
        return f"an element {name}"
    for attribute, value in element.attrib.items():
        local = attribute.rpartition("}")[2].lower()
        if local.startswith("on"):
            return f"an attribute {local}"
        if local in {"href", "src"} and not value.strip().startswith("#"):
            return "a reference to something outside of it"
    return ""
