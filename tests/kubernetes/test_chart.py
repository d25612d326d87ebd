"""The chart on a real API server: what Helm does with it, and what the server takes."""

import json
from copy import deepcopy

import pytest
import yaml
from helm_python import Config

from chart.rendering import CASES, CHART, NAMESPACE, case, pods, render

CUSTOM = (
    "cert-manager.io",
    "monitoring.coreos.com",
    "gateway.networking.k8s.io",
)  # resources that are no part of Kubernetes


KINDS = (
    "deployments,statefulsets,jobs,cronjobs,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings,"
    "networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,ingresses,persistentvolumeclaims"
)


@pytest.fixture(scope="module")
def namespace(cluster):
    """A namespace in which only restricted pods are let in."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    return NAMESPACE


@pytest.fixture
def helm(cluster, namespace):
    """Helm in that namespace, which is empty before and after."""
    with Config(kubeconfig_path=cluster.kubeconfig, namespace=namespace) as config:
        empty(cluster)
        yield config
        empty(cluster)


def empty(cluster):
    cluster.kubectl("delete", KINDS, "--all", "-n", NAMESPACE, "--wait=false")


def is_custom(resource):
    return resource["apiVersion"].startswith(CUSTOM)


def accounts(resources):
    return [each for each in resources if each["kind"] == "ServiceAccount"]


@pytest.mark.parametrize("name", CASES)
def test_the_server_takes_every_resource(cluster, namespace, name):
    resources = [each for each in render(case(name)) if not is_custom(each)]
    given = yaml.safe_dump_all(resources)
    cluster.apply(*accounts(resources))  # without which no pod is let in

    said = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=given)

    assert len(said.stdout.splitlines()) == len(resources)
    assert said.stderr == ""


@pytest.mark.parametrize("name", CASES)
def test_every_pod_is_let_in_where_only_restricted_ones_are(cluster, namespace, name):
    resources = [each for each in render(case(name)) if not is_custom(each)]
    cluster.apply(*accounts(resources))
    for number, (_, pod) in enumerate(pods(resources)):
        submitted = deepcopy({"apiVersion": "v1", "kind": "Pod", **pod})
        submitted["metadata"] |= {"name": f"pod-{number}", "namespace": namespace}
        submitted["spec"].setdefault("restartPolicy", "Always")
        if any(mount["name"] == "data" for mount in submitted["spec"]["containers"][0]["volumeMounts"]):
            submitted["spec"]["volumes"].append({"name": "data", "emptyDir": {}})  # a StatefulSet's claim

        cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", given=json.dumps(submitted))


def test_a_pod_that_is_not_restricted_would_be_refused(cluster, namespace):
    (_, pod), *_ = (each for each in pods(render(case("default"))) if each[0].startswith("Deployment/"))
    submitted = deepcopy({"apiVersion": "v1", "kind": "Pod", **pod})
    submitted["metadata"] |= {"name": "loose", "namespace": namespace}
    submitted["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    cluster.apply(*accounts(render(case("default"))))

    refused = cluster.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(submitted), check=False)

    assert 'violates PodSecurity "restricted' in refused.stderr


def test_a_release_is_installed_upgraded_rolled_back_and_removed(cluster, helm):
    helm.install(CHART, "sealring", case("default"))
    image = cluster.get("deployment", "sealring")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith("@sha256:" + "0" * 64)
    first = cluster.names("jobs")

    helm.upgrade(CHART, "sealring", case("default", image__digest="sha256:" + "f" * 64, workers=4))
    assert "workers = 4" in cluster.get("configmap", "sealring")["data"]["gunicorn.conf.py"]
    (second,) = cluster.names("jobs")
    assert [second] != first

    helm.rollback("sealring", version=1)
    assert "workers = 2" in cluster.get("configmap", "sealring")["data"]["gunicorn.conf.py"]
    assert cluster.names("jobs") == first
    assert len(helm.history("sealring")) == 3

    helm.uninstall("sealring")
    assert cluster.names("deployments") == []
    assert "sealring-trust" in cluster.names("configmaps")


def test_the_pin_survives_upgrade_rollback_and_a_new_installation(cluster, helm):
    def pin():
        return cluster.get("configmap", "sealring-trust")["data"]

    helm.install(CHART, "sealring", case("default"))
    kept = {"store-pin": "a pin", "store-layout": "a layout"}
    cluster.kubectl(
        "patch", "configmap", "sealring-trust", "-n", NAMESPACE, "--type=merge", "-p", json.dumps({"data": kept})
    )

    helm.upgrade(CHART, "sealring", case("default", workers=4, commonLabels={"team": "platform"}))
    assert pin() == kept
    helm.rollback("sealring", version=1)
    assert pin() == kept
    helm.uninstall("sealring")
    assert pin() == kept
    helm.install(CHART, "sealring", case("default"))
    assert pin() == kept


def test_the_pin_survives_an_upgrade_without_servers_for_a_restore(cluster, helm):
    helm.install(CHART, "sealring", case("default"))
    kept = {"store-pin": "a pin", "store-layout": "a layout"}
    cluster.kubectl(
        "patch", "configmap", "sealring-trust", "-n", NAMESPACE, "--type=merge", "-p", json.dumps({"data": kept})
    )

    restoring = {"replicas": 0, "init__enabled": False, "store__existingSecret": "sealring-store-2"}
    helm.upgrade(CHART, "sealring", case("default", **restoring))
    assert cluster.names("jobs") == []
    assert cluster.get("deployment", "sealring")["spec"]["replicas"] == 0

    helm.upgrade(CHART, "sealring", case("default", store__existingSecret="sealring-store-2"))
    assert cluster.get("configmap", "sealring-trust")["data"] == kept
    assert len(cluster.names("jobs")) == 1


def test_a_change_of_a_secret_rolls_the_pods_at_the_next_upgrade(cluster, helm):
    def sum_of_secrets():
        return cluster.get("deployment", "sealring")["spec"]["template"]["metadata"]["annotations"]["checksum/secrets"]

    root = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sealring-root", "namespace": NAMESPACE}}
    cluster.apply(root | {"stringData": {"root.key": "one"}})
    helm.install(CHART, "sealring", case("default"))
    before = sum_of_secrets()
    helm.upgrade(CHART, "sealring", case("default"))
    assert sum_of_secrets() == before

    cluster.apply(root | {"stringData": {"root.key": "two"}})
    helm.upgrade(CHART, "sealring", case("default"))

    assert sum_of_secrets() != before


def test_a_value_of_a_wrong_type_is_refused_before_anything_is_made(cluster, helm):
    with pytest.raises(Exception, match="schema"):
        helm.install(CHART, "sealring", case("default", replicas="two"))

    assert "sealring" not in cluster.names("configmaps")
