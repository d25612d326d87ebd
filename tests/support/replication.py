"""A primary, its replicas and their Sentinels: real ones, on loopback or on hosts of their own."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from sealring.operator.embedded import find_binary
from support.ports import free_ports
from support.waiting import becomes_true

NAME = "sealring"  # of the primary, to its Sentinels
DOWN_AFTER_MS = 1500
STRONG = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "1")


@dataclass(frozen=True)
class Host:
    """Where a process runs: its address, and the words before a command that put it there."""

    address: str = "127.0.0.1"
    prefix: Sequence[str] = ()

    def enter(self) -> None:
        """Put the calling thread there, and so the threads that it starts."""


@dataclass(eq=False)
class Server:
    """A data node or a Sentinel. Its Unix socket reaches it from every host, whatever became of the network."""

    host: Host
    port: int
    socket: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"{self.host.address}:{self.port}"

    def ask(self, *words: object) -> Any:
        connection = redis.UnixDomainSocketConnection(
            path=str(self.socket), password=self.password, protocol=2, decode_responses=True, socket_timeout=5
        )
        try:
            connection.send_command(*words)
            return connection.read_response()
        finally:
            connection.disconnect()

    @property
    def primary(self) -> bool:
        return self.ask("ROLE")[0] == "master"

    def follow(self, other: "Server") -> None:
        """Become a replica of `other`, by an operator's command and not by a failover, and wait for its data."""
        self.ask("REPLICAOF", other.host.address, other.port)
        assert becomes_true(lambda: self.ask("ROLE")[3:4] == ["connected"])

    def lead(self) -> None:
        """Follow nobody any more."""
        self.ask("REPLICAOF", "NO", "ONE")


@dataclass
class Trio:
    """Three data nodes, the first of which was the primary, and a Sentinel beside each."""

    nodes: Sequence[Server]
    sentinels: Sequence[Server]

    @property
    def url(self) -> str:
        return url_of(*self.sentinels)

    def settled(self, *, without: Sequence[Server] = ()) -> Server | None:
        """The primary, where there is exactly one and all others follow it; `without` counts the dead."""
        alive = [node for node in self.nodes if node not in without]
        primaries = [node for node in alive if node.primary]
        followers = [node for node in alive if node.ask("ROLE")[1:4:2] == _followed(primaries)]
        return primaries[0] if len(primaries) == 1 and len(followers) == len(alive) - 1 else None


def _followed(primaries: Sequence[Server]) -> Sequence[object]:
    return [primaries[0].host.address, "connected"] if primaries else []


def name_primary(sentinel: Server, node: Server) -> None:
    """Have `sentinel` name `node`, as if it had heard of a failover."""
    sentinel.ask("SENTINEL", "REMOVE", NAME)
    sentinel.ask("SENTINEL", "MONITOR", NAME, node.host.address, node.port, 1)


def url_of(*sentinels: Server) -> str:
    return f"sentinel://{','.join(each.address for each in sentinels)}/{NAME}"


@contextlib.contextmanager
def running_trio(folder: Path, *options: str, hosts: Sequence[Host] = (Host(), Host(), Host())) -> Iterator[Trio]:
    """Run it until the block ends; `options` are those of each data node."""
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(running_node(folder / f"n{n}", *options, host=host)) for n, host in enumerate(hosts)
        ]
        for node in nodes[1:]:
            node.follow(nodes[0])
        sentinels = [
            stack.enter_context(running_sentinel(folder / f"s{n}", nodes[0], quorum=2, host=host))
            for n, host in enumerate(hosts)
        ]
        assert becomes_true(lambda: all(_knows_all(sentinel) for sentinel in sentinels))
        yield Trio(nodes, sentinels)


@contextlib.contextmanager
def running_node(folder: Path, *options: str, host: Host = Host(), password: str | None = None) -> Iterator[Server]:
    """Run a data node, every write on its disk before its answer."""
    secret = ("--requirepass", password, "--primaryauth", password) if password else ()
    durable = ("--save", "", "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0")
    with _running(folder, host, password, *durable, *secret, *options) as server:
        yield server


@contextlib.contextmanager
def running_sentinel(
    folder: Path, primary: Server, *, quorum: int = 1, host: Host = Host(), password: str | None = None
) -> Iterator[Server]:
    folder.mkdir()
    lines = [f"sentinel monitor {NAME} {primary.host.address} {primary.port} {quorum}"]
    lines += [f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}", f"sentinel parallel-syncs {NAME} 2"]
    lines += [f"sentinel failover-timeout {NAME} 3000"]  # half of what passes before another vote, if one is split
    if primary.password:
        lines.append(f"sentinel auth-pass {NAME} {primary.password}")
    if password:
        lines.append(f"requirepass {password}")
    (folder / "conf").write_text("\n".join(lines) + "\n")
    with _running(folder, host, password, folder / "conf", "--sentinel") as server:
        yield server


@contextlib.contextmanager
def _running(folder: Path, host: Host, password: str | None, *words: object) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    (port,), socket = free_ports(1), folder / "sock"
    command = [*host.prefix, find_binary(), *words, "--port", port, "--bind", host.address, "--protected-mode", "no"]
    command += ["--dir", folder, "--unixsocket", socket]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, env={})
    server = Server(host, port, socket, process, password)
    try:
        assert becomes_true(lambda: _answers(server)), (folder / "log").read_text()
        yield server
    finally:
        process.kill()
        process.wait()


def _answers(server: Server) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return server.ask("PING") == "PONG"
    return False


def _knows_all(sentinel: Server) -> bool:
    told = sentinel.ask("SENTINEL", "PRIMARY", NAME)
    known = dict(zip(told[::2], told[1::2], strict=True))
    return (known["num-slaves"], known["num-other-sentinels"]) == ("2", "2")
