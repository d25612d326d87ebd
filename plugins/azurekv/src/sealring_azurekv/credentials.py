"""How our app proves to a tenant who it is; read anew for each token, so that files may be replaced."""

from __future__ import annotations

import hashlib
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from sealring_azurekv.config import AzureConfig
from sealring_plugin import ConfigInvalid, read_private, read_shared

ASSERTION_LIFETIME_S = 300  # "5-10 minutes at most", says the page on certificate credentials

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Credential(Protocol):
    def parameters(self, token_endpoint: str) -> Mapping[str, str]:
        """Return what goes into the form of a token request. Raises ConfigInvalid."""


class Certificate:
    """A JWT signed with the app's certificate: learn.microsoft.com/entra/identity-platform/certificate-credentials."""

    def __init__(self, path: Path, client_id: str) -> None:
        self._path = path
        self._client_id = client_id

    def parameters(self, token_endpoint: str) -> Mapping[str, str]:
        key, thumbprint = _read_certificate(self._path)
        now = int(time.time())
        claims = {
            "aud": token_endpoint,
            "iss": self._client_id,
            "sub": self._client_id,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + ASSERTION_LIFETIME_S,
        }
        return _assertion(jwt.encode(claims, key, "PS256", {"x5t#S256": thumbprint}))


class ClientSecret:
    def __init__(self, path: Path) -> None:
        self._path = path

    def parameters(self, token_endpoint: str) -> Mapping[str, str]:  # noqa: ARG002  a secret is for any
        secret = read_private(self._path, "client_secret_file")
        return {"client_secret": _text(secret, self._path, "client_secret_file")}


class FederatedToken:
    """A token of another issuer that the app trusts, which the platform writes and rotates, readable as it likes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def parameters(self, token_endpoint: str) -> Mapping[str, str]:  # noqa: ARG002  its audience is fixed by the issuer
        token = read_shared(self._path, "assertion_file")
        return _assertion(_text(token, self._path, "assertion_file"))


def credential_of(config: AzureConfig) -> Credential:
    path = config.credential_file
    made: Mapping[str, Credential] = {
        "certificate_file": Certificate(path, config.client_id),
        "client_secret_file": ClientSecret(path),
        "assertion_file": FederatedToken(path),
    }
    return made[config.credential]


def _assertion(token: str) -> Mapping[str, str]:
    return {"client_assertion_type": _JWT_BEARER, "client_assertion": token}


def _read_certificate(path: Path) -> tuple[RSAPrivateKey, str]:
    """Return the private key, and the SHA-256 thumbprint of its certificate, wherever that stands in its chain."""
    pem = read_private(path, "certificate_file")
    try:
        key, chain = load_pem_private_key(pem, None), load_pem_x509_certificates(pem)
    except (ValueError, TypeError):
        raise ConfigInvalid(
            f"certificate_file {path} must hold a certificate and its unencrypted key, as PEM"
        ) from None
    certificate = next((each for each in chain if each.public_key() == key.public_key()), None)
    if not isinstance(key, RSAPrivateKey) or certificate is None:
        raise ConfigInvalid(f"certificate_file {path} must hold an RSA key, and the certificate of that very key")
    thumbprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return key, urlsafe_b64encode(thumbprint).rstrip(b"=").decode()


def _text(content: bytes, path: Path, field: str) -> str:
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{field} {path} is not text") from None
    if not text:
        raise ConfigInvalid(f"{field} {path} is empty")
    return text
