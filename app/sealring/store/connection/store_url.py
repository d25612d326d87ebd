"""Strict parsing of a store's URL: anything ambiguous is refused, in a line that quotes nothing of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Self

from sealring.store.connection.url_options import check_together, option, parse_options
from sealring.store.connection.url_words import ENCODED, check_characters, decoded, refuse

SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its NUL: unix(7); macOS sys/un.h

_SEVERAL = ("cluster", "sentinel")  # these may name more than one host
_SCHEMES = ("redis", "rediss", "unix", *_SEVERAL)

Place = tuple[str, int | None]  # a host, and its port if the URL has one

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%25[\w.-]+)?)\]|([\w.~-]{1,253}))(?::([^:]*))?", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT = 65_535
_CREDENTIALS: Sequence[str] = ("username", "password")


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """`scheme://user:password@host:port,host:port/path?option=value`, decoded.

    `path` is that of a socket, or the name of a primary; a database is in `options`.
    """

    scheme: str
    credentials: Mapping[str, str] = field(repr=False)  # username, password: those in the URL
    hosts: tuple[Place, ...]
    path: str
    tls: bool
    options: Mapping[str, object] = field(repr=False)  # redis-py's, in their types

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises SettingsInvalid."""
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in _SCHEMES:
            refuse(" must begin with redis://, rediss://, unix://, sentinel:// or cluster://")
        check_characters(rest)
        place, _, query = rest.partition("?")
        authority, _, path = place.partition("/")
        userinfo, at, hosts = authority.rpartition("@")
        credentials = _credentials(userinfo) if at else {}
        places = _no_host(hosts) if scheme == "unix" else _hosts(hosts, scheme)
        options = parse_options(query, scheme)
        tls = options.pop("tls", scheme == "rediss") is True
        check_together(options, tls=tls)
        credentials = _said_once(credentials, options)
        return cls(scheme, credentials, places, _path(scheme, path, options), tls, options)


def _credentials(userinfo: str) -> Mapping[str, str]:
    user, colon, password = userinfo.partition(":")
    if not colon:
        refuse(" has a user without a password; write :password@ for only a password, user:@ for a user without one")
    return {"username": decoded(user), "password": decoded(password)} if user else {"password": decoded(password)}


def _said_once(credentials: Mapping[str, str], options: dict[str, object]) -> Mapping[str, str]:
    """Take user and password out of the options: a socket's URL may have them there."""
    told: Mapping[str, str] = {name: str(options.pop(name)) for name in _CREDENTIALS if name in options}
    if told and credentials:
        refuse(" says user and password twice")
    return told or credentials


def _hosts(text: str, scheme: str) -> tuple[Place, ...]:
    hosts = text.split(",")
    if not all(hosts):
        refuse(" lacks a host")
    if len(hosts) > 1 and scheme not in _SEVERAL:
        refuse(" names several hosts; only cluster:// and sentinel:// may")
    return tuple(map(_place, hosts))


def _place(text: str) -> Place:
    found = _HOST.fullmatch(text)
    if found is None:
        refuse(f" has a host that cannot be read{ENCODED}")
    address, name, port = found.groups()
    if port is not None and not (_PORT.fullmatch(port) and int(port) <= _MAX_PORT):
        refuse(f" has a port that is not a number from 1 to {_MAX_PORT}{ENCODED}")
    return decoded(address or name), int(port) if port else None


def _no_host(text: str) -> tuple[Place, ...]:
    if text:  # unix://run/valkey.sock: its first part would be parsed as a host, and lost
        _refuse_socket()
    return ()


def _path(scheme: str, text: str, options: dict[str, object]) -> str:
    """Return the name of the primary or the path of the socket; otherwise, the path is a database, and an option."""
    if scheme == "sentinel":
        return _primary(text)
    if scheme == "unix":
        return _socket(text)
    if text:
        if "db" in options:
            refuse(" says the database twice")
        options["db"] = option("db", text)
    return ""


def _primary(text: str) -> str:
    if not text:
        refuse(" needs the name of the primary, as in sentinel://host:26379/name")
    if "/" in text or "@" in text:  # an @ here follows a password with a slash
        refuse(" has more than the name of the primary in its path; a database is an option: ?db=2")
    return decoded(text)


def _socket(text: str) -> str:
    if not text:
        _refuse_socket()
    path = f"/{decoded(text)}"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        refuse(" names a socket whose path is longer than the system allows")
    return path


def _refuse_socket() -> NoReturn:
    refuse(" must name a socket by its absolute path, as in unix:///run/valkey/valkey.sock")
