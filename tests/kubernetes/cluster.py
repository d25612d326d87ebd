"""A kube-apiserver and etcd as processes on loopback. There is no kubelet and no controller: pods and jobs never run."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kubernetes import software
from support.ports import free_ports
from support.tls import PrivateCa
from support.waiting import becomes_true

TOKEN = "an-administrator-of-the-tests"  # of a server that listens on loopback, for as long as a test
START_S = 120.0  # on a busy machine

Resource = dict[str, Any]


class Cluster:
    """An API server with an etcd of its own. `pki` has the key that signs tokens of service accounts, sa.key."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options` are more of the API server's own."""
        self.pki = folder / "pki"
        self.pki.mkdir(parents=True)
        self._folder = folder
        self._options = options
        self._ports = free_ports(3)
        self.url = f"https://127.0.0.1:{self._ports[2]}"
        authority = PrivateCa(self.pki)
        self.ca = authority.file
        self._certificate, self._key = authority.issue("apiserver")
        new_signing_key(self.pki / "sa")
        (self.pki / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        self.kubeconfig = self._written_kubeconfig()
        self._running = ExitStack()

    @contextmanager
    def running(self) -> Iterator[None]:
        with _process(self._etcd(), self._folder / "etcd.log"):
            try:
                self._start(["sa"])
                yield
            finally:
                self._running.close()

    def sign_with_a_new_key(self) -> None:
        """Start the API server again with another key for new tokens; those of the former key still verify."""
        self._running.close()
        new_signing_key(self.pki / "new")
        self._start(["new", "sa"])

    def kubectl(self, *arguments: str, given: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(software.kubectl()), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
        assert not check or done.returncode == 0, done.stderr
        return done

    def apply(self, *resources: Resource) -> None:
        self.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": resources}))

    def get(self, kind: str, name: str, namespace: str = "vault") -> Resource:
        found: Resource = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json").stdout)
        return found

    def names(self, kind: str, namespace: str = "vault") -> list[str]:
        said = self.kubectl("get", kind, "-n", namespace, "-o", "name").stdout
        return sorted(line.partition("/")[2] for line in said.splitlines())

    def token(self, account: str, *options: str, namespace: str = "vault") -> str:
        """A token of a service account, as a kubelet would get it."""
        return self.kubectl("create", "token", account, "-n", namespace, *options).stdout.strip()

    def _start(self, keys: Sequence[str]) -> None:
        """Sign with the first key, and verify with all."""
        log = self._folder / "api.log"
        server = self._running.enter_context(_process(self._api(keys), log))
        ready = becomes_true(lambda: server.poll() is not None or self._is_ready(), START_S)
        assert ready, log.read_text()[-3000:]
        assert server.poll() is None, log.read_text()[-3000:]

    def _is_ready(self) -> bool:
        return self.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok"

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in self._ports[:2])
        return [
            str(software.etcd()),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _api(self, keys: Sequence[str]) -> list[str]:
        return [
            str(software.apiserver()),
            f"--etcd-servers=http://127.0.0.1:{self._ports[0]}",
            f"--cert-dir={self.pki}",
            f"--tls-cert-file={self._certificate}",
            f"--tls-private-key-file={self._key}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports[2]}",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/24",
            f"--service-account-issuer={self.url}",
            f"--service-account-signing-key-file={self.pki / keys[0]}.key",
            *(f"--service-account-key-file={self.pki / key}.pub" for key in keys),
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.pki / 'tokens.csv'}",
            "--enable-priority-and-fairness=false",
            *self._options,
        ]

    def _written_kubeconfig(self) -> Path:
        path = self._folder / "kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        }
        path.touch(0o600)
        path.write_text(json.dumps(config))
        return path


def new_signing_key(path: Path) -> None:
    """Write a key for tokens of service accounts, `path`.key and `path`.pub."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".key").write_bytes(private)
    path.with_suffix(".pub").write_bytes(public)


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run it until the block ends, and then kill it: an API server waits for an etcd that is gone."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
