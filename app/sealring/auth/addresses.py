"""Settings of a server to ask: its URL, the authorities to trust, and the file of the token to send."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sealring.table import Table

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_VISIBLE_ASCII = re.compile(r"[!-~]+")


def url_of(fields: Table, member: str) -> str:
    """Return an https URL, or an http one of a loopback host. Raises SettingsInvalid."""
    url = fields.printable(member)
    parts = _split(fields, member, url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        fields.refuse(member, "must begin with https:// (http:// only for a loopback host)")
    return url


def private_url_of(fields: Table, member: str) -> str:
    """Return an https URL without a query, for requests that carry a token. Raises SettingsInvalid."""
    url = fields.printable(member)
    if _split(fields, member, url).scheme != "https" or "?" in url:
        fields.refuse(member, "must begin with https:// and have no query")
    return url


def file_for(fields: Table, member: str, url_member: str, base: Path) -> Path | None:
    """Return the path of a file that is only used for an https URL; None if there is none. Raises SettingsInvalid."""
    if member not in fields.members:
        return None
    if not str(fields.members.get(url_member, "")).startswith("https://"):
        fields.refuse(member, f"needs a {url_member} that begins with https://")
    return base / fields.printable(member)


def _split(fields: Table, member: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        fields.refuse(member, "is not a URL")
    if not host or "@" in parts.netloc or "#" in url or not _VISIBLE_ASCII.fullmatch(url):
        fields.refuse(member, "must have a host, and no user, fragment or blanks")
    return parts
