"""A quiet organization beside noisy ones: twentyfold over its limit, with a silent KMS, with the largest values, with bulks."""

import base64
import json
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.healthy import address, object_of, p99, times_of_reads
from revocations.commands import run
from sealring.operator.installation import SETTINGS_FILE
from sealring_example.kms import SILENCE
from support.live import live_server

NOISE = Path(__file__).with_name("noise.py")
LIMIT = 50  # requests a second
MIB = 1 << 20
BUSY_S, MACHINE_S = 1.0, 0.03  # how much longer anybody waits at times beside all other tests, and beside none


@contextmanager
def noise(server, clients):
    command = [sys.executable, str(NOISE), *map(str, address(server))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write("".join(f"{json.dumps(each)}\n" for each in clients) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "running\n"
        yield
        process.stdin.close()
        assert process.wait(30) == 0


def client(server, org, method, path, body=None, per_second=None):
    raw = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token(org)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return {"per_second": per_second, "request": base64.b64encode(head.encode() + raw).decode()}


def over_its_limit(server):
    path = object_of(server, "org_greedy")
    return [client(server, "org_greedy", "GET", path, per_second=LIMIT) for _ in range(20)]


def of_a_silent_kms(server):
    body = {"organization_id": "org_silent", "provider": "example", "key": "key_one", "activate": True}
    assert server.ask("POST", "/sealring/v1/bindings", token=server.token("org_silent"), body=body).status == 201
    server.kms.states["key_one"] = SILENCE
    wanted = {"context": {"organization_id": "org_silent"}}
    return [client(server, "org_silent", "POST", "/vault/v1/keys/data-key", wanted, per_second=4) for _ in range(16)]


def of_large_values(server):
    path, body = object_of(server, "org_large"), {"value": "x" * MIB}
    return [client(server, "org_large", "PUT", path, body, per_second=2)]


def of_bulks(server):
    """One that encrypts 10,000 items at a time, and one that decrypts them."""
    calls, ring, items = "/vault.v1.VaultService", "org_bulk/ring", {str(number): "x" for number in range(10_000)}
    encrypt = {"keyring": ring, "items": items}
    sealed = server.ask("POST", f"{calls}/EncryptBulk", token=server.token("org_bulk"), body=encrypt).json["items"]
    decrypt = {"keyring": ring, "items": {name: each["encrypted"] for name, each in sealed.items()}}
    return [
        client(server, "org_bulk", "POST", f"{calls}/EncryptBulk", encrypt),
        client(server, "org_bulk", "POST", f"{calls}/DecryptBulk", decrypt),
    ]


def times_beside(server, path, token, clients, rounds, seconds):
    """The 99th percentiles of reads without these clients, and beside them, of each round."""
    without, beside = [], []
    for _ in range(rounds):
        without.append(p99(times_of_reads(server, path, token, seconds)))
        with noise(server, clients):
            beside.append(p99(times_of_reads(server, path, token, seconds)))
    print("p99 without", without, "and beside them", beside)  # noqa: T201  the figures, for who runs it with -s
    return without, beside


@pytest.mark.parametrize(
    ("rounds", "seconds", "machine_s"),
    [(3, 3, BUSY_S), pytest.param(11, 10, MACHINE_S, marks=(pytest.mark.torture, pytest.mark.timeout(1200)))],
)
def test_a_quiet_organization_notices_little_of_noisy_ones(tmp_path, rounds, seconds, machine_s):
    with live_server(tmp_path, workers=1, worker="loop") as server:
        run(server.folder / SETTINGS_FILE, "limits", "set", "org_greedy", "--requests-per-second", str(LIMIT))
        path, token = object_of(server, "org_quiet"), server.token("org_quiet")
        clients = [*over_its_limit(server), *of_a_silent_kms(server), *of_large_values(server)]

        without, beside = times_beside(server, path, token, clients, rounds, seconds)

    assert statistics.median(beside) < 1.25 * statistics.median(without) + machine_s


@pytest.mark.parametrize(
    ("rounds", "seconds", "machine_s"),
    [(1, 3, BUSY_S), pytest.param(11, 10, MACHINE_S, marks=(pytest.mark.torture, pytest.mark.timeout(1200)))],
)
def test_a_quiet_organization_notices_little_of_bulks_of_ten_thousand_items(tmp_path, rounds, seconds, machine_s):
    with live_server(tmp_path, workers=1, worker="loop") as server:
        path, token = object_of(server, "org_quiet"), server.token("org_quiet")

        without, beside = times_beside(server, path, token, of_bulks(server), rounds, seconds)

    assert statistics.median(beside) < 1.25 * statistics.median(without) + machine_s
