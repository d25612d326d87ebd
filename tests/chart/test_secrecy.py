"""Names of Secrets go into manifests; what is in them never does."""

import pytest
import yaml

from chart.rendering import CASES, case, containers, pods, render

CANARY = "canary-7f3c9a"


@pytest.mark.parametrize("name", CASES)
def test_a_secret_that_the_user_asks_for_is_nowhere_else(name):
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "asked-for"},
        "stringData": {"url": f"redis://:{CANARY}@store"},
    }

    resources = render(case(name, extraObjects=[secret]))

    assert [each["metadata"]["name"] for each in resources if CANARY in yaml.safe_dump(each)] == ["asked-for"]


@pytest.mark.parametrize("name", CASES)
def test_no_pod_gets_more_secrets_than_it_needs(name):
    for owner, pod in pods(render(case(name))):
        mounted = {volume["secret"]["secretName"] for volume in pod["spec"].get("volumes", ()) if "secret" in volume}
        if owner == "StatefulSet/sealring-valkey":
            assert mounted == {"sealring-valkey", "sealring-valkey-tls"}
        if owner == "Pod/sealring-test":
            assert mounted <= {"sealring-tls", "sealring-test-token"}


def test_helm_test_does_not_get_the_key_of_the_certificate():
    (pod,) = (pod for owner, pod in pods(render(case("default"))) if owner.startswith("Pod/"))
    (volume,) = (each for each in pod["spec"]["volumes"] if "secret" in each)

    assert [item["key"] for item in volume["secret"]["items"]] == ["ca.crt", "tls.crt"]


def test_copies_of_images_of_others_get_no_secret():
    for name in ("hsm", "plugin"):
        for _, pod in pods(render(case(name))):
            for container in containers(pod):
                if container["name"].startswith("copy-"):
                    assert [mount["name"] for mount in container["volumeMounts"]] in (["pkcs11"], ["plugins"])
                    assert "env" not in container
