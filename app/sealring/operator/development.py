"""`sealring dev`: a complete server on this machine for trying out, with its own store and a token."""

from __future__ import annotations

import http.client
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from sealring import settings
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid
from sealring.operator import installation
from sealring.operator.dev_portal import portal_line, settings_with_portal
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.tokens import mint_token
from sealring.server import wiring
from sealring.server.serving import start_gunicorn

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
TOKEN_DAYS = 30

_BANNER = """\

sealring is ready

  URL    {url}
  Token  {token}
  Keys   {keys}
  Data   {data_dir} (delete it to start again){portal}

URL, token and settings are variables for a shell after: . {env_file}

Paste this into `.venv/bin/python` (or anywhere after `pip install workos`):

from time import time
from workos import WorkOSClient
token = "{token}"
vault = WorkOSClient(api_key=token, client_id="dev", base_url="{url}").vault
made = vault.create_kv(name=f"hello {{time()}}", value="world", key_context={{"organization_id": "org_acme"}})
print(vault.get_kv(made.id).value)

Ctrl-C stops everything.
"""


@dataclass(frozen=True, slots=True)
class DevOptions:
    data_dir: Path
    host: str
    port: int
    workers: int
    store_url: str | None  # None: an embedded Valkey in data_dir
    keys: str | None  # the provider of managed keys; None: the best that this machine has
    portal: bool  # whether to switch the portal on, and to make a link to it


def run(options: DevOptions) -> None:
    """Run until Ctrl-C or SIGTERM. Raises SealringError if it cannot start."""
    _check_port_free(options.host, options.port)
    options.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _termination_as_interrupt():
        try:
            if options.store_url is not None:
                _serve(options, options.store_url, lambda: None)
            else:
                with EmbeddedValkey(options.data_dir, on_wait=_say) as store:
                    _serve(options, store.url, store.poll)
        except KeyboardInterrupt:
            _say("stopped")


def _serve(options: DevOptions, store_url: str, store_ended: Callable[[], int | None]) -> None:
    installation.write_private(options.data_dir / installation.STORE_URL_FILE, store_url)  # it may have moved
    for made in installation.create_files(options.data_dir, store_url, options.keys):
        _say(f"made {made}")
    settings_path = options.data_dir / installation.SETTINGS_FILE
    if options.portal:
        settings_path = settings_with_portal(options.data_dir, options.port)
    config = settings.load(settings_path)
    _check_durability(config)
    wiring.initialise_store(config, 1 if options.store_url is None else installation.DEFAULT_PARTITIONS)
    server = start_gunicorn(settings_path, bind=f"{options.host}:{options.port}", workers=options.workers)
    try:
        _wait_until_ready(options, server)
        _introduce(options, config)
        _watch(server, store_ended)
    finally:
        _stop(server)


def _check_durability(config: settings.Settings) -> None:
    try:
        wiring.check_durability(config)
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{error}; these settings are {config.path}") from error


def _introduce(options: DevOptions, config: settings.Settings) -> None:
    url = f"http://{_authority(options.host, options.port)}"
    token = mint_token(
        config,
        subject="sealring-dev",
        name="sealring dev",
        organizations=(),
        permissions=tuple(Permission),
        lifetime_s=TOKEN_DAYS * settings.DAY_S,
    )
    env_file = options.data_dir / "dev.env"
    variables = {"SEALRING_URL": url, "SEALRING_TOKEN": token, "SEALRING_CONFIG": str(config.path)}
    lines = (f"export {name}={shlex.quote(text)}" for name, text in variables.items())
    installation.write_private(env_file, "\n".join(lines))
    banner = _BANNER.format(
        url=url,
        token=token,
        keys=_keys_line(config),
        data_dir=options.data_dir,
        env_file=shlex.quote(str(env_file)),
        portal=portal_line(config, _authority(options.host, options.port), token) if options.portal else "",
    )
    print(banner, flush=True)  # noqa: T201  for the person who started it


def _keys_line(config: settings.Settings) -> str:
    if config.managed.provider != "local":
        return f"{config.managed.provider} (for keys in software: --keys local, with another --data-dir)"
    return "local, in software (for an HSM: install SoftHSM2, then --keys hsm, with another --data-dir)"


def _wait_until_ready(options: DevOptions, server: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    said = False
    while not _ready(options.host, options.port):
        if server.poll() is not None:
            raise SettingsInvalid("the server ended while starting; its messages are above")
        waited = time.monotonic() - started
        if waited > START_TIMEOUT_S:
            raise SettingsInvalid(f"the server was not ready after {START_TIMEOUT_S:.0f} s")
        if waited > 2 and not said:
            _say("waiting for the server …")
            said = True
        time.sleep(0.02)


def _ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _watch(server: subprocess.Popen[bytes], store_ended: Callable[[], int | None]) -> None:
    while True:
        try:
            code = server.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if store_ended() is not None:
                raise SettingsInvalid("the embedded Valkey ended; its log is in the data directory") from None
        else:
            raise SettingsInvalid(f"the server ended with exit code {code}; its messages are above")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Drain the server, before its store stops."""
    server.terminate()
    try:
        server.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _check_port_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsInvalid(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM stop the children in order, like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell starts background jobs with SIGINT ignored, and Python does not change that
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  for the person who waits
