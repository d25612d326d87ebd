"""What every pod of the chart has: nothing it could do without."""

import re
from itertools import product

import pytest

from chart.rendering import CASES, ROOT, case, containers, one, pods, render
from sealring.http.health.views import HealthViews, Readiness
from sealring.server import serving
from sealring.server.loop_connection import DRAIN_S

every_pod = pytest.mark.parametrize("name", CASES)


def every(name):
    return [pod for _, pod in pods(render(case(name)))]


def server(**changes):
    return one(render(case("default", **changes)), "Deployment", "sealring")["spec"]


@every_pod
def test_a_pod_runs_as_a_user_without_rights(name):
    for pod in every(name):
        spec = pod["spec"]

        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)


@every_pod
def test_a_container_has_no_rights_and_a_limit_of_everything(name):
    for container in [container for pod in every(name) for container in containers(pod)]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() == {"cpu", "memory", "ephemeral-storage"}
        assert container["resources"]["requests"].keys() == {"cpu", "memory", "ephemeral-storage"}


@every_pod
def test_secrets_are_files_that_only_the_group_of_the_pod_reads(name):
    volumes = [volume for pod in every(name) for volume in pod["spec"].get("volumes", ())]
    sources = [volume[kind] for volume, kind in product(volumes, ("secret", "projected")) if kind in volume]

    assert {source["defaultMode"] for source in sources} == {0o440}


@every_pod
def test_no_secret_is_in_the_environment(name):
    for container in [container for pod in every(name) for container in containers(pod)]:
        assert all("valueFrom" not in each for each in container.get("env", ()))
        assert "envFrom" not in container


@every_pod
def test_every_mount_has_a_volume_and_every_volume_a_mount(name):
    for pod in every(name):
        claims = {"data"} if any("valkey" in each["image"] for each in containers(pod)) else set()
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", ())} | claims
        mounts = {mount["name"] for container in containers(pod) for mount in container.get("volumeMounts", ())}

        assert mounts == volumes


@pytest.mark.parametrize("name", CASES)
def test_every_pod_is_denied_what_no_policy_allows(name):
    resources = render(case(name))
    deny = one(resources, "NetworkPolicy", "sealring-deny")["spec"]

    assert (deny["policyTypes"], "ingress" in deny) == (["Ingress", "Egress"], False)
    for _, pod in pods(resources):
        assert deny["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("ports", [[53], [53, 5353]])
def test_names_are_resolved_at_the_ports_of_the_values(ports):
    deny = one(render(case("default", networkPolicy__dnsPorts=ports)), "NetworkPolicy", "sealring-deny")["spec"]

    (rule,) = deny["egress"]
    assert rule["ports"] == [{"protocol": each, "port": port} for port in ports for each in ("UDP", "TCP")]


def test_an_account_of_the_platform_is_left_to_it():
    for _, pod in pods(render(case("default", runAs__user=None, runAs__group=None))):
        assert pod["spec"]["securityContext"].keys() == {"runAsNonRoot", "seccompProfile"}
        assert all("runAsUser" not in container["securityContext"] for container in containers(pod))


def test_a_pod_ends_after_its_requests_and_not_before():
    kms_s = 10
    changed = server(drain__preStopSeconds=3, drain__gracefulSeconds=40)["template"]["spec"]

    default = server()["template"]["spec"]

    assert default["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 8}}}
    assert default["terminationGracePeriodSeconds"] == 45 >= 8 + serving.graceful_timeout + kms_s + DRAIN_S
    assert changed["terminationGracePeriodSeconds"] == 55 >= 3 + 40 + kms_s + DRAIN_S


def test_probes_ask_for_routes_that_exist():
    container = server()["template"]["spec"]["containers"][0]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}

    paths = {name: probe["path"] for name, probe in probes.items()}

    assert paths == {"startup": "/startupz", "readiness": "/readyz", "liveness": "/livez"}
    assert set(paths.values()) <= {route.rule for route in HealthViews(Readiness({}, "single")).routes()}
    assert {probe["scheme"] for probe in probes.values()} == {"HTTPS"}


def test_a_change_of_the_settings_rolls_the_pods():
    def sums(**changes):
        return server(**changes)["template"]["metadata"]["annotations"]["checksum/settings"]

    assert sums() == sums()
    assert len({sums(), sums(workers=3), sums(settings__limits={"max_versions_per_object": 5})}) == 3


def test_a_job_of_init_is_another_one_when_its_pod_is():
    def names(**changes):
        return [each["metadata"]["name"] for each in render(case("default", **changes)) if each["kind"] == "Job"]

    assert names() == names()
    assert names() != names(image__tag="0.2.0", image__digest="")
    assert len(names()) == 1


def test_only_containers_without_secrets_can_write_the_pin():
    (job,) = (pod for owner, pod in pods(render(case("identity"))) if owner.startswith("Job/"))
    able = [each for each in containers(job) if any(m["name"] == "kubernetes-api" for m in each["volumeMounts"])]

    assert [each["name"] for each in able] == ["recall", "keep"]
    for container in able:
        assert not any(mount["name"].startswith("secret-") for mount in container["volumeMounts"])


def test_the_job_may_change_one_configmap_and_nothing_else():
    role = one(render(case("default")), "Role", "sealring-init")

    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["sealring-trust"], "verbs": ["get", "patch"]}
    ]


def test_the_configmap_of_the_pin_has_no_data_that_an_upgrade_could_undo():
    trust = one(render(case("default")), "ConfigMap", "sealring-trust")

    assert "data" not in trust
    assert trust["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_jobs_of_a_schedule_never_overlap():
    jobs = [each for each in render(case("operations")) if each["kind"] == "CronJob"]

    assert {each["metadata"]["name"] for each in jobs} == {"sealring-purge", "sealring-verify", "sealring-backup"}
    assert {each["spec"]["concurrencyPolicy"] for each in jobs} == {"Forbid"}


def test_freed_memory_is_overwritten_unless_that_is_switched_off():
    def variables(**changes):
        return {each["name"]: each["value"] for each in server(**changes)["template"]["spec"]["containers"][0]["env"]}

    elsewhere = (ROOT / "deploy" / "scrub.env").read_text().splitlines()
    shipped = dict(line.split("=", 1) for line in elsewhere if not line.startswith("#"))
    assert variables() == {
        "SEALRING_CONFIG": "/sealring/sealring.toml",
        "PYTHONMALLOC": "malloc",
        "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
    }
    assert variables() == {"SEALRING_CONFIG": "/sealring/sealring.toml", **shipped}
    assert variables(scrubMemory=False) == {"SEALRING_CONFIG": "/sealring/sealring.toml"}


def test_an_autoscaler_is_not_contradicted():
    assert "replicas" not in one(render(case("aws")), "Deployment", "sealring")["spec"]
    assert server()["replicas"] == 2


@pytest.mark.parametrize("release", ["a", "sealring", "x" * 53])
def test_names_fit_with_any_release(release):
    names = [each["metadata"]["name"] for each in render(case("operations"), release)]

    assert max(map(len, names)) <= 63
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) for name in names)
