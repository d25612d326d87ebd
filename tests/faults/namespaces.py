"""Hosts in network namespaces of their own, joined by a bridge. A host is parted from the others when its cable is."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.replication import Host
from support.waiting import becomes_true

CLONE_NEWNET = 0x40000000  # linux/sched.h
NEEDED = ("ip", "unshare", "nsenter")  # Debian: iproute2, util-linux


@dataclass(frozen=True)
class Namespace(Host):
    pid: int = 0  # of the process that holds it

    def enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/proc/{self.pid}/ns/net").open() as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")


@dataclass(frozen=True)
class Network:
    """The namespaces end with the processes that hold them, and those with this process."""

    bridge: Sequence[str]  # the words before a command that runs beside the bridge
    hosts: Sequence[Namespace]

    def part(self, host: Namespace) -> None:
        """Let nothing through to `host` or from it; nobody is told, as with a cable far away."""
        _run(*self.bridge, "ip", "link", "set", self._cable(host), "nomaster")

    def join(self, host: Namespace) -> None:
        _run(*self.bridge, "ip", "link", "set", self._cable(host), "master", "bridge")

    def _cable(self, host: Namespace) -> str:
        return f"cable{self.hosts.index(host)}"


def why_not() -> str | None:
    """What is missing here for namespaces; None where nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [command for command in NEEDED if shutil.which(command) is None]:
        return f"not installed: {', '.join(missing)} (Debian: apt-get install iproute2 util-linux)"
    probe = ["unshare", "--net", "ip", "link", "add", "probe", "type", "bridge"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        return "this kernel or container allows no network namespaces with a bridge"
    return None


@contextmanager
def network(count: int) -> Iterator[Network]:
    with ExitStack() as stack:
        bridge = _words(stack.enter_context(_held()))
        _run(*bridge, "ip", "link", "add", "bridge", "type", "bridge")
        _run(*bridge, "ip", "link", "set", "bridge", "up")
        hosts = []
        for number in range(count):
            pid = stack.enter_context(_held())
            _wire(bridge, pid, number)
            hosts.append(Namespace(f"10.0.0.{number + 1}", _words(pid), pid))
        yield Network(bridge, hosts)


@contextmanager
def _held() -> Iterator[int]:
    """A new namespace, and the process that holds it: it ends when nobody holds the other end of its input."""
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE) as holder:
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{holder.pid}/ns/net")
        assert becomes_true(lambda: theirs.readlink() != ours.readlink())
        yield holder.pid


def _wire(bridge: Sequence[str], pid: int, number: int) -> None:
    cable = f"cable{number}"
    _run(*bridge, *f"ip link add {cable} type veth peer name eth0 netns {pid}".split())
    _run(*bridge, *f"ip link set {cable} master bridge up".split())
    for command in (f"address add 10.0.0.{number + 1}/24 dev eth0", "link set eth0 up", "link set lo up"):
        _run(*_words(pid), "ip", *command.split())


def _words(pid: int) -> Sequence[str]:
    return ("nsenter", "--target", str(pid), "--net")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
