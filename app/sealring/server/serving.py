"""The start of gunicorn with the settings that sealring is tested with.

gunicorn reads this module itself, as `--config python:sealring.server.serving`: the lower-case names below are its
settings and hooks (https://docs.gunicorn.org/en/stable/settings.html). They are the only copy: config/gunicorn.conf.py,
the file for operators, imports them from here.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from sealring.server.hardening import PR_SET_PDEATHSIG, harden, prctl
from sealring.server.unreadable import write_refusal
from sealring.server.variables import SETTINGS_VARIABLE, THREADS_VARIABLE, WORKERS_VARIABLE

_PARENT_VARIABLE = "SEALRING_PARENT_PID"  # set for a gunicorn that must not outlive the process that started it
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  gunicorn unlinks its file there

# --- settings

wsgi_app = "sealring.server.asgi:create_app()"  # the master replaces it, with the class, as [server] worker says
workers = 2
threads = 16  # if the settings have worker = "threads"; one organization can make half of them wait for its keys
worker_connections = 800  # with connections to the store and to providers, fewer than 1,024 file descriptors
preload_app = False  # each worker builds its own app: an HSM session does not survive a fork
keepalive = 75  # s; longer than the 60 s of nginx and of cloud load balancers, so that they close first
timeout = 60  # s
graceful_timeout = 25  # s
max_requests = 200_000  # HSM client libraries leak slowly
max_requests_jitter = 20_000
limit_request_line = 8190  # bytes
limit_request_fields = 64
limit_request_field_size = 8190  # bytes
header_map = "drop"  # X_Org is never taken for X-Org
forwarder_headers = ""  # SCRIPT_NAME of a proxy is never taken for a part of the path
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}  # the only header trusted from `forwarded_allow_ips`
control_socket_disable = True  # gunicorn 25.1 and later open one in the home directory
accesslog = None  # a path and a query may contain names
errorlog = "-"  # standard error; the app logs to standard output


# --- hooks


def on_starting(server: Any) -> None:
    import gunicorn.http.parser  # noqa: PLC0415  only gunicorn's master needs these
    import gunicorn.http.wsgi  # noqa: PLC0415

    from sealring.server.thread_worker import KnownRequest  # noqa: PLC0415

    gunicorn.http.wsgi.SERVER = "sealring"  # the Server header
    gunicorn.util.write_error = write_refusal
    gunicorn.http.parser.RequestParser.mesg_class = KnownRequest
    _keep_heartbeats_in_memory(server)
    os.environ.pop("SCRIPT_NAME", None)  # gunicorn would remove it from each path; the server answers at the root
    if parent := os.environ.pop(_PARENT_VARIABLE, None):
        _end_with(int(parent))


def on_reload(server: Any) -> None:
    _keep_heartbeats_in_memory(server)


def post_fork(server: Any, worker: Any) -> None:
    """Harden a worker before it builds the app and has a secret; tell the app the numbers of threads and workers."""
    os.environ[THREADS_VARIABLE] = str(worker.cfg.threads)
    os.environ[WORKERS_VARIABLE] = str(server.num_workers)
    harden()
    logging.getLogger("gunicorn.error").addFilter(_without_request)


def child_exit(server: Any, worker: Any) -> None:
    if not worker.ready:
        server.pause()


# --- starting


def serve(  # noqa: PLR0913  the options of the command
    settings_path: Path,
    *,
    bind: str,
    workers: int | None = None,
    threads: int | None = None,
    gunicorn_config: Path | None = None,
    certificate: tuple[Path, Path] | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> NoReturn:
    """Replace this process by gunicorn's master (server/master.py). None: as the configuration says.

    `certificate` is that of TLS with its key. `variables` are set in its environment.

    Raises OSError if Python cannot be executed.
    """
    command = _command(bind, workers, threads, gunicorn_config, certificate)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**_environment(settings_path), **variables})  # noqa: S606  no shell is the point


def start_gunicorn(
    settings_path: Path,
    *,
    bind: str,
    workers: int | None = None,
    threads: int | None = None,
    gunicorn_config: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start gunicorn as a child that ends when we do; on SIGTERM it completes the requests in progress.

    Call it from a thread that lives as long as the process: Linux ends the child when that *thread* ends (prctl(2)).
    """
    return subprocess.Popen(  # noqa: S603  no shell, and our own arguments
        _command(bind, workers, threads, gunicorn_config),
        stdin=subprocess.DEVNULL,
        env=_environment(settings_path) | {_PARENT_VARIABLE: str(os.getpid())},
        start_new_session=True,  # Ctrl-C reaches only us, and we decide the order of stopping
    )


def _command(
    bind: str,
    workers: int | None,
    threads: int | None,
    gunicorn_config: Path | None,
    certificate: tuple[Path, Path] | None = None,
) -> list[str]:
    config = f"file:{gunicorn_config.absolute()}" if gunicorn_config else f"python:{__name__}"
    command = [
        sys.executable,
        "-P",  # no code from the current folder
        "-m",
        "sealring.server.master",
        "--config",
        config,
        "--no-control-socket",
        "--bind",
        bind,
    ]
    if workers is not None:
        command += ["--workers", str(workers)]
    if threads is not None:
        command += ["--threads", str(threads)]
    if certificate is not None:
        command += ["--certfile", str(certificate[0].absolute()), "--keyfile", str(certificate[1].absolute())]
    return command


def _environment(settings_path: Path) -> dict[str, str]:
    return os.environ | {SETTINGS_VARIABLE: str(settings_path.absolute())}


# --- inside gunicorn


def _keep_heartbeats_in_memory(server: Any) -> None:
    """Move the workers' heartbeat files off the disk, unless the operator chose a place."""
    if server.cfg.worker_tmp_dir is None and Path(_SHARED_MEMORY).is_dir():
        server.cfg.set("worker_tmp_dir", _SHARED_MEMORY)


def _end_with(parent: int) -> None:
    """End gunicorn's master, and with it the workers, when the process `parent` ends."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        _leave_if_orphaned(parent)
    else:  # macOS has no parent-death signal: poll each second
        threading.Thread(target=_look_for, args=(parent,), daemon=True).start()


def _look_for(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _leave_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:  # it ended before the call of prctl
        sys.exit(0)


def _without_request(record: logging.LogRecord) -> bool:
    """Remove what the caller sent from gunicorn's own messages: the request line, a header, an exception's text."""
    text = str(record.msg)
    if text.startswith("Invalid request from ip="):
        record.msg = text.partition(": ")[0]
    elif text.startswith("Error handling request"):
        record.msg, record.args = f"Error handling a request: {_where(record)}", None
        record.exc_info = None
    return True


def _where(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return "no exception"
    place = traceback.extract_tb(record.exc_info[2])[-1:]
    return f"{record.exc_info[0].__name__} at {', '.join(f'{frame.filename}:{frame.lineno}' for frame in place)}"
