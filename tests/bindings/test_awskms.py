"""The whole server with keys of customers in AWS KMS: LocalStack's, behind a proxy that sees what their owners see."""

import json
import uuid

import pytest
from aws_emulators import emulators
from aws_emulators.fault_proxy import FaultProxy

from sealring.operator.installation import SETTINGS_FILE
from support.live import live_server, running
from support.waiting import becomes_true

PLUGIN = """
[plugins.awskms]
principal = "arn:aws:iam::111122223333:role/sealring"
access_key_id = "{access_key_id}"
secret_access_key_file = "aws-secret"
allowed_hosts = "{place}"
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """LocalStack, with the customer's admin."""
    with emulators.running("localstack", tmp_path_factory.mktemp("localstack") / "log") as port:
        yield emulators.localstack(port)


@pytest.fixture(scope="module")
def proxy(aws):
    made = FaultProxy(aws.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, proxy, run_sealring):
    folder = tmp_path_factory.mktemp("server")
    with live_server(folder, workers=1) as plain:
        secret = folder / "aws-secret"
        secret.touch(0o600)
        secret.write_text("secret-of-ours\n")
        path = folder / SETTINGS_FILE
        text = PLUGIN.format(access_key_id=emulators.OURS, place=proxy.place)
        path.write_text(path.read_text() + text)
        with running(path, folder / "aws.log", plain.kms) as server:
            server.run_sealring = run_sealring
            yield server


@pytest.fixture
def org():
    return f"org_{uuid.uuid4().hex[:12]}"


def commanded(server, *arguments):
    """What `sealring bindings ...` prints."""
    done = server.run_sealring("bindings", *arguments, "--config", server.folder / SETTINGS_FILE, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def bind(server, proxy, org, arn):
    """As the setup guide says, with a policy of the key that lets us in for its organization alone."""
    proxy.policies[arn] = lambda organization: organization == org
    options = ("--provider", "awskms", "--key", arn, "--option", f"endpoint={proxy.url}", "--option", "grant=direct")
    return commanded(server, "create", "--org", org, *options, "--show-context", "resource_type", "--activate")


def create(server, org, **pairs):
    body = {"name": uuid.uuid4().hex, "value": "v", "key_context": {"organization_id": org, **pairs}}
    headers = {"X-Request-ID": f"request-of-{org}"}
    return server.ask("POST", "/vault/v1/kv", token=server.token(org), body=body, headers=headers)


def read(server, org, made):
    return server.ask("GET", f"/vault/v1/kv/{made.json['id']}", token=server.token(org))


def test_a_customers_key_guards_its_contexts_and_revokes(server, aws, proxy, org):
    arn = aws.make_key()
    binding = bind(server, proxy, org, arn)
    assert binding["state"] == "active"

    made, other = create(server, org, resource_type="card", more="x"), create(server, f"{org}_other")
    assert made.json["key_id"] == binding["key_id"] != other.json["key_id"]
    assert read(server, org, made).json["value"] == "v"

    aws.admin.disable_key(KeyId=arn)
    refused = read(server, org, made)
    assert (refused.status, refused.json["code"]) == (424, "cmk_disabled")
    assert create(server, org).json["code"] == "cmk_disabled"
    assert read(server, f"{org}_other", other).status == 200

    aws.admin.enable_key(KeyId=arn)
    assert becomes_true(lambda: read(server, org, made).status == 200)


def test_a_key_that_trusts_us_cannot_be_bound_by_whoever_knows_its_name(server, aws, proxy, org):
    """The confused deputy: its owner let us in, and we act for everybody."""
    arn, thief = aws.make_key(), f"{org}_thief"

    def bound(**options):
        options = {"endpoint": proxy.url, **options}
        body = {"organization_id": thief, "provider": "awskms", "key": arn, "options": options, "activate": True}
        return server.ask("POST", "/sealring/v1/bindings", token=server.token(thief), body=body)

    refused, pending = bound(), bound(grant="direct")
    proxy.policies[arn] = lambda organization: organization == org
    denied = bound(grant="direct")
    proxy.seen.clear()
    made = create(server, thief)

    assert refused.status == 422
    assert pending.json["state"] == "pending"
    assert "grant_not_bound_to_organization" in {finding["code"] for finding in pending.json["findings"]}
    assert denied.json["state"] == "pending"
    assert "wrap_denied" in {finding["code"] for finding in denied.json["findings"]}
    assert made.json["key_id"] != pending.json["key_id"]
    assert proxy.of("Encrypt") == []


def test_the_context_and_our_request_id_reach_the_log_of_the_keys_owner(server, aws, proxy, org):
    bind(server, proxy, org, aws.make_key())
    proxy.seen.clear()

    create(server, org, resource_type="card", secret="hidden")

    (seen,) = proxy.of("Encrypt")
    shown = seen.body["EncryptionContext"]
    assert (shown["organization_id"], shown["resource_type"]) == (org, "card")
    assert set(shown) == {"organization_id", "resource_type", "context_sha256", "sealring-aad"}
    assert "hidden" not in json.dumps(seen.body)
    assert f"request-of-{org}" in seen.user_agent


def test_validate_names_what_is_wrong(server, aws, proxy, org):
    wrong = {
        "key_disabled": aws.make_key(),
        "key_pending_deletion": aws.make_key(),
        "wrong_key_usage": aws.make_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048"),
        "key_material_missing": aws.make_key(Origin="EXTERNAL"),
        "key_not_found": f"{aws.make_key()[:-12]}000000000000",
        "rotation_off": aws.make_key(),
        "multi_region": aws.make_key(MultiRegion=True),
    }
    aws.admin.disable_key(KeyId=wrong["key_disabled"])
    aws.admin.schedule_key_deletion(KeyId=wrong["key_pending_deletion"], PendingWindowInDays=7)

    found = {code: bind(server, proxy, f"{org}_{code}", arn) for code, arn in wrong.items()}

    for code, binding in found.items():
        findings = {finding["code"]: finding for finding in binding["findings"]}
        assert code in findings, (code, findings)
        assert findings[code]["advice"]
    errors = {code for code, binding in found.items() if binding["state"] == "pending"}
    assert errors == set(wrong) - {"rotation_off", "multi_region"}


@pytest.mark.parametrize(
    ("key", "option"),
    [
        ("alias/mine", "grant=direct"),
        ("arn:aws:kms:eu-west-1:444455556666:alias/mine", "grant=direct"),
        ("arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab", None),
        (
            "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "endpoint=http://169.254.169.254",
        ),
        (
            "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "endpoint=https://evil.example",
        ),
        (
            "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "role_arn=arn:aws:iam::1:role/x",
        ),
    ],
)
def test_a_key_that_can_never_be_right_is_refused_before_anything_is_called(server, proxy, org, key, option):
    proxy.seen.clear()
    name, _, value = (option or "").partition("=")
    options = {name: value} if name else {}
    if name == "endpoint":
        options["grant"] = "direct"
    body = {"organization_id": org, "provider": "awskms", "key": key, "options": options}

    refused = server.ask("POST", "/sealring/v1/bindings", token=server.token(org), body=body)

    assert refused.status == 422, refused.json
    assert proxy.seen == []


def test_the_setup_guide_names_us_the_organization_and_its_external_id(server, org):
    path = f"/sealring/v1/providers/awskms/setup?organization_id={org}"

    guide = server.ask("GET", path, token=server.token(org)).json

    assert "arn:aws:iam::111122223333:role/sealring" in guide["policy"]
    assert org in guide["policy"]
    assert len(guide["external_id"]) == 32
