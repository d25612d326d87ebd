"""Ports of loopback that nobody uses now."""

import contextlib
import random
import socket

# Below those that systems give to outgoing connections (32768 on Linux, 49152 on macOS), with the 10,000 above them that
# a cluster's nodes use too: between our look and a server's start, no connection of another test takes one.
_PORTS = range(11_000, 22_000)


def free_ports(count: int) -> list[int]:
    """Different ones: each is held until all are found."""
    with contextlib.ExitStack() as stack:
        probes = []
        while len(probes) < count:
            with contextlib.suppress(OSError):
                probes.append(stack.enter_context(socket.create_server(("127.0.0.1", random.choice(_PORTS)))))
        return [probe.getsockname()[1] for probe in probes]


def free_port() -> int:
    return free_ports(1)[0]
