"""A small S3 of our own, which takes every key as it is, and is told to be worse: it checks no signatures."""

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

BUCKET = "rings"


class PlainS3:
    """One bucket. `fault` may answer instead of it: (status, code of S3) for a method and a key; None: as usual.

    `late` does the same, after the request was done. `same` makes keys the same that are another to us, and `listed` is
    by which name it lists a key.
    """

    def __init__(
        self,
        *,
        ignores_conditions: bool = False,
        ignores: str = "",
        same: Callable[[str], str] = str,
        listed: Callable[[str], str] = str,
        delay_s: float = 0,
    ):
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.ignores_conditions = ignores_conditions
        self.ignores = ignores  # a header
        self.same = same
        self.listed = listed
        self.delay_s = delay_s
        self.fault = self.late = lambda _method, _key: None
        self.lock = threading.Lock()

    def do(self, method, key, query, headers, body):
        """Return the status, headers and body of the answer."""
        self.requests.append((method, key))
        headers = {name.lower(): value for name, value in headers.items() if name.lower() != self.ignores}
        time.sleep(self.delay_s)
        if (fault := self.fault(method, key)) is not None:
            return refused(*fault)
        with self.lock:
            answer = self._done(method, self.same(key), query, headers, body)
        late = self.late(method, key)
        return answer if late is None else refused(*late)

    def _done(self, method, key, query, headers, body):
        if not key and method == "GET":
            return self._listed(query) if "versions" not in query else refused(501, "NotImplemented")
        found = self.objects.get(key)
        if method == "PUT":
            if not self.ignores_conditions and (wrong := unmet(headers, found)) is not None:
                return wrong
            self.objects[key] = body
            return 200, {"ETag": etag(body)}, b""
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, {}, b""
        return refused(404, "NoSuchKey") if found is None else (200, {"ETag": etag(found)}, found)

    def _listed(self, query):
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", 1000))
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = sorted((key for key in self.objects if key.startswith(prefix) and key > after), key=str.encode)
        if query.get("delimiter"):
            keys = [key for key in keys if query["delimiter"] not in key.removeprefix(prefix)]
        page, more = keys[:most], len(keys) > most
        listed = "".join(f"<Contents><Key>{quote(self.listed(key))}</Key></Contents>" for key in page)
        token = f"<NextContinuationToken>{quote(page[-1])}</NextContinuationToken>" if more else ""
        cut = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        text = f"<ListBucketResult><EncodingType>url</EncodingType>{cut}{listed}{token}</ListBucketResult>"
        return 200, {"Content-Type": "application/xml"}, text.encode()


def etag(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


def unmet(headers, found):
    if headers.get("if-none-match") == "*" and found is not None:
        return refused(412, "PreconditionFailed")
    if (wanted := headers.get("if-match")) is None:
        return None
    if found is None:
        return refused(404, "NoSuchKey")
    return None if wanted == etag(found) else refused(412, "PreconditionFailed")


def refused(status, code):
    body = f"<Error><Code>{code}</Code><Message>secret-detail</Message></Error>" if code else "<html>proxy</html>"
    return status, {"Content-Type": "application/xml"}, body.encode()


def _handler(s3):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self):
            parts = urlsplit(self.path)
            key = unquote(parts.path.removeprefix(f"/{BUCKET}").removeprefix("/"))
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = s3.do(self.command, key, query, self.headers, sent)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = _answer  # noqa: N815  as BaseHTTPRequestHandler looks for them

        def log_message(self, *_arguments):
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def serving(s3):
    """Yield the URL of a server."""
    server = _Server(("127.0.0.1", 0), _handler(s3))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
