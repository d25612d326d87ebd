"""Who one is to Google: tokens of OAuth 2.0, of the metadata server, and of service accounts by impersonation."""

import json
import re
import secrets
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fake_google.refusals import Refused

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
CLOUD_KMS = "https://www.googleapis.com/auth/cloudkms"
IAM = "https://www.googleapis.com/auth/iam"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"
OUR_ACCOUNT = "sealring@vault-prod.iam.gserviceaccount.com"

_KEY = rsa.generate_private_key(65537, 1024)  # read at each login: OpenSSL checks 2048 bits for 40 ms


@dataclass
class Grant:
    """What a token is good for."""

    account: str
    scopes: frozenset
    ends: float


class Iam:
    """`token_creators` has, for each service account that exists, who may become it."""

    def __init__(self):
        self.token_creators = {}
        self.tokens = {}
        self.made = []
        self.life_s = 3600
        self.said = {"expires_in": 3599}  # of the life of our own tokens

    def add(self, account, creators=(OUR_ACCOUNT,)):
        self.token_creators[account] = set(creators)

    def issue(self, account, *scopes, life_s=3600):
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self.tokens[token] = Grant(account, frozenset(scopes), time.time() + life_s)
        return token

    def revoke(self):
        """Every token ends now, early."""
        self.tokens.clear()

    def caller(self, headers, *scopes):
        """https://cloud.google.com/docs/authentication/token-types: a bearer token, with one of the method's scopes."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        grant = self.tokens.get(token)
        if kind != "Bearer" or grant is None or grant.ends < time.time():
            message = "Request had invalid authentication credentials."
            raise Refused("UNAUTHENTICATED", message, reason="ACCESS_TOKEN_EXPIRED")
        if not grant.scopes & {CLOUD_PLATFORM, *scopes}:
            message = "Request had insufficient authentication scopes."
            raise Refused("PERMISSION_DENIED", message, reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return grant.account

    def generate_access_token(self, account, body, headers):
        """https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken."""
        caller = self.caller(headers, IAM)
        if not body.get("scope"):
            raise Refused("INVALID_ARGUMENT", "at least one scope is required")
        lifetime = re.fullmatch(r"([0-9]+)s", body.get("lifetime", "3600s"))
        if lifetime is None or int(lifetime[1]) > 3600:
            raise Refused("INVALID_ARGUMENT", "the lifetime is at most 3600s")
        if caller not in self.token_creators.get(account, ()):
            message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
            raise Refused("PERMISSION_DENIED", message, reason="IAM_PERMISSION_DENIED")
        self.made.append(account)
        life_s = min(int(lifetime[1]), self.life_s)
        ends = datetime.now(UTC) + timedelta(seconds=life_s)
        token = self.issue(account, *body["scope"], life_s=life_s)
        return {"accessToken": token, "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def oauth_token(self, form):
        """https://developers.google.com/identity/protocols/oauth2/service-account#httprest.

        The audience is Google's whatever `token_uri` says: "this value is always https://oauth2.googleapis.com/token".
        """
        fields = {name: values[0] for name, values in parse_qs(form.decode()).items()}
        if fields.get("grant_type") != JWT_GRANT:
            return 400, {"error": "unsupported_grant_type", "error_description": "quoted by nobody"}
        claims = _verified(fields["assertion"])
        now = time.time()
        if claims is None or claims["aud"] != AUDIENCE or not claims["iat"] - 300 <= now <= claims["exp"]:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        return self._oauth(claims["iss"], *claims["scope"].split())

    def sts_token(self, form):
        """https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token: an exchange of tokens."""
        fields = {name: values[0] for name, values in parse_qs(form.decode()).items()}
        if fields.get("subject_token") != "token-of-the-cluster":
            return 400, {"error": "invalid_grant"}
        return self._oauth("principal://pool/sealring", *fields["scope"].split())

    def metadata_token(self, headers):
        """https://cloud.google.com/compute/docs/access/authenticate-workloads#applications."""
        if headers.get("metadata-flavor") != "Google":
            return 403, {}
        return self._oauth(OUR_ACCOUNT, CLOUD_PLATFORM)

    def _oauth(self, account, *scopes):
        token = self.issue(account, *scopes)
        return 200, {"access_token": token, "token_type": "Bearer", **self.said}


def key_file(token_uri):
    """https://cloud.google.com/iam/docs/keys-create-delete: the JSON of a service account's key."""
    pem = _KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "vault-prod",
        "private_key_id": "0123456789abcdef",
        "private_key": pem.decode(),
        "client_email": OUR_ACCOUNT,
        "client_id": "100000000000000000000",
        "token_uri": token_uri,
    }


def _verified(assertion):
    signed, _, signature = assertion.rpartition(".")
    try:
        _KEY.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return None
    return json.loads(_decoded(signed.partition(".")[2]))


def _decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
