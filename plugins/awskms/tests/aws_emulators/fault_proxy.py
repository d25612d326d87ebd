"""What stands before an emulator: it sees every request, and answers as AWS documents what no emulator does.

The bodies of errors are those of the protocols: AWS JSON 1.1 for KMS, Query (XML) for STS.
"""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

# moto says this for a blob of another key; AWS: IncorrectKeyException where the request names a key, as ours always do
# (KMS API Reference, Decrypt and ReEncrypt, "Errors").
_MOTO_SAYS = b'{"__type":"AccessDeniedException"}'

DENIED, DENIALS = "AccessDeniedException", {"AssumeRole": "AccessDenied"}  # of KMS, of STS
DRIP_S = 0.2


@dataclass(frozen=True)
class Seen:
    """A request, as the log of a key's owner has it."""

    operation: str
    body: dict
    user_agent: str
    access_key_id: str
    token: str


class FaultProxy:
    """`fault` answers instead of the emulator, where it is set and takes the request. `seen` are all requests.

    `policies` are of keys, by their ARN: which organizations may use it. `trusts` are of roles: the external id that
    each asks for. What stands in neither lets in anybody, as the emulators do.
    """

    def __init__(self, upstream=None, tls=None):
        self.seen = []
        self.fault = None
        self.policies = {}
        self.trusts = {}
        self.upstream = upstream
        self._server = _Server(self, tls)
        self.port = self._server.server_port
        self.place = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.place}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def of(self, operation):
        return [each for each in self.seen if each.operation == operation]

    @property
    def connections(self):
        return len(self._server.open)

    @property
    def tokens(self):
        return [each.token for each in self.seen]

    # --- faults

    @contextmanager
    def _failing(self, fault):
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    def answering(self, code, status=400, operations=None, times=None):
        """Answer with an error of AWS. Its text holds a secret, which must never come to stand in ours."""
        left = [times]

        def fault(handler, seen):
            if operations and seen.operation not in operations:
                return False
            if left[0] is not None:
                if left[0] == 0:
                    return False
                left[0] -= 1
            handler.refuse(seen, status, code, "the-text-of-aws")
            return True

        return self._failing(fault)

    def letting_in(self, organization, operations=("Encrypt", "Decrypt")):
        """Be a key policy with a condition on `kms:EncryptionContext:organization_id`, for some operations.

        KMS asks the policy before it uses the key ("Policy evaluation", IAM User Guide), so that a wrong context is
        AccessDeniedException and not InvalidCiphertextException.
        """

        def fault(handler, seen):
            context = seen.body.get("EncryptionContext", {})
            if seen.operation not in operations or context.get("organization_id") == organization:
                return False
            handler.refuse(seen, 400, "AccessDeniedException", "no resource-based policy allows the action")
            return True

        return self._failing(fault)

    def answering_with(self, status, headers, body):
        def fault(handler, _seen):
            handler.answer(status, headers, body)
            return True

        return self._failing(fault)

    def cutting(self, before=b""):
        """Hang up, after some bytes or none."""

        def fault(handler, _seen):
            handler.wfile.write(before)
            handler.close_connection = True
            return True

        return self._failing(fault)

    def dripping(self, beginning=b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", access_key_id=None):
        """Send a byte every 200 ms, until the client hangs up."""

        def fault(handler, seen):
            if access_key_id not in {None, seen.access_key_id}:
                return False
            handler.close_connection = True
            try:
                handler.wfile.write(beginning)
                for _ in range(300):
                    handler.wfile.write(b" ")
                    time.sleep(DRIP_S)
            except OSError:
                pass
            return True

        return self._failing(fault)

    # --- what the handler asks

    def denies(self, seen):
        """KMS asks the policy of the key, and STS the trust policy of the role, before anything else."""
        if seen.operation == "AssumeRole":
            role = seen.body["RoleArn"]
            return role in self.trusts and seen.body.get("ExternalId") != self.trusts[role]
        may_use = self.policies.get(seen.body.get("KeyId"))
        if may_use is None or seen.operation not in {"Encrypt", "Decrypt"}:
            return False
        context = seen.body.get("EncryptionContext", {})
        return not may_use(context.get("organization_id") or context.get("organizationId"))

    def forward(self, path, headers, body):
        connection = HTTPConnection("127.0.0.1", self.upstream, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, proxy, tls):
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.open = set()

    def handle_error(self, *_):
        """A client that hangs up, or does not trust us, is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.open.add(self.connection)

    def finish(self):
        super().finish()
        self.server.open.discard(self.connection)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = _seen(self.headers, body)
        proxy = self.server.proxy
        proxy.seen.append(seen)
        if proxy.fault is not None and proxy.fault(self, seen):
            return
        if proxy.denies(seen):
            self.refuse(seen, 403 if seen.operation == "AssumeRole" else 400, DENIALS.get(seen.operation, DENIED), "")
            return
        status, headers, answer = proxy.forward(self.path, dict(self.headers), body)
        if answer == _MOTO_SAYS:
            self.refuse(seen, 400, "IncorrectKeyException", "")
        else:
            self.answer(status, headers, answer)

    def answer(self, status, headers, body):
        self.send_response_only(status)
        kept = {name: value for name, value in headers.items() if name.lower() not in {"connection", "content-length"}}
        for name, value in {**kept, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, seen, status, code, message):
        if seen.operation == "AssumeRole":
            body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            self.answer(status, {"content-type": "text/xml"}, body.encode())
        else:
            body = json.dumps({"__type": code, "message": message}).encode()
            self.answer(status, {"content-type": "application/x-amz-json-1.1", "x-amzn-RequestId": "r-1"}, body)

    def log_message(self, *_):
        """Say nothing."""


def _seen(headers, body):
    user_agent = headers.get("user-agent", "")
    access_key_id = headers["authorization"].partition("Credential=")[2].partition("/")[0]
    token = headers.get("x-amz-security-token", "")
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if target:
        return Seen(target, json.loads(body), user_agent, access_key_id, token)
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return Seen(form.get("Action", ""), form, user_agent, access_key_id, token)
