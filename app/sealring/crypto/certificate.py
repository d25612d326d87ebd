"""When a certificate expires."""

from __future__ import annotations

from cryptography import x509


def expiry_of(pem: bytes) -> float:
    """Return the end of the first certificate's validity, in seconds since 1970. Raises ValueError if there is none."""
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
