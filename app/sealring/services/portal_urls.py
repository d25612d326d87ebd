"""The URLs that the portal may lead to: read so strictly that every browser reads the same host in them."""

from __future__ import annotations

import re
from collections.abc import Collection

MAX_URL_CHARACTERS = 2_000

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_AUTHORITY = rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[::1\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"  # RFC 3986, pchar
_AFTER_PATH = rf"(?:\?(?:{_CHARACTER}|[/?])*)?(?:#(?:{_CHARACTER}|[/?])*)?"

_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_AUTHORITY}")
_URL = re.compile(rf"{_ORIGIN.pattern}(?:/{_CHARACTER}+)*/?{_AFTER_PATH}")


def is_host(text: str) -> bool:
    """Whether a text is a host in lower case, with or without a port: `app.example.com`, `localhost:3000`."""
    found = _HOST.fullmatch(text)
    return found is not None and _is_port(found)


def is_origin(text: str) -> bool:
    """Whether a text is `https://` and a host; or `http://` and this machine."""
    found = _ORIGIN.fullmatch(text)
    return found is not None and _is_safe(found)


def leads_to(url: str, hosts: Collection[str]) -> bool:
    """Whether a URL is of one of these hosts, over https; over http only on this machine.

    A port counts: one that is not named with its host is refused, also the usual one.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARACTERS else None
    return found is not None and _is_safe(found) and _authority(found) in hosts


def _authority(found: re.Match[str]) -> str:
    return found["host"] if found["port"] is None else f"{found['host']}:{found['port']}"


def _is_safe(found: re.Match[str]) -> bool:
    return _is_port(found) and (found["scheme"] == "https" or found["host"] in LOOPBACK)


def _is_port(found: re.Match[str]) -> bool:
    return int(found["port"] or 1) <= 65_535
