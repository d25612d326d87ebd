"""The options of a store's URL with their allowed values. Their names are redis-py's."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping

from sealring.store.connection.url_words import ENCODED, decoded, refuse

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WHOLE = re.compile(r"[0-9]{1,9}")
_NAME = re.compile(r"[!-~]{1,128}")
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_TLS = "ssl_"

_Options = Mapping[str, tuple[Callable[[str], object], str]]  # the parser of each, and how messages describe its values

# sealring sets these itself: they decide the form of replies and the timeouts. From a URL, `ssl_validate_ocsp` would be
# a string, for which redis-py checks nothing.
_OURS = {
    "decode_responses", "encoding", "encoding_errors", "health_check_interval", "legacy_responses", "lib_name",
    "lib_version", "max_connections", "parser_class", "protocol", "retry", "retry_on_error", "retry_on_timeout",
    "socket_connect_timeout", "socket_read_size", "socket_timeout", "socket_type", "ssl_validate_ocsp",
    "ssl_validate_ocsp_stapled", "timeout",
}  # fmt: skip


def whole_number(text: str) -> int:
    """Raises ValueError, also for what `int` accepts: signs, blanks, underscores, digits of other scripts."""
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


def _flag(text: str) -> bool:
    return _FLAGS[text.lower()]


def _client_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError
    return text


def _checks(text: str) -> str:
    return {"none": text, "optional": text, "required": text}[text]


def _verify_flags(text: str) -> list[ssl.VerifyFlags]:
    return [ssl.VerifyFlags[name.strip()] for name in text.split(",")]


_WORDS: _Options = {
    "db": (whole_number, "a whole number"),
    "username": (str, ""),
    "password": (str, ""),
    "client_name": (_client_name, "printable, without a blank"),
    "socket_keepalive": (_flag, "true or false"),
    "ssl_ca_certs": (str, ""),
    "ssl_ca_path": (str, ""),
    "ssl_certfile": (str, ""),
    "ssl_keyfile": (str, ""),
    "ssl_password": (str, ""),
    "ssl_cert_reqs": (_checks, "none, optional or required"),
    "ssl_check_hostname": (_flag, "true or false"),
    "ssl_min_version": (_VERSIONS.__getitem__, "TLSv1.2 or TLSv1.3"),
    "ssl_ciphers": (str, ""),
    "ssl_include_verify_flags": (_verify_flags, "names of ssl.VerifyFlags"),
    "ssl_exclude_verify_flags": (_verify_flags, "names of ssl.VerifyFlags"),
}
_OF_SEVERAL: _Options = {"tls": ({"true": True, "false": False}.__getitem__, "true or false")}
_OF_SENTINELS: _Options = {"sentinel_username": (str, ""), "sentinel_password": (str, "")}

_KNOWN: Mapping[str, _Options] = {
    "cluster": {**_WORDS, **_OF_SEVERAL},
    "sentinel": {**_WORDS, **_OF_SEVERAL, **_OF_SENTINELS},
}


def parse_options(query: str, scheme: str) -> dict[str, object]:
    """Return the options of a query, each once and in its type. Raises SettingsInvalid."""
    known = _KNOWN.get(scheme, _WORDS)
    options: dict[str, object] = {}
    for pair in query.split("&") if query else ():
        name, _, text = pair.partition("=")
        _check_name(name, known, scheme)
        if name in options:
            refuse(f" says {name} twice{ENCODED}")
        if "+" in text:
            refuse(" has a + in an option; write %2B for it, or %20 for a blank")
        options[name] = option(name, decoded(text), known)
    return options


def option(name: str, text: str, known: _Options = _WORDS) -> object:
    """Return the value of an option in its type. Raises SettingsInvalid."""
    read, meant = known[name]
    try:
        return read(text)
    except (KeyError, ValueError):
        refuse(f": {name} must be {meant}{ENCODED}")


def check_together(options: Mapping[str, object], *, tls: bool) -> None:
    """Raises SettingsInvalid if there are TLS options without TLS."""
    for name in options:
        if name.startswith(_TLS) and not tls:
            refuse(f" has {name} without TLS; use rediss://, or tls=true with several hosts")


def _check_name(name: str, known: _Options, scheme: str) -> None:
    if name in known:
        return
    if name in _OURS:
        refuse(f" has the option {name}, which sealring sets itself{ENCODED}")
    if name == "tls" and scheme != "unix":
        refuse(": use rediss:// for TLS with one node")
    refuse(f" has an unknown option{ENCODED}; known are: {', '.join(known)}")
