"""Whom TLS trusts: the authorities of the system, and those of a file that the operator names."""

from __future__ import annotations

import ssl
from pathlib import Path

from sealring_plugin.errors import ConfigInvalid


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that checks certificates and host names, with TLS 1.2 at least (RFC 9325 section 3.1.1).

    Raises ConfigInvalid if `ca_file` cannot be read, or has no certificate in PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # create_default_context would write keys to SSLKEYLOGFILE
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 section 6.3: only names of subjectAltName count
    if ca_file is not None:
        _trust(context, ca_file)
    return context


def _trust(context: ssl.SSLContext, ca_file: Path) -> None:
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ValueError):  # ssl.SSLError is an OSError; ValueError: the path has a NUL in it
        raise ConfigInvalid(f"ca_file {ca_file} cannot be read, or has no certificate in PEM") from None
