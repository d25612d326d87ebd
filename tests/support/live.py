"""A real server on a real Valkey, for tests that speak HTTP to it.

It is what `sealring serve` becomes once it has read the settings, which takes half a second of its own; or the installed
command itself, where `installed` says so.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import redis

from sealring import settings
from sealring.domain.ids import org_id
from sealring.domain.principal import Permission
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.tokens import mint_token
from sealring.server import serving as gunicorn
from sealring.server import wiring
from sealring_example.kms import TOKEN, Kms
from support.asking import Answer, ask
from support.commands import SEALRING
from support.ports import free_port
from support.waiting import becomes_true

__all__ = ["ALL_PERMISSIONS", "Answer", "LiveServer", "Tls", "ask", "is_ready", "live_server", "running", "serving"]

KEYS_OF_CUSTOMERS = ("key_one", "key_two", "key_three", "key_four", "key_five")

_EXAMPLE = """
[plugins.example]
endpoint = "{endpoint}"
token = "{token}"
"""

PORTAL = """
[portal]
enabled = true
url = "http://localhost:8420"
return_hosts = ["app.example.com", "localhost:3000"]
"""

ALL_PERMISSIONS = frozenset(Permission) - {Permission.ALL_ORGANIZATIONS}


@dataclass(frozen=True)
class Tls:
    """What a server needs for HTTPS, and the authority that its clients trust."""

    certificate: Path
    key: Path
    ca: Path


@dataclass
class LiveServer:
    """A running server. `log` is where its output goes."""

    url: str
    folder: Path
    store_url: str
    process: subprocess.Popen[bytes] | None = field(repr=False)
    log: Path
    kms: Kms = field(repr=False)  # of customers; its keys are those of KEYS_OF_CUSTOMERS
    ca: Path | None = None  # the authority of its certificate, if it serves HTTPS

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.folder / installation.SETTINGS_FILE)

    @property
    def store(self) -> redis.Redis:
        """A client of the store itself, to look at what is stored."""
        return redis.Redis.from_url(self.store_url)

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def token(self, *orgs: str, permissions: frozenset[Permission] = ALL_PERMISSIONS, subject: str = "test") -> str:
        """A token for these organizations; for all of the environment where none is named."""
        everywhere = frozenset() if orgs else {Permission.ALL_ORGANIZATIONS}
        return mint_token(
            self.settings,
            subject=subject,
            name=f"{subject} by name",
            organizations=[org for each in orgs if (org := org_id(each)) is not None],
            permissions=permissions | everywhere,
            lifetime_s=3600,
        )

    def ask(self, method: str, path: str, **sent: Any) -> Answer:
        """One request to this server; see `ask`."""
        return ask(self.url, method, path, ca=self.ca, **sent)


@contextmanager
def live_server(
    folder: Path,
    *,
    workers: int = 2,
    threads: int = 8,
    keys: str = "local",
    installed: bool = False,
    worker: str | None = None,
    more: str = "",
) -> Iterator[LiveServer]:
    """Run a server in `folder`, on a Valkey of its own, until the block ends. `more`: tables of its settings."""
    with (
        EmbeddedValkey(folder) as store,
        serving(folder, store.url, workers, threads, keys, installed=installed, worker=worker, more=more) as live,
    ):
        yield live


@contextmanager
def serving(
    folder: Path,
    store_url: str,
    workers: int | None = 2,
    threads: int = 8,
    keys: str = "local",
    about_store: str = "",
    gunicorn_config: Path | None = None,
    max_versions: int = 100,
    *,
    installed: bool = False,
    worker: str | None = None,
    more: str = "",
    tls: Tls | None = None,
) -> Iterator[LiveServer]:
    """Run a server in `folder`, on this store, until the block ends.

    `workers` is None for as many as gunicorn's configuration says. `about_store` is a line more in [store], `max_versions` what an object keeps, and `more` tables of the settings.
    With `tls`, it serves HTTPS.
    """
    kms = Kms(KEYS_OF_CUSTOMERS)
    kms.start()
    try:
        path = _installed(folder, store_url, keys, about_store, max_versions, kms, more)
        with running(
            path,
            folder / "server.log",
            kms,
            workers,
            threads,
            gunicorn_config,
            installed=installed,
            worker=worker,
            tls=tls,
        ) as server:
            yield server
    finally:
        kms.stop()


@contextmanager
def running(
    path: Path,
    log: Path,
    kms: Kms,
    workers: int | None = 2,
    threads: int = 8,
    gunicorn_config: Path | None = None,
    path_of_health: str = "/readyz",
    *,
    installed: bool = False,
    worker: str | None = None,
    tls: Tls | None = None,
) -> Iterator[LiveServer]:
    """Run a server with these settings until the block ends, which begins when the path of health is answered.

    `worker` is "loop" or "threads"; SEALRING_TEST_WORKER=threads runs with threads what says neither, here or in the
    settings.
    """
    _choose_worker(path, worker or os.environ.get("SEALRING_TEST_WORKER"))
    port = free_port()
    options = {"bind": f"127.0.0.1:{port}", "workers": workers, "threads": threads, "gunicorn_config": gunicorn_config}
    certificate = None if tls is None else (tls.certificate, tls.key)
    command = _installed_command(path, options) if installed else gunicorn._command(**options, certificate=certificate)
    environment = os.environ if installed else gunicorn._environment(path)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    store_url = settings.load(path).store_url
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    server = LiveServer(url, path.parent, store_url, process, log, kms, tls and tls.ca)
    try:
        assert becomes_true(lambda: is_ready(server, path_of_health))
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _choose_worker(path: Path, kind: str | None) -> None:
    text = path.read_text()
    if kind and "[server]" not in text:
        path.write_text(f'{text}\n[server]\nworker = "{kind}"\n')


def _installed_command(path: Path, options: Mapping[str, object]) -> list[str]:
    given = [(f"--{name.replace('_', '-')}", str(value)) for name, value in options.items() if value is not None]
    return [str(SEALRING), "serve", "--config", str(path), *chain.from_iterable(given)]


def _installed(
    folder: Path, store_url: str, keys: str, about_store: str, max_versions: int, kms: Kms, more: str
) -> Path:
    list(installation.create_files(folder, store_url, keys))
    path = folder / installation.SETTINGS_FILE
    text = path.read_text().replace("[store]", f"[store]\n{about_store}")
    limits = f"\n[limits]\nmax_versions_per_object = {max_versions}\n"
    portal = "" if "[portal]" in more else PORTAL
    path.write_text(text + _EXAMPLE.format(endpoint=kms.endpoint, token=TOKEN) + limits + portal + more)
    wiring.initialise_store(settings.load(path), 4)
    return path


def is_ready(server: LiveServer, path_of_health: str = "/readyz") -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        return server.ask("GET", path_of_health).status == 200
    except OSError:
        return False
