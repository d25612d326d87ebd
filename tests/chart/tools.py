"""Tools of others that judge manifests, each made once in .cache."""

import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate

from support.installed import CACHE, do, made_once, python_with

_GO = {
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
}
KINDS = (
    "clusterrole-rbac-v1", "clusterrolebinding-rbac-v1", "configmap-v1", "cronjob-batch-v1", "deployment-apps-v1",
    "horizontalpodautoscaler-autoscaling-v2", "ingress-networking-v1", "job-batch-v1", "networkpolicy-networking-v1",
    "persistentvolumeclaim-v1", "pod-v1", "poddisruptionbudget-policy-v1", "role-rbac-v1", "rolebinding-rbac-v1",
    "service-v1", "serviceaccount-v1", "statefulset-apps-v1",
)  # fmt: skip

_PINS = Path(__file__).with_name("checkov.txt")


def go_tool(name: str) -> Path:
    """The path of a tool that Go builds. Raises NotInstalled."""
    folder = CACHE / "chart" / name
    made_once(
        folder, _GO[name].encode(), lambda: do(["go", "install", _GO[name]], GOBIN=str(folder), GOFLAGS="-mod=mod")
    )
    return folder / name


def checkov() -> list[str]:
    """The command that runs checkov. Raises NotInstalled."""
    return [str(python_with(_PINS, CACHE / "chart" / "checkov")), "-m", "checkov.main"]


def schemas(version: str) -> Path:
    """The schemas of a version of Kubernetes as kubeconform takes them: each with all definitions in it."""
    source = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    folder = CACHE / "chart" / f"schemas-{version}"
    made_once(folder, " ".join((str(source), *KINDS)).encode(), lambda: _make_whole(source, folder))
    return folder


def _make_whole(source: Path, folder: Path) -> None:
    def read(name: str) -> dict[str, Any]:
        text = (source / f"{name}.json").read_text().replace('"/api/_definitions.json#/', '"#/')
        return {key: value for key, value in json.loads(text).items() if key not in {"$id", "$schema"}}

    folder.mkdir(parents=True)
    definitions = read("_definitions")["$defs"]
    for kind in KINDS:
        (folder / f"{kind}.json").write_text(json.dumps(read(kind) | {"$defs": definitions}))


def run(command: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=280)


def findings_of_checkov(report: str) -> list[str]:
    found = json.loads(report)
    return [f"{each['check_id']} {each['resource']}" for each in found["results"]["failed_checks"]]
