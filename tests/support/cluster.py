"""A cluster of real Valkey nodes on loopback: three primaries, each with a replica."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

from sealring.operator.embedded import find_binary
from support.ports import free_ports
from support.waiting import becomes_true

SLOTS = 16_384


@dataclass
class Node:
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True)

    @property
    def id(self) -> str:
        return self.client.execute_command("CLUSTER", "MYID")


@dataclass
class RunningCluster:
    nodes: Sequence[Node]

    @property
    def url(self) -> str:
        return "cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    @property
    def primaries(self) -> Sequence[Node]:
        return [node for node in self.nodes if node.client.role()[0] == "master"]

    def empty(self) -> None:
        for node in self.primaries:
            node.client.flushall()

    def owner(self, slot: int) -> Node:
        ranges = self.nodes[0].client.execute_command("CLUSTER", "SLOTS")
        port = next(primary[1] for first, last, primary, *_ in ranges if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)


@contextlib.contextmanager
def running_cluster(folder: Path, *, replicas: bool = True) -> Iterator[RunningCluster]:
    with contextlib.ExitStack() as stack:
        ports = free_ports(6 if replicas else 3)
        nodes = [stack.enter_context(_node(folder / str(port), port)) for port in ports]
        assert all(becomes_true(lambda node=node: _answers(node)) for node in nodes)
        _join(nodes)
        yield RunningCluster(nodes)


@contextlib.contextmanager
def _node(folder: Path, port: int) -> Iterator[Node]:
    folder.mkdir(parents=True)
    command = [
        *(find_binary(), "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes"),
        *("--appendfsync", "always", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"),
        *("--cluster-port", port + 10_000 if port < 50_000 else port - 10_000, "--repl-diskless-sync-delay", "0"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, env={})
    try:
        yield Node(port, process)
    finally:
        process.kill()
        process.wait()


def _answers(node: Node) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return node.client.ping()
    return False


def _join(nodes: Sequence[Node]) -> None:
    primaries, replicas = nodes[:3], nodes[3:]
    for number, node in enumerate(primaries):
        first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
        node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        node.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for node in nodes[1:]:
        bus = node.port + 10_000 if node.port < 50_000 else node.port - 10_000
        nodes[0].client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
    for node in nodes:
        assert becomes_true(lambda node=node: _state(node) == ("ok", len(nodes)))
    for replica, primary in zip(replicas, primaries, strict=False):
        replica.client.execute_command("CLUSTER", "REPLICATE", primary.id)
    for replica in replicas:
        assert becomes_true(lambda node=replica: node.client.info("replication").get("master_link_status") == "up")
    for primary in primaries[: len(replicas)]:
        assert becomes_true(lambda node=primary: node.client.info("replication")["connected_slaves"] == 1)


def _state(node: Node) -> tuple[str, int]:
    info = dict(line.split(":") for line in node.client.execute_command("CLUSTER", "INFO").split())
    return info["cluster_state"], int(info["cluster_known_nodes"])
