"""Entra ID's token endpoint. Each rule names its page below https://learn.microsoft.com/entra/."""

import hashlib
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import contextmanager
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.serialization import Encoding

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
TENANT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
OTHER_TENANT = "ffffffff-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "secret~of~the~app"
FEDERATED = "federated.token.of-the-platform"

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """A header that is None is left out, also if the fake would send it otherwise."""

    def __init__(self, status, body, headers=()):
        self.status, self.body, self.headers = status, body, dict(headers)


class Entra:
    """Tokens are opaque: `tokens` says of each its tenant, resource and end."""

    def __init__(self, url, certificate):
        self.tokens, self.life_s, self.tenants = {}, 3600, {TENANT, OTHER_TENANT}
        self.asked, self.forms, self.fails_with = 0, [], None
        self._url, self._certificate = url, certificate

    @contextmanager
    def failing(self, refused):
        self.fails_with = refused
        try:
            yield
        finally:
            self.fails_with = None

    def token(self, tenant, content):
        """identity-platform/v2-oauth2-client-creds-grant-flow#get-a-token."""
        self.asked += 1
        form = dict(parse_qsl(content))
        self.forms.append(form)
        if self.fails_with:
            raise self.fails_with
        if tenant not in self.tenants:
            raise login_refused(400, "invalid_request", 90002)
        if form["client_id"] != CLIENT_ID:
            raise login_refused(400, "unauthorized_client", 700016)
        resource, _, default = form["scope"].split()[0].rpartition("/")
        assert (form["grant_type"], default) == ("client_credentials", ".default")
        self._expect_credential(tenant, form)
        token = f"token.{uuid.uuid4().hex}"
        self.tokens[token] = (tenant, resource, time.time() + self.life_s)
        return {"token_type": "Bearer", "expires_in": self.life_s, "access_token": token}

    def discovery(self, tenant):
        """identity-platform/v2-protocols-oidc: what Microsoft's clients ask first, and the plugin never."""
        base = f"{self._url}/{tenant}/oauth2/v2.0"
        return {
            "issuer": f"{self._url}/{tenant}/v2.0",
            "token_endpoint": f"{base}/token",
            "authorization_endpoint": f"{base}/authorize",
        }

    def _expect_credential(self, tenant, form):
        if "client_secret" in form:
            if form["client_secret"] != SECRET:
                raise login_refused(401, "invalid_client", 7000215)
            return
        assert form["client_assertion_type"] == JWT_BEARER
        if form["client_assertion"] != FEDERATED:  # workload-id/workload-identity-federation
            self._expect_assertion(form["client_assertion"], f"{self._url}/{tenant}/oauth2/v2.0/token")

    def _expect_assertion(self, assertion, audience):
        """identity-platform/certificate-credentials; Microsoft's client sends padding, and no `nbf`."""
        thumbprint = text(hashlib.sha256(self._certificate.public_bytes(Encoding.DER)).digest())
        needed = {"require": ["aud", "exp", "iss", "jti", "sub"]}
        try:
            header = jwt.get_unverified_header(assertion)
            key = self._certificate.public_key()
            claims = jwt.decode(assertion, key, ["PS256"], needed, audience=audience, issuer=CLIENT_ID)
        except jwt.PyJWTError:
            raise login_refused(401, "invalid_client", 700027) from None
        right = (header["typ"], header["x5t#S256"].rstrip("="), claims["sub"]) == ("JWT", thumbprint, CLIENT_ID)
        if not right or claims["exp"] - time.time() > 600:
            raise login_refused(401, "invalid_client", 700027)


def login_refused(status, error, number, headers=()):
    """identity-platform/reference-error-codes#handling-error-codes-in-your-application."""
    told = {"error": error, "error_description": f"AADSTS{number}: what Entra ID says", "error_codes": [number]}
    return Refused(status, told, headers)


def text(part):
    """base64url without padding: azure/key-vault/general/about-keys-secrets-certificates#data-types."""
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def binary(part):
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
