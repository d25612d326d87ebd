"""deploy/nginx.conf: through it an SDK works, slow clients delay nobody, and no secret is written to a disk."""

import asyncio
import re
import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest

from deploy.scenario import walk_through
from docs.markdown import ROOT, blocks, read
from faults.healthy import p99, times_over
from support.asking import ask, connection_to
from support.framing import listens
from support.live import live_server
from support.ports import free_port
from support.tls import PrivateCa
from support.waiting import becomes_true

SHIPPED = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sealring.conf;
}}
"""
DRIPPING = 100
SECONDS = 8.0


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return PrivateCa(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with live_server(tmp_path_factory.mktemp("server"), worker="loop") as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def url(server, ca, folder):
    """The address of nginx with the shipped configuration, but for names, ports and files."""
    certificate, key = ca.issue("127.0.0.1")
    port, changed = free_port(), SHIPPED
    for shipped, ours in {
        "127.0.0.1:8420": server.url.removeprefix("http://"),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "vault.example.com": "127.0.0.1",
        "/etc/nginx/vault.pem": str(certificate),
        "/etc/nginx/vault.key": str(key),
    }.items():
        assert changed.count(shipped) == 1, shipped
        changed = changed.replace(shipped, ours)
    (folder / "sealring.conf").write_text(changed)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert program is not None, "the tests need nginx: sudo apt-get install nginx-light"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        assert becomes_true(lambda: listens(port)), (folder / "error.log").read_text()
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def times_of_reads(url, ca, path, token, seconds):
    return times_over(connection_to(url, ca.file), path, token, seconds, 60)


class Drips:
    """Connections that send a byte a second: half of them of a head, half of a body. They come again when they are ended."""

    def __init__(self, url, ca, token, count):
        self._port = int(url.rpartition(":")[2])
        self._context = ssl.create_default_context(cafile=ca.file)
        self._token, self._count = token, count
        self.open = 0

    def run(self, over):
        asyncio.run(self._run(over))

    async def _run(self, over):
        tasks = [asyncio.create_task(self._drip(number % 2 == 0)) for number in range(self._count)]
        await asyncio.to_thread(over.wait)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drip(self, a_body):
        head = "POST /vault/v1/kv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if a_body:
            head += f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{{"
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._context)
            self.open += 1
            try:
                writer.write(head.encode())
                ended = asyncio.create_task(reader.read())
                while not ended.done():
                    writer.write(b"x")
                    await asyncio.wait([ended], timeout=1)
            except OSError:
                pass
            finally:
                self.open -= 1
                writer.close()


@contextmanager
def dripping(drips):
    over = threading.Event()
    thread = threading.Thread(target=drips.run, args=(over,))
    thread.start()
    try:
        assert becomes_true(lambda: drips.open >= DRIPPING)
        yield
    finally:
        over.set()
        thread.join(30)


def made(url, ca, token, name, value):
    body = {"name": name, "value": value, "key_context": {"organization_id": "org_acme"}}
    answer = ask(url, "POST", "/vault/v1/kv", token=token, body=body, ca=ca.file)
    assert answer.status == 201, answer
    return f"/vault/v1/kv/{answer.json['id']}"


@pytest.mark.torture
def test_a_hundred_connections_that_drip_delay_nobody(url, server, ca, tmp_path, monkeypatch):
    token = server.token("org_acme")
    path = made(url, ca, token, "healthy", "v")
    normal = p99(times_of_reads(url, ca, path, token, SECONDS))

    with dripping(Drips(url, ca, server.token("org_slow"), DRIPPING)):
        attacked = p99(times_of_reads(url, ca, path, token, SECONDS))
        monkeypatch.setenv("SSL_CERT_FILE", str(ca.file))
        walk_through(url, server.token("org_sdk"), "org_sdk", tmp_path / "sdk.log")

    assert attacked < 5 * normal, (normal, attacked)


def test_the_largest_value_is_never_in_a_file_on_its_way(url, server, ca, folder):
    """Where such a file would be made, there is no folder."""
    for name in ("bodies", "answers"):
        shutil.rmtree(folder / name)
        (folder / name).touch()
    token, value = server.token("org_acme"), "\x01" * (1 << 20)  # six bytes of JSON each

    path = made(url, ca, token, "large", value)

    assert ask(url, "GET", path, token=token, ca=ca.file).json["value"] == value


def test_no_path_and_no_query_is_logged(url, server, ca, folder):
    token = server.token("org_acme")
    for path in ("/vault/v1/kv/name/canary-name", "/vault/v1/kv?search=canary-query"):
        ask(url, "GET", path, token=token, ca=ca.file)

    assert [path for path in folder.iterdir() if path.is_file() and b"canary" in path.read_bytes()] == []


def test_nginx_tells_no_version(url, ca):
    assert "nginx/" not in str(ask(url, "GET", "/livez", ca=ca.file).headers)


def test_the_page_shows_the_file_that_is_shipped():
    assert blocks(read("docs/running.md"), "nginx") == [SHIPPED]


def test_compose_has_the_same_with_its_own_addresses():
    of_compose = (ROOT / "deploy" / "compose-nginx.conf").read_text(encoding="utf-8")
    ours = {"sealring:8420": "127.0.0.1:8420", "listen 8443": "listen 443", "/run/secrets/vault": "/etc/nginx/vault"}

    for its, shipped in ours.items():
        of_compose = of_compose.replace(its, shipped)

    assert re.sub(r"^#.*\n", "", of_compose, flags=re.MULTILINE) == re.sub(r"^#.*\n", "", SHIPPED, flags=re.MULTILINE)
