"""The servers: Cloud KMS, IAM and OAuth behind TLS, the metadata server without; and what can go wrong with them."""

import json
import re
import socket
import ssl
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fake_google.certificates import Authority
from fake_google.iam import CLOUD_KMS, Iam, key_file
from fake_google.kms import Kms
from fake_google.refusals import Refused

_KEY_PATH = re.compile(r"/v1/(projects/[^:]+:?[^:]+/locations/[^:]+?)(?::([A-Za-z]+))?")
_TOKEN_PATH = re.compile(r"/v1/projects/-/serviceAccounts/([^:/]+):generateAccessToken")


@dataclass
class Logged:
    """What Cloud Audit Logs keep of a call, and our own: the body too."""

    path: str
    account: str
    user_agent: str
    body: bytes
    host: str


class Google:
    """`fault`, where there is one, handles each request that has `on` in its path instead."""

    def __init__(self, folder):
        self.kms = Kms()
        self.iam = Iam()
        self.log = deque(maxlen=50)
        self.authority = Authority(folder)
        self.fault = None
        self.on = ""
        self.alter = lambda answer: answer
        self.open = set()
        self.over = threading.Event()
        self._servers = [serve(self, self.authority.issue("127.0.0.1", "localhost")), serve(self, None)]

    @property
    def connections(self):
        return len(self.open)

    def hang_up(self):
        """End every connection, as a server does with those that were idle for long."""
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def port(self):
        return self._servers[0].server_port

    @property
    def origin(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def metadata_host(self):
        return f"127.0.0.1:{self._servers[1].server_port}"

    def key_file(self, folder):
        path = folder / "our-account.json"
        path.touch(0o600)
        path.write_text(json.dumps(key_file(f"{self.origin}/token")))
        return path

    def close(self):
        self.over.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def calls(self, part):
        return [each for each in self.log if part in each.path]

    # --- what can go wrong

    @contextmanager
    def failing(self, fault, on="/cryptoKeys/"):
        self.fault, self.on, self.over = fault, on, threading.Event()
        try:
            yield
        finally:
            self.over.set()
            self.fault = None

    def refusing(self, status, on="/cryptoKeys/", **details):
        refused = Refused(status, "a text of Google's that nobody quotes", **details)
        return self.failing(lambda handler: handler.answer(refused.code, refused.body), on)

    def saying(self, status, body, on="/cryptoKeys/", **headers):
        return self.failing(lambda handler: handler.answer(status, body, headers), on)

    def silent(self, on="/cryptoKeys/"):
        return self.failing(lambda _: self.over.wait(60), on)

    def dripping(self, on="/cryptoKeys/"):
        """One byte at a time, each within any timeout of one read."""

        def drip(handler):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
            for byte in head + b" " * 5000:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if self.over.wait(0.02):
                    return

        return self.failing(drip, on)

    def cutting(self, on="/cryptoKeys/", after=b""):
        """The connection ends, after so much of an answer."""

        def cut(handler):
            handler.wfile.write(after)
            handler.wfile.flush()
            with suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True

        return self.failing(cut, on)

    @contextmanager
    def altering(self, alter):
        """Answers of Cloud KMS are altered on the way."""
        self.alter = alter
        try:
            yield
        finally:
            self.alter = lambda answer: answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    google = None

    def setup(self):
        super().setup()
        self.google.open.add(self.connection)

    def finish(self):
        self.google.open.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._handle()

    def do_GET(self):
        self.body = b""
        self._handle()

    def log_message(self, *_):
        pass

    def _handle(self):
        google = self.google
        google.log.append(Logged(self.path, "", self.headers.get("user-agent", ""), self.body, self.headers["host"]))
        if google.fault is not None and google.on in self.path:
            google.fault(self)
            return
        try:
            self.answer(*self._routed(google))
        except Refused as refused:
            self.answer(refused.code, refused.body)

    def _routed(self, google):
        path = self.path.partition("?")[0]
        if path == "/token":
            return google.iam.oauth_token(self.body)
        if path == "/v1/token":
            return google.iam.sts_token(self.body)
        if path == "/computeMetadata/v1/instance/service-accounts/default/token":
            return (*google.iam.metadata_token(self.headers), {"Metadata-Flavor": "Google"})
        body = json.loads(self.body or b"{}")
        found = _TOKEN_PATH.fullmatch(path)
        if found:
            return 200, google.iam.generate_access_token(found[1], body, self.headers)
        found = _KEY_PATH.fullmatch(path)
        if not found:
            return 404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "no such method"}}
        caller = google.iam.caller(self.headers, CLOUD_KMS)
        google.log[-1].account = caller
        return 200, google.alter(google.kms.call(found[1], found[2] or "", body, caller))

    def answer(self, status, body, headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that went away is none of our business."""


def serve(google, certificate):
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"google": google}))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()
    return server
