"""Key Vault and Managed HSM, with Entra ID on the same loopback port over TLS, as Microsoft's pages describe them.

Each rule names its page below https://learn.microsoft.com/azure/key-vault/, or rest/api/keyvault/.
"""

import json
import ssl
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

from azure_keys import Key, bundle, use
from cryptography.exceptions import InvalidTag
from entra_fake import TENANT, Entra, Refused, text

VAULT, HSM = "https://acme.vault.azure.net", "https://acme-hsm.managedhsm.azure.net"

# rest/api/keyvault/keys/wrap-key: "requires the keys/wrapKey permission", and so on.
PERMISSIONS = {"wrapkey": "wrapKey", "unwrapkey": "unwrapKey", "encrypt": "encrypt", "decrypt": "decrypt"}


class Azure:
    """`seen` are the requests that came, `log` those that were let in. The other attributes are what a test may set."""

    def __init__(self, certificate, tls_files):
        self.keys = {(VAULT, "first"): Key(), (VAULT, "second"): Key()}
        self.keys |= {(HSM, "aes"): Key("oct-HSM"), (HSM, "rsa"): Key("RSA-HSM"), (HSM, "other"): Key("oct-HSM")}
        for key in self.keys.values():
            key.tags["sealring-external-id"] = "external-1"
        self.deleted, self.seen, self.log = {}, [], []
        self.denied, self.denial = {"deleted", "rotationpolicy"}, "ForbiddenByRbac"
        self.wraps_when_disabled = self.hides_when_disabled = False
        self.fails_with = self.hangs = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *each: _Handler(self, *each))
        self._server.socket = _over_tls(self._server.socket, tls_files)
        self._server.handle_error = lambda *_: None  # a client that hangs up
        self.host = f"localhost:{self._server.server_port}"
        self.url = f"https://{self.host}"
        self.entra = Entra(self.url, certificate)

    def start(self):
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def operations(self):
        """What was asked of the vaults, e.g. "POST wrapkey"."""
        return [f"{method} {path.rpartition('/')[2]}" for method, path in self.seen if "/oauth2/" not in path]

    def entra_requests(self):
        return sum("/oauth2/" in path for _, path in self.seen)

    @contextmanager
    def switched(self, **switches):
        before = {name: getattr(self, name) for name in switches}
        vars(self).update(switches)
        try:
            yield
        finally:
            vars(self).update(before)

    @contextmanager
    def hanging(self):
        """Nothing is answered until the end."""
        over = Event()
        with self.switched(hangs=over):
            try:
                yield
            finally:
                over.set()

    @contextmanager
    def disabled(self, where):
        attributes = self.keys[where].newest.attributes
        attributes["enabled"] = False
        try:
            yield
        finally:
            attributes["enabled"] = True

    @contextmanager
    def without(self, where, *, recoverable):
        """Deleted, and perhaps purged: general/soft-delete-overview#key-vault-object-recovery."""
        gone = self.keys.pop(where)
        if recoverable:
            self.deleted[where] = gone
        try:
            yield
        finally:
            self.keys[where] = gone
            self.deleted.pop(where, None)

    def ask(self, method, path, headers, body):
        if self.fails_with:
            raise self.fails_with
        vault = self._vault(headers["host"])
        self._authenticate(headers, vault)
        # general/logging: the user agent is in `clientInfo`, and a GUID of the client's choice is `correlationId`
        self.log.append((method, path, headers["user-agent"], headers.get("x-ms-client-request-id")))
        collection, name, *rest = path.strip("/").split("/")
        name = name.lower()  # identifiers have no case: general/about-keys-secrets-certificates#object-identifiers
        if collection == "deletedkeys":
            return self._get_deleted(vault, name)
        rest = [part for part in rest if part]  # Microsoft's clients write an empty version between two slashes
        if method == "POST":
            return self._operate(vault, name, rest[:-1], rest[-1], body)
        return self._rotation_policy(vault, name) if rest == ["rotationpolicy"] else self._get(vault, name, rest)

    def _vault(self, host):
        """Microsoft's clients call the fake by its own names: `localhost` is the vault then, `127.0.0.1` the HSM."""
        return {"localhost": VAULT, "127.0.0.1": HSM}.get(host.partition(":")[0], f"https://{host}")

    def _authenticate(self, headers, vault):
        """401 and a challenge: general/authentication-requests-and-responses#authentication-requirements."""
        resource = f"https://{vault.partition('.')[2]}"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        tenant, audience, end = self.entra.tokens.get(token, ("", "", 0))
        if scheme != "Bearer" or (tenant, audience) != (TENANT, resource) or time.time() >= end:
            challenge = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{resource}"'
            raise refused(401, "Unauthorized", headers={"www-authenticate": challenge})

    def _permit(self, permission):
        """403: general/rest-error-codes#http-403-insufficient-permissions."""
        if permission in self.denied:
            raise refused(403, "Forbidden", self.denial)

    def _found(self, vault, name, version):
        key = self.keys.get((vault, name))
        named = [each for each in key.versions if [each.name] == (version or [key.newest.name])] if key else []
        if not named:
            raise refused(404, "KeyNotFound")
        return key, named[0]

    def _get(self, vault, name, version):
        """rest/api/keyvault/keys/get-key."""
        self._permit("get")
        key, found = self._found(vault, name, version)
        if self.hides_when_disabled and not found.attributes["enabled"]:
            raise refused(403, "Forbidden", "KeyDisabled")
        return bundle(vault, name, key, found)

    def _operate(self, vault, name, version, operation, body):
        """`alg`, `value`, `iv`, `tag`, `aad` in; `kid`, `value` out: rest/api/keyvault/keys/wrap-key and so on."""
        self._permit(PERMISSIONS[operation])
        key, found = self._found(vault, name, version)
        opens = operation in {"unwrapkey", "decrypt"}
        self._expect_in_use(found.attributes, opens)
        if PERMISSIONS[operation] not in key.operations:  # keys/about-keys-details#key-operations, on `key_ops`
            raise refused(403, "Forbidden", "KeyOperationForbidden")
        try:
            done = use(key, found, body, opens=opens)
        except (InvalidTag, ValueError, AttributeError):
            raise refused(400, "BadParameter") from None
        return {"kid": f"{vault}/keys/{name}/{found.name}", **{each: text(part) for each, part in done.items()}}

    def _expect_in_use(self, attributes, opens):
        """`enabled`; `nbf` and `exp` "except for decrypt, release, unwrap, and verify": keys/about-keys-details.

        `wraps_when_disabled` is what github.com/Azure/azure-sdk-for-python/issues/45342 saw the service do instead.
        """
        if not attributes["enabled"] and (opens or not self.wraps_when_disabled):
            raise refused(403, "Forbidden", "KeyDisabled")
        if not opens and not attributes.get("nbf", 0) <= time.time() < attributes.get("exp", 2**40):
            raise refused(403, "Forbidden")

    def _get_deleted(self, vault, name):
        """rest/api/keyvault/keys/get-deleted-key."""
        self._permit("deleted")
        if (vault, name) not in self.deleted:
            raise refused(404, "KeyNotFound")
        told = {"recoveryId": f"{vault}/deletedkeys/{name}", "deletedDate": 1_885_680_000}
        return {**told, "scheduledPurgeDate": 1_893_456_000, **bundle(vault, name, self.deleted[vault, name])}

    def _rotation_policy(self, vault, name):
        """rest/api/keyvault/keys/get-key-rotation-policy; without one of its own, a key has that to notify."""
        self._permit("rotationpolicy")
        key, _ = self._found(vault, name, [])
        notify = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}
        rotate = {"trigger": {"timeAfterCreate": "P1Y"}, "action": {"type": "Rotate"}}
        return {"lifetimeActions": [rotate, notify] if key.rotates else [notify]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two sends

    def __init__(self, azure, *each):
        self._azure = azure
        super().__init__(*each)

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def _answer(self):
        path = urlsplit(self.path).path
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._azure.seen.append((self.command, path))
        if self._azure.hangs:
            self._azure.hangs.wait()
        try:
            self._send(200, self._body(path, content), {})
        except Refused as refused:
            self._send(refused.status, refused.body, refused.headers)

    def _body(self, path, content):
        if path.endswith("/oauth2/v2.0/token"):
            return self._azure.entra.token(path.split("/")[1], content.decode())
        if path.endswith("/.well-known/openid-configuration"):
            return self._azure.entra.discovery(path.split("/")[1])
        assert "api-version=" in self.path  # "there is no default": general/authentication-requests-and-responses
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self._azure.ask(self.command, path, headers, json.loads(content or b"{}"))

    def _send(self, status, body, headers):
        content = json.dumps(body).encode()
        own = {"content-type": "application/json", "content-length": str(len(content))}
        self.send_response(status)
        for name, value in {**own, "x-ms-request-id": str(uuid.uuid4()), **headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


def refused(status, code, inner=None, headers=()):
    """general/common-parameters-and-headers#common-error-response; `innererror` as its clients' issues show it."""
    error = {"code": code, "message": "what the service says"}
    return Refused(status, {"error": {**error, "innererror": {"code": inner}} if inner else error}, headers)


def _over_tls(listening, tls_files):
    """Each thread shakes hands with its own client, so that one which does not holds up nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files)
    return context.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
