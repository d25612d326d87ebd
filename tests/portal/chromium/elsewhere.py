"""Another site, in the same browser: whatever it says, its pages are of somebody who wants to harm."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HOSTS = (
    "evil.example",
    "localhost:9999",
)  # another site; and another origin of the same site, whose forms have our cookies


class Elsewhere:
    """It answers every request with `html`."""

    def __init__(self):
        self.html = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *each: _Handler(self, *each))
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def hosts(self):
        """Where the browser finds it."""
        real = f"127.0.0.1:{self._server.server_port}"
        return {host if ":" in host else f"{host}:80": real for host in HOSTS}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site, *each):
        self._site = site
        super().__init__(*each)

    def do_GET(self):
        body = self._site.html.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""
