"""Tools of others that judge manifests, each made once in .cache."""

import json
import subprocess
from pathlib import Path

import kubernetes_validate

from support.installed import CACHE, do, made_once, python_with

_GO = {
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
}
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
    """The schemas of a version of Kubernetes, as kubeconform takes them: with their definitions, under names of its own."""
    source = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    folder = CACHE / "chart" / f"schemas-{version}"
    made_once(folder, str(source).encode(), lambda: _loadable(source, folder))
    return folder


def _loadable(source: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in source.glob("*.json"):
        (folder / path.name).write_text(path.read_text().replace('"/api/_definitions.json#/', '"_definitions.json#/'))


def run(command: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=280)


def findings_of_checkov(report: str) -> list[str]:
    found = json.loads(report)
    return [f"{each['check_id']} {each['resource']}" for each in found["results"]["failed_checks"]]
