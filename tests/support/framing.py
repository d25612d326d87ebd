"""Our connections beside nginx with ours behind it: what each takes the same bytes for."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port
from support.waiting import becomes_true

CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_header_timeout 1s;
    client_body_timeout 1s;
    client_max_body_size 7m;
    large_client_header_buffers 4 16k;
    lingering_time 1s;
    lingering_timeout 100ms;
    upstream echo {{ server 127.0.0.1:{behind}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://echo;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_request_buffering on;
            proxy_ignore_client_abort on;
        }}
    }}
}}
"""

Seen = list[list[str]]


@dataclass
class Door:
    """Where to send bytes, and where the requests are noted that came of them."""

    port: int
    notes: Path

    def send(self, *pieces: bytes) -> tuple[list[int], Seen]:
        """Send pieces, and no more; return the statuses of the answers, and what the application got."""
        before = self._noted()
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            with suppress(OSError):
                for piece in pieces:
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                while chunk := connection.recv(65536):
                    received += chunk
        return [int(each) for each in re.findall(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ", received)], self._noted()[
            len(before) :
        ]

    def _noted(self) -> Seen:
        return [json.loads(line) for line in self.notes.read_text().splitlines()]


@contextmanager
def doors(folder: Path) -> Iterator[tuple[Door, Door]]:
    """Yield ours, and that of nginx."""
    with echo(folder, "ours") as ours, echo(folder, "behind") as behind, nginx(folder, behind) as port:
        yield ours, Door(port, behind.notes)


@contextmanager
def echo(folder: Path, name: str) -> Iterator[Door]:
    door = Door(free_port(), folder / f"{name}.notes")
    door.notes.touch()
    script = Path(__file__).with_name("echo_server.py")
    with running([sys.executable, str(script), str(door.port), str(door.notes)], door.port):
        yield door


@contextmanager
def nginx(folder: Path, behind: Door) -> Iterator[int]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert program is not None, "the tests need nginx: sudo apt-get install nginx-light"
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, behind=behind.port, port=port))
    with running([program, "-p", str(folder), "-c", str(config)], port):
        yield port


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert becomes_true(lambda: listens(port))
        yield
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
