"""A kube-apiserver and etcd as processes on loopback. There is no kubelet and no controller: pods and jobs never run."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
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


@dataclass(frozen=True)
class Cluster:
    """A running API server. `folder` has its kubeconfig, and the key that signs tokens of service accounts."""

    folder: Path
    url: str
    ca: Path

    @cached_property
    def kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "tests",
                    "clusters": [{"name": "tests", "cluster": cluster}],
                    "users": [{"name": "admin", "user": {"token": TOKEN}}],
                    "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
                }
            )
        )
        path.chmod(0o600)
        return path

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

    def token(self, account: str, audience: str | None = None, *, namespace: str = "vault", pod: str = "") -> str:
        """A token of a service account, as a kubelet would get it; bound to a pod if one is named."""
        options = ["-n", namespace, *(["--audience", audience] if audience else [])]
        bound = ["--bound-object-kind", "Pod", "--bound-object-name", pod] if pod else []
        return self.kubectl("create", "token", account, *options, *bound, "--duration", "600s").stdout.strip()


@contextmanager
def running_cluster(folder: Path, *options: str) -> Iterator[Cluster]:
    """Run both until the block ends. `options` are more of the API server's own."""
    etcd_port, peer_port, port = free_ports(3)
    pki = folder / "pki"
    pki.mkdir(parents=True)
    ca = PrivateCa(pki)
    certificate, key = ca.issue("apiserver")
    new_signing_key(pki / "sa")
    (pki / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    etcd = [
        str(software.etcd()),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
        f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
        f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
        "--unsafe-no-fsync",
    ]
    url = f"https://127.0.0.1:{port}"
    api = [
        str(software.apiserver()),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--cert-dir={pki}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/24",
        f"--service-account-issuer={url}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={pki / 'tokens.csv'}",
        "--enable-priority-and-fairness=false",
        *options,
    ]
    with ExitStack() as stack:
        stack.enter_context(_process(etcd, folder / "etcd.log"))
        server = stack.enter_context(_process(api, folder / "api.log"))
        cluster = Cluster(folder, url, ca.file)
        ready = becomes_true(lambda: server.poll() is not None or is_ready(cluster), START_S)
        assert ready, (folder / "api.log").read_text()[-3000:]
        assert server.poll() is None, (folder / "api.log").read_text()[-3000:]
        yield cluster


def is_ready(cluster: Cluster) -> bool:
    return cluster.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok"


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
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
