"""The files of TLS to the store, looked at before anything is served: redis-py reads them at each connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from sealring.store.connection.url_words import refuse
from sealring_plugin import ConfigInvalid, read_private, read_shared

_KEY = b"PRIVATE KEY-----"


def check_tls(options: Mapping[str, object]) -> None:
    """Raises SettingsInvalid: a file that is missing or no PEM; a key that others can read, or that does not belong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    texts = {name: value for name, value in options.items() if isinstance(value, str)}
    if "ssl_ca_certs" in texts:
        _check_authorities(context, Path(texts["ssl_ca_certs"]))
    if "ssl_ca_path" in texts and not Path(texts["ssl_ca_path"]).is_dir():
        refuse(f": ssl_ca_path {texts['ssl_ca_path']} is no folder")
    if "ssl_certfile" in texts or "ssl_keyfile" in texts:
        _check_pair(context, texts)
    if "ssl_ciphers" in texts:
        _check_ciphers(context, texts["ssl_ciphers"])


def _check_authorities(context: ssl.SSLContext, path: Path) -> None:
    """A bundle may be of any size."""
    if path.exists() and not path.is_file():
        refuse(f": ssl_ca_certs {path} cannot be read (no regular file)")
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        refuse(f": ssl_ca_certs {path} holds no certificate in PEM")
    except OSError as error:
        refuse(f": ssl_ca_certs {path} cannot be read ({error.strerror})")


def _check_pair(context: ssl.SSLContext, texts: Mapping[str, str]) -> None:
    if "ssl_certfile" not in texts:
        refuse(": ssl_keyfile is there without ssl_certfile")
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
        refuse(": ssl_certfile cannot be read as a certificate and its key: is each PEM, and do they belong together?")


def _check_private(certificate: Path, field: str) -> None:
    """Raises ConfigInvalid: missing; or open to others, with a key in it."""
    if _KEY in read_shared(certificate, field):
        read_private(certificate, field)


def _check_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        refuse(": ssl_ciphers names none that OpenSSL knows")
