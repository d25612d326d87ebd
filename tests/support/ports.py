"""Ports of loopback that nobody uses now."""

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Different ones: each is held until all are found."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def free_port() -> int:
    return free_ports(1)[0]
