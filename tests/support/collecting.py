"""A collector of traces: what an OTLP exporter sends to it over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# Settings that tell everything of each request: to the log, and to a collector.
TELL = """
[logs]
access = true
slow_ms = 1

[traces]
endpoint = "{endpoint}"
"""


class Collector:
    """`bodies`: all that came, uncompressed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *each: _Handler(self, *each))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    @property
    def spans(self) -> list:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list:
        return [span for span in self.spans if span.name == name]

    def start(self) -> None:
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, collector: Collector, *each: object) -> None:
        self._collector = collector
        super().__init__(*each)

    def do_POST(self) -> None:
        self._collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
