"""The TLS files for the store, checked before anything is served: redis-py reads them at each connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from sealring.store.connection.url_words import refuse
from sealring_plugin import ConfigInvalid, read_private, read_shared

_KEY = b"PRIVATE KEY-----"


def check_tls(options: Mapping[str, object]) -> None:
    """Raises SettingsInvalid if a file is missing or not PEM, or if a key is readable by others or does not match."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    texts = {name: value for name, value in options.items() if isinstance(value, str)}
    if "ssl_ca_certs" in texts:
        _check_authorities(context, Path(texts["ssl_ca_certs"]))
    if "ssl_ca_path" in texts and not Path(texts["ssl_ca_path"]).is_dir():
        refuse(f": ssl_ca_path {texts['ssl_ca_path']} is not a folder")
    if "ssl_certfile" in texts or "ssl_keyfile" in texts:
        _check_pair(context, texts)
    if "ssl_ciphers" in texts:
        _check_ciphers(context, texts["ssl_ciphers"])


def _check_authorities(context: ssl.SSLContext, path: Path) -> None:
    """Read by OpenSSL, because a bundle may have any size."""
    if path.exists() and not path.is_file():
        refuse(f": ssl_ca_certs {path} cannot be read (not a regular file)")
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        refuse(f": ssl_ca_certs {path} holds no certificate in PEM")
    except OSError as error:
        refuse(f": ssl_ca_certs {path} cannot be read ({error.strerror})")


def _check_pair(context: ssl.SSLContext, texts: Mapping[str, str]) -> None:
    if "ssl_certfile" not in texts:
        refuse(": ssl_keyfile is set without ssl_certfile")
    holder = "ssl_keyfile" if "ssl_keyfile" in texts else "ssl_certfile"
    try:
        _check_private(Path(texts["ssl_certfile"]), "ssl_certfile")
        read_private(Path(texts[holder]), holder)
    except ConfigInvalid as wrong:
        refuse(f": {wrong}")
    asked: list[bool] = []

    def password() -> str:  # without it, OpenSSL asks the terminal
        asked.append(True)
        return texts.get("ssl_password", "")

    try:
        context.load_cert_chain(texts["ssl_certfile"], texts.get("ssl_keyfile"), password)
    except (ssl.SSLError, ValueError):  # ValueError: a password that is too long
        if asked:
            refuse(f": {holder} needs another ssl_password")
        refuse(
            ": ssl_certfile cannot be read as a certificate and its key: check that both are PEM and belong together"
        )


def _check_private(certificate: Path, field: str) -> None:
    """Raises ConfigInvalid if the file is missing, or if it holds a key and others can read it."""
    if _KEY in read_shared(certificate, field):
        read_private(certificate, field)


def _check_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        refuse(": ssl_ciphers names no cipher that OpenSSL knows")
