"""The values that the guide shows are values, and what it says of files is so."""

import re

import pytest
import yaml
from helm_python import HelmError

from chart.rendering import CHART, NAMESPACE, ROOT, case, chart, one, render
from docs.markdown import blocks

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
VALUES = [yaml.safe_load(text) for text in blocks(PAGE, "yaml")]


IDENTITY = (ROOT / "docs" / "kubernetes-identity.md").read_text()
ESO = (ROOT / "docs" / "external-secrets.md").read_text()
CLIENT = {"namespaceSelector": {"matchLabels": {"sealring.dev/client": "true"}}}


def merged(under, over):
    """As Helm merges values."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {name: merged(under.get(name), value) for name, value in over.items()}


@pytest.mark.parametrize("values", VALUES, ids="+".join)
def test_the_values_of_the_guide_can_be_rendered(values):
    wanted = merged(case("default"), values)
    if values.get("tls", {}).get("certManager"):
        wanted["tls"]["existingSecret"] = ""

    assert one(render(wanted), "Deployment", "sealring")["kind"] == "Deployment"


def test_the_first_values_of_the_guide_are_enough():
    assert len(VALUES) > 4

    assert one(render(VALUES[0]), "Deployment", "sealring")["spec"]["replicas"] == 2


def test_a_value_that_the_guide_does_not_know_would_be_noticed():
    with pytest.raises(HelmError):
        chart().validate_schema({**VALUES[0], "nonsense": 1})


def test_the_first_values_allow_what_helm_test_does():
    (issuer,) = VALUES[0]["settings"]["issuers"]

    assert {f"vault:objects:{each}" for each in ("create", "read", "delete")} <= set(issuer["permissions"])


def test_a_list_of_clients_keeps_those_that_have_the_label():
    lists = [values["networkPolicy"]["clients"] for values in VALUES if "clients" in values.get("networkPolicy", {})]

    assert yaml.safe_load((CHART / "values.yaml").read_text())["networkPolicy"]["clients"] == [CLIENT]
    assert len(lists) == 2
    assert all(CLIENT in clients for clients in lists)


NGINX = (ROOT / "deploy" / "nginx.conf").read_text()
OF_INGRESS = "nginx.ingress.kubernetes.io/"
DIRECTIVES = {  # annotations that say the same as a directive of deploy/nginx.conf, with seconds as numbers
    "proxy-body-size": "client_max_body_size",
    "client-body-buffer-size": "client_body_buffer_size",
    "proxy-request-buffering": "proxy_request_buffering",
    "proxy-buffering": "proxy_buffering",
    "proxy-max-temp-file-size": "proxy_max_temp_file_size",
    "proxy-connect-timeout": "proxy_connect_timeout",
    "proxy-read-timeout": "proxy_read_timeout",
    "limit-connections": "limit_conn peers",
}


def annotations():
    """Those of the Ingress in the guide, without their prefix."""
    (found,) = (values["ingress"]["annotations"] for values in VALUES if "ingress" in values)
    return {name.removeprefix(OF_INGRESS): text for name, text in found.items()}


def directive(name):
    (value,) = re.findall(rf"^\s*{name} (.*?);", NGINX, re.MULTILINE)
    return value


@pytest.mark.parametrize("annotation", DIRECTIVES)
def test_an_ingress_does_what_the_proxy_that_is_shipped_does(annotation):
    assert re.sub(r"^(\d+)s$", r"\1", directive(DIRECTIVES[annotation])) == annotations()[annotation]


def test_an_ingress_logs_nothing_and_buffers_as_much_as_the_proxy_that_is_shipped():
    given = annotations()

    assert (directive("access_log"), given["enable-access-log"]) == ("off", "false")
    assert directive("proxy_buffers") == f"{given['proxy-buffers-number']} {given['proxy-buffer-size']}"
    assert 'Set `client-header-timeout` and `client-body-timeout` to `"10"` in the ConfigMap of its controller' in PAGE
    assert (directive("client_header_timeout"), directive("client_body_timeout")) == ("10s", "10s")


def test_an_ingress_verifies_the_server_by_the_name_of_its_service():
    given = annotations()
    service = one(render(VALUES[0]), "Service", "sealring")["metadata"]

    assert (given["backend-protocol"], given["proxy-ssl-verify"]) == ("HTTPS", "on")
    assert given["proxy-ssl-name"] == f"{service['name']}.{service['namespace']}.svc"
    assert given["proxy-ssl-secret"] == f"{service['namespace']}/sealring-ca"
    assert "kubectl -n vault create secret generic sealring-ca --from-file=ca.crt\n" in PAGE


def test_a_route_is_taken_by_one_listener():
    routes = [values["gateway"]["parentRefs"] for values in VALUES if "gateway" in values]

    assert [[each["sectionName"] for each in route] for route in routes] == [["https"]]


def test_the_case_of_an_ingress_is_that_of_the_guide():
    given = one(render(case("operations")), "Ingress", "sealring")["metadata"]["annotations"]

    assert {name.removeprefix(OF_INGRESS): text for name, text in given.items()} == annotations()


@pytest.mark.parametrize("page", [PAGE, IDENTITY, ESO], ids=["guide", "identity", "external secrets"])
def test_the_pages_have_the_address_of_the_service(page):
    resources = render(VALUES[0])
    service = one(resources, "Service", "sealring")
    port = next(each["port"] for each in service["spec"]["ports"] if each["name"] == "api")
    address = f"https://sealring.{service['metadata']['namespace']}.svc:{port}"

    named = re.findall(r"https://sealring\.[a-z]+\.svc(?::\d+)?", page)

    assert set(named) == {address}


def test_the_bindings_of_the_page_are_for_the_account_of_the_chart():
    account = one(render(VALUES[0]), "ServiceAccount", "sealring")["metadata"]
    bindings = [each for each in map(yaml.safe_load, blocks(IDENTITY, "yaml")) if each["kind"] == "ClusterRoleBinding"]

    assert len(bindings) == 2
    for binding in bindings:
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        ]


def test_the_files_of_the_server_in_the_guide_are_mounted():
    values = next(values for values in VALUES if values.get("kubernetesApi", {}).get("enabled"))
    server = one(render(merged(case("default"), values)), "Deployment", "sealring")["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in server["containers"][0]["volumeMounts"]}
    (issuer,) = values["settings"]["issuers"]

    assert f"/sealring/{issuer['token_file']}" == f"{mounts['kubernetes-api']}/token"


def test_the_namespaces_of_callers_are_told_to_get_the_label():
    assert "kubectl label namespace external-secrets sealring.dev/client=true" in ESO
    assert NAMESPACE == "vault"
