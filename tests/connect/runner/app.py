"""What `sealring serve` mounts, with the service of the conformance suite as one more front.

gunicorn loads this in each worker: `wsgi_app` of the configuration beside it.
"""

import base64
import json
import os
from types import SimpleNamespace

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from connect.runner.messages import ANY, POOL, code_name, message
from connect.runner.variables import LIMIT, WORKER
from sealring.connect.codes import Code
from sealring.connect.front import ConnectFront, Open
from sealring.connect.refusals import Refused
from sealring.domain.strict_json import MalformedJson, parse_object
from sealring.fibers import pause
from sealring.http import wsgi
from sealring.http.asgi import AsgiServer
from sealring.observability.logs import Log

SERVICE = "connectrpc.conformance.v1.ConformanceService"
STATUSES = {"canceled": 499, "unknown": 500, "out_of_range": 400} | {code.text: code.status for code in Code}

wsgi._STATUS_LINES[499] = "499 Client Closed Request"  # a code that no failure of ours has


def create_app():
    from sealring.server import asgi  # noqa: PLC0415  only a worker has what it needs
    from sealring.server import wsgi as threads  # noqa: PLC0415

    if os.environ[WORKER] == "threads":
        server = threads.create_app()
        server.mount(Conformance())
        return server
    app: AsgiServer = asgi.create_app()
    app._server.mount(Conformance())
    return app


class Conformance:
    """A Front whose every request has a ConnectFront of its own, since its methods look at the request."""

    prefix = "/connectrpc.conformance.v1."

    def __init__(self):
        self.posts = {f"/{SERVICE}/{name}": self.respond for name in ("Unary", "Unimplemented")}

    def refused(self, status, request_id):
        return self._front(Call(None)).refused(status, request_id)

    def respond(self, request, values, request_id):
        call = Call(request)
        path = request.path.decode()
        reply = self._front(call).posts[path](request, values, request_id)
        reply.headers = (*reply.headers, *call.headers)
        if reply.status != 200 and call.details:
            reply.body = json.dumps({**json.loads(reply.body), "details": call.details}).encode()
        return reply

    def _front(self, call):
        limit = int(os.environ[LIMIT])
        unary = forms("UnaryRequest", "UnaryResponse")
        none = forms("UnimplementedRequest", "UnimplementedResponse")
        return ConnectFront(
            SERVICE,
            [
                Open("Unary", *unary, call.unary, limit),
                Open("Unimplemented", *none, lambda _asked: unimplemented(), limit),
            ],
            None,
            Log(),
        )


class Call:
    """One call, and what it adds to its reply."""

    def __init__(self, request):
        self._request = request
        self.headers = []
        self.details = []

    def unary(self, asked):
        wanted = asked.response_definition
        info = message("ConformancePayload.RequestInfo")()
        for name, value in heads(self._request):
            info.request_headers.add(name=name, value=[each.strip() for each in value.split(",")])
        timeout = self._request.header("connect-timeout-ms")
        if timeout is not None:
            info.timeout_ms = int(timeout)
        info.requests.append(packed(asked))
        for header in wanted.response_headers:
            self.headers += [(header.name, value) for value in header.value]
        for header in wanted.response_trailers:
            self.headers += [(f"Trailer-{header.name}", value) for value in header.value]
        if wanted.response_delay_ms:
            pause(wanted.response_delay_ms / 1000)
        if wanted.WhichOneof("response") == "error":
            self.details = [detail(each) for each in (*wanted.error.details, packed(info))]
            text = code_name(wanted.error.code)
            raise Refused(SimpleNamespace(text=text, status=STATUSES[text]), wanted.error.message)
        answer = message("UnaryResponse")()
        answer.payload.data = wanted.response_data
        answer.payload.request_info.CopyFrom(info)
        return answer


def unimplemented():
    raise Refused(Code.UNIMPLEMENTED, "not there")


def heads(request):
    if hasattr(request, "_environ"):
        names = {"CONTENT_TYPE": "content-type"}
        for name, value in request._environ.items():
            if name in names or name.startswith("HTTP_"):
                yield names.get(name, name.removeprefix("HTTP_").replace("_", "-").lower()), value
    else:
        for name, value in request._headers.items():
            yield name.decode(), value.decode()


def packed(inner):
    box = ANY()
    box.type_url, box.value = f"type.googleapis.com/{inner.DESCRIPTOR.full_name}", inner.SerializeToString()
    return box


def detail(box):
    value = base64.b64encode(box.value).decode().rstrip("=")
    return {"type": box.type_url.rsplit("/", 1)[-1], "value": value}


def forms(request, answer):
    return AnyProto(message(request)), AnyJson(message(request))


class AnyProto:
    content_type = "application/proto"

    def __init__(self, request):
        self._request = request

    def read(self, raw):
        try:
            return self._request.FromString(raw)
        except DecodeError:
            raise Refused(Code.INVALID_ARGUMENT, "no message") from None

    def write(self, answer):
        return answer.SerializeToString()


class AnyJson:
    content_type = "application/json"

    def __init__(self, request):
        self._request = request

    def read(self, raw):
        try:
            members = parse_object(raw)
            return json_format.ParseDict(members, self._request(), ignore_unknown_fields=True, descriptor_pool=POOL)
        except (MalformedJson, json_format.ParseError):
            raise Refused(Code.INVALID_ARGUMENT, "no message") from None

    def write(self, answer):
        return json_format.MessageToJson(answer, descriptor_pool=POOL).encode()
