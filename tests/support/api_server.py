"""A cluster as sealring sees it: service-account tokens, and an API server with its key set and TokenReview over TLS.

The shapes are those of kube-apiserver 1.34 to 1.37: the claims of TokenRequest, RS256 with a `kid` and no `typ`.
"""

import json
import ssl
import threading
import time
import uuid
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from support.tls import PrivateCa

ISSUER = "https://kubernetes.default.svc.cluster.local"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@cache
def signing_key(number=1):
    return rsa.generate_private_key(65537, 2048)


def key_set(*numbers):
    """The document of /openid/v1/jwks."""
    keys = [
        {"use": "sig", "alg": "RS256", "kid": f"key-{number}"}
        | {
            name: value
            for name, value in jwt.algorithms.RSAAlgorithm.to_jwk(
                signing_key(number).public_key(), as_dict=True
            ).items()
            if name in {"kty", "n", "e"}
        }
        for number in numbers
    ]
    return {"keys": keys}


def account_claims(namespace="shop", name="billing", *, audience="sealring", lifetime_s=3600, now=None, **changes):
    """What TokenRequest puts into a token that is bound to a pod. None leaves a claim out."""
    now = int(time.time()) if now is None else now
    claims = {
        "aud": [audience],
        "exp": now + lifetime_s,
        "iat": now,
        "iss": ISSUER,
        "jti": str(uuid.uuid4()),
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": str(uuid.uuid4())},
            "pod": {"name": f"{name}-7d9c", "uid": str(uuid.uuid4())},
            "serviceaccount": {"name": name, "uid": str(uuid.uuid4())},
        },
        "nbf": now,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
    return {member: value for member, value in (claims | changes).items() if value is not None}


def account_token(namespace="shop", name="billing", *, key=1, kid=None, typ=None, **changes):
    claims = account_claims(namespace, name, **changes)
    return jwt.encode(claims, signing_key(key), "RS256", {"kid": kid or f"key-{key}", "typ": typ})


class ApiServer:
    """Answers as a kube-apiserver does. `gone` are tokens of deleted pods; `token` is that of sealring's account."""

    def __init__(self, folder: Path) -> None:
        self.authority = PrivateCa(folder)
        self._certificate = self.authority.issue("apiserver")
        self.token = "the-token-of-sealring"
        self.token_file = folder / "token"
        self.token_file.write_text(self.token)
        self.keys = key_set(1)
        self.gone = set()
        self.audiences = None  # those that it answers; None: those that it was asked for
        self.username = None  # likewise
        self.status = 201
        self.retry_after = None  # the header field
        self.answer = None  # the bytes of an answer that is no TokenReview
        self.reviewed = []  # the specs that it was asked
        self.answers = threading.Event()  # reviews wait for it
        self.answers.set()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.server.server_port}"

    @property
    def jwks_url(self):
        return f"{self.url}/openid/v1/jwks"

    @contextmanager
    def running(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.answers.set()
            self.server.shutdown()
            self.server.server_close()
            thread.join()

    def review(self, spec):
        """The status of a TokenReview."""
        self.reviewed.append(spec)
        self.answers.wait(30)
        try:
            claims = jwt.decode(spec["token"], options={"verify_signature": False})
        except jwt.PyJWTError:
            return {"user": {}, "error": "[invalid bearer token, token lookup failed]"}
        if spec["token"] in self.gone:
            return {"user": {}, "error": "[invalid bearer token, service account token has been invalidated]"}
        user = {"username": self.username or claims["sub"], "groups": ["system:serviceaccounts"]}
        audiences = spec["audiences"] if self.audiences is None else self.audiences
        return {"authenticated": True, "user": user, "audiences": audiences}

    def _handler(api):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == "/openid/v1/jwks"
                self._send(200 if found else 404, api.keys if found else {"kind": "Status", "code": 404})

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path != REVIEWS:
                    self._send(404, {"kind": "Status", "code": 404})
                elif api.answer is not None:
                    self._send(200, api.answer)
                else:
                    self._send(api.status, {**asked, "status": api.review(asked["spec"])})

            def _send(self, status, document):
                if self.headers["Authorization"] != f"Bearer {api.token}":
                    status, document = 403, {"kind": "Status", "code": 403}
                raw = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                if api.retry_after is not None:
                    self.send_header("Retry-After", api.retry_after)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments):
                pass

        return Handler
