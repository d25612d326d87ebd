"""Which server a command talks to, and with which token."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sealring.client.failures import AccessInvalid
from sealring_plugin.errors import ConfigInvalid
from sealring_plugin.net import Endpoint

URL_VARIABLE = "SEALRING_URL"
TOKEN_VARIABLE = "SEALRING_TOKEN"  # noqa: S105  a name
TOKEN_FILE_VARIABLE = "SEALRING_TOKEN_FILE"  # noqa: S105  a name

MAX_TOKEN_BYTES = 7_993  # of an Authorization field of 8,000 bytes, without "Bearer "

_NAME = re.compile(r"[a-z0-9._-]{1,253}")
_TOKEN = re.compile(rf"[!-+\--~]{{1,{MAX_TOKEN_BYTES}}}")  # visible, and no comma: RFC 9110 makes that a list


@dataclass(frozen=True, slots=True)
class Access:
    """`token` is sent to `endpoint`, and nowhere else."""

    endpoint: Endpoint
    token: str = field(repr=False)

    @classmethod
    def of(cls, url: str, token: str, *, allow_http: bool) -> Self:
        """Raises AccessInvalid, which does not quote the URL: it may have a password in it."""
        return cls(_endpoint(url, allow_http=allow_http), _checked(token))


def find_token(file: Path | None, environment: Mapping[str, str]) -> str:
    """Return the token in `file`, if one is given; else the one that the environment has, or names a file of.

    Raises AccessInvalid.
    """
    token, named = environment.get(TOKEN_VARIABLE), environment.get(TOKEN_FILE_VARIABLE)
    if file is None and token and named:
        raise AccessInvalid(f"{TOKEN_VARIABLE} and {TOKEN_FILE_VARIABLE} are both set; unset one of them")
    if file is None and token:
        return token
    if file is None and not named:
        raise AccessInvalid(f"there is no token: set {TOKEN_FILE_VARIABLE} or {TOKEN_VARIABLE}, or give --token-file")
    return _read(file or Path(named or ""))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(2 * MAX_TOKEN_BYTES).decode("ascii").strip()
    except OSError as error:
        raise AccessInvalid(f"the file of the token cannot be read ({error.strerror})") from None
    except ValueError:  # bytes beyond ASCII; a NUL in the path
        raise AccessInvalid("the file of the token has no token in it") from None


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise AccessInvalid(
            f"the token must be 1 to {MAX_TOKEN_BYTES} visible ASCII characters without a comma, and nothing more"
        )
    return token


def _endpoint(url: str, *, allow_http: bool) -> Endpoint:
    try:
        endpoint, path = Endpoint.split(url)
    except ConfigInvalid:
        raise AccessInvalid("the URL of the server must be https://host or https://host:port") from None
    if not (_NAME.fullmatch(endpoint.host) or _address(endpoint.host)):
        raise AccessInvalid("the host in the URL of the server must be a name in ASCII, or an address")
    if path != "/":
        raise AccessInvalid("the URL of the server must have no path: a server is at the root of its host")
    if endpoint.scheme == "http" and not (allow_http or _is_loopback(endpoint.host)):
        raise AccessInvalid(
            "the URL of the server is http:// and not of this machine: all on the way could read token and values; use "
            "https://, or allow it with --allow-http if the network itself encrypts"
        )
    return endpoint


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
