"""The Job of init writes the pin with its own account, and can write nothing else."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from chart.rendering import CHART, NAMESPACE, case, render


@pytest.fixture
def job(cluster, tmp_path):
    """Runs the script as the Job's containers do, with a token of the Job's account."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    kinds = {"ConfigMap", "ServiceAccount", "Role", "RoleBinding"}
    cluster.apply(*(each for each in render(case("default")) if each["kind"] in kinds))
    (tmp_path / "trust").mkdir()
    (tmp_path / "access").mkdir()
    (tmp_path / "access" / "token").write_text(cluster.token("sealring-init"))
    (tmp_path / "access" / "ca.crt").write_bytes(cluster.ca.read_bytes())
    where = urlsplit(cluster.url)

    def run(mode, name="sealring-trust"):
        environment = {
            "KUBERNETES_SERVICE_HOST": where.hostname,
            "KUBERNETES_SERVICE_PORT": str(where.port),
            "TRUST_NAMESPACE": NAMESPACE,
            "TRUST_CONFIGMAP": name,
            "TRUST_FOLDER": str(tmp_path / "trust"),
            "TRUST_ACCESS": str(tmp_path / "access"),
        }
        command = [sys.executable, str(CHART / "files" / "trust.py"), mode]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    run.folder = tmp_path / "trust"
    yield run
    cluster.kubectl("delete", "configmap", "sealring-trust", "-n", NAMESPACE)


def test_the_pin_is_written_and_recalled(cluster, job):
    (job.folder / "store-pin").write_text("a pin")
    (job.folder / "store-layout").write_text("a layout")

    kept = job("keep")

    assert (kept.returncode, kept.stderr) == (0, "")
    assert cluster.get("configmap", "sealring-trust")["data"] == {"store-pin": "a pin", "store-layout": "a layout"}
    (job.folder / "store-pin").unlink()
    assert job("recall").returncode == 0
    assert (job.folder / "store-pin").read_text() == "a pin"


@pytest.mark.parametrize("name", ["sealring", "another"])
def test_no_other_configmap_is_read_or_written(cluster, job, name):
    refused = job("recall", name)

    assert refused.returncode == 1
    assert "the API server answers 403" in refused.stderr
