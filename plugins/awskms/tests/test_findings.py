"""What validation finds, and what it advises."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from sealring_plugin import DeadlineExceeded, Finding, Severity, Throttled, Unavailable

ERROR, WARNING = Severity.ERROR, Severity.WARNING
ROLE = "arn:aws:iam::444455556666:role/sealring"


@pytest.fixture
def found(provider, call):
    def found(key):
        return {finding.code: finding.severity for finding in provider.validate(key, call())}

    return found


def test_a_key_with_rotation_and_a_condition_has_no_finding(localstack, proxy, key, found):
    localstack.admin.enable_key_rotation(KeyId=key.key_id)

    with proxy.letting_in("org_acme"):
        assert found(key) == {}


def test_a_policy_without_a_condition_is_an_error_of_a_direct_grant(localstack, key, found):
    localstack.admin.enable_key_rotation(KeyId=key.key_id)

    assert found(key) == {"grant_not_bound_to_organization": ERROR}


@pytest.mark.parametrize("guarded", ["Encrypt", "Decrypt"])
def test_a_condition_on_one_operation_alone_is_found(localstack, proxy, key, found, guarded):
    localstack.admin.enable_key_rotation(KeyId=key.key_id)

    with proxy.letting_in("org_acme", operations=(guarded,)):
        assert found(key) == {"grant_not_bound_to_organization": ERROR}


def test_a_condition_that_the_other_spelling_passes_is_found(localstack, proxy, key, found):
    """As StringEqualsIfExists on organization_id does, where the context has organizationId alone."""
    localstack.admin.enable_key_rotation(KeyId=key.key_id)

    with passed_by(proxy, lambda context: context.get("organization_id", "org_acme") == "org_acme"):
        assert found(key) == {"grant_not_bound_to_organization": ERROR}


def test_a_policy_for_another_organization_is_found(proxy, key, found):
    with proxy.letting_in("org_another"):
        assert found(key) == {"rotation_off": WARNING, "wrap_denied": ERROR}


def test_a_policy_that_lets_us_only_encrypt_is_found(proxy, key, found):
    with proxy.letting_in("org_another", operations=("Decrypt",)):
        assert found(key)["unwrap_denied"] is ERROR


@pytest.mark.parametrize(
    ("operation", "finding"), [("DescribeKey", "describe_denied"), ("GetKeyRotationStatus", "rotation_unknown")]
)
def test_what_is_hidden_from_us_is_a_warning(proxy, key, found, operation, finding):
    with proxy.answering("AccessDeniedException", operations=(operation,)):
        assert found(key)[finding] is WARNING


def test_a_disabled_key_is_found(localstack, key, found):
    localstack.admin.disable_key(KeyId=key.key_id)

    assert found(key) == {"key_disabled": ERROR}


def test_a_disabled_key_is_found_by_its_use_where_its_state_is_hidden(localstack, proxy, key, found):
    localstack.admin.disable_key(KeyId=key.key_id)

    with proxy.answering("AccessDeniedException", operations=("DescribeKey",)):
        assert found(key) == {"describe_denied": WARNING, "key_disabled": ERROR}


@pytest.mark.parametrize(("days", "others"), [(7, {"deletion_window_short": WARNING}), (30, {})])
def test_a_key_that_is_to_be_deleted_is_found(localstack, key, found, days, others):
    localstack.admin.schedule_key_deletion(KeyId=key.key_id, PendingWindowInDays=days)

    assert found(key) == {"key_pending_deletion": ERROR, **others}


def test_a_key_of_another_usage_is_found(localstack, proxy, at, found):
    key = at(proxy, localstack.make_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048"))

    assert found(key)["wrong_key_usage"] is ERROR


def test_a_key_without_material_is_found(localstack, proxy, at, found):
    key = at(proxy, localstack.make_key(Origin="EXTERNAL"))

    assert found(key) == {"key_material_missing": ERROR, "imported_material": WARNING}


def test_a_key_of_many_regions_is_found(localstack, proxy, at, found):
    key = at(proxy, localstack.make_key(MultiRegion=True))

    assert found(key)["multi_region"] is WARNING


def test_a_key_that_is_not_there_is_found(key, found):
    assert found(replace(key, key_id=f"{key.key_id[:-12]}000000000000")) == {"key_not_found": ERROR}


def test_a_key_that_can_never_be_right_is_found_without_asking(proxy, key, found):
    assert found(replace(key, key_id="alias/mine")) == {"binding_invalid": ERROR}
    assert proxy.seen == []


def test_an_endpoint_of_another_region_is_found(make_provider, key, call):
    provider = make_provider(allowed_hosts="kms.us-east-1.amazonaws.com")
    elsewhere = at_endpoint(key, "https://kms.us-east-1.amazonaws.com")

    assert [finding.code for finding in provider.validate(elsewhere, call())] == ["wrong_region"]


def test_a_role_that_does_not_let_us_in_is_found(make_provider, moto, moto_proxy, at, call):
    provider = make_provider(moto_proxy, sts_endpoint=moto_proxy.url)
    key = at(moto_proxy, moto.make_key(), role_arn="arn:aws:iam::444455556666:role/denying")

    with moto_proxy.answering("AccessDenied", 403, operations=("AssumeRole",)):
        assert [finding.code for finding in provider.validate(key, call())] == ["role_denied"]


@pytest.fixture
def role_key(moto, moto_proxy, at):
    """A key with rotation, and a role that trusts us with the external id of its organization."""
    arn = moto.make_key()
    moto.admin.enable_key_rotation(KeyId=arn)
    moto_proxy.policies[arn] = lambda organization: organization == "org_acme"
    moto_proxy.trusts[ROLE] = "external-id-of-acme"
    return at(moto_proxy, arn, role_arn=ROLE)


@pytest.fixture
def role_found(make_provider, moto_proxy, call):
    provider = make_provider(moto_proxy, sts_endpoint=moto_proxy.url)
    return lambda key: {finding.code: finding.severity for finding in provider.validate(key, call(20))}


def test_a_role_with_both_conditions_has_no_finding(role_found, role_key):
    assert role_found(role_key) == {}


def test_a_role_that_takes_any_external_id_is_an_error(role_found, moto_proxy, role_key):
    moto_proxy.trusts.clear()

    assert role_found(role_key) == {"role_not_bound_to_organization": ERROR}


def test_a_role_that_was_mended_is_seen_at_once(role_found, moto_proxy, role_key):
    moto_proxy.trusts.clear()
    role_found(role_key)

    moto_proxy.trusts[ROLE] = "external-id-of-acme"

    assert role_found(role_key) == {}


def test_a_role_that_may_use_the_key_in_any_context_is_a_warning(role_found, moto_proxy, role_key):
    moto_proxy.policies.clear()

    assert role_found(role_key) == {"context_condition_missing": WARNING}


def test_an_endpoint_that_does_not_bind_the_context_is_found(provider, proxy, key, call):
    with opening_whatever_comes(proxy, key):
        found = {finding.code for finding in provider.validate(key, call())}

    assert "context_not_bound" in found


def test_an_endpoint_that_returns_another_data_key_is_found(provider, proxy, key, call):
    answer = f'{{"KeyId": "{key.key_id}", "Plaintext": "{"A" * 43}="}}'.encode()

    with only_for(proxy, "Decrypt", lambda _seen: answer):
        found = {finding.code for finding in provider.validate(key, call())}

    assert {"unwrap_wrong", "context_not_bound"} <= found


@pytest.mark.parametrize(
    ("code", "failure"), [("ThrottlingException", Throttled), ("KMSInternalException", Unavailable)]
)
def test_where_nothing_can_be_said_now_it_is_a_failure(provider, proxy, key, call, code, failure):
    with proxy.answering(code), pytest.raises(failure):
        provider.validate(key, call())


def test_validation_keeps_its_deadline(provider, proxy, key, call):
    with proxy.dripping(), pytest.raises(DeadlineExceeded):
        provider.validate(key, call(0.5))


def test_findings_have_stable_codes():
    from sealring_awskms import findings  # noqa: PLC0415

    constants = {each.code for each in vars(findings).values() if isinstance(each, Finding)}

    assert constants == {
        "context_condition_missing",
        "context_not_bound",
        "describe_denied",
        "grant_not_bound_to_organization",
        "key_disabled",
        "key_material_missing",
        "key_not_found",
        "key_unavailable",
        "multi_region",
        "role_denied",
        "role_not_bound_to_organization",
        "rotation_off",
        "rotation_unknown",
        "unwrap_denied",
        "unwrap_wrong",
        "wrap_denied",
        "wrong_key_usage",
    }


def at_endpoint(key, endpoint):
    return replace(key, options=tuple(sorted({**dict(key.options), "endpoint": endpoint}.items())))


@contextmanager
def passed_by(proxy, condition):
    """A key policy with a condition on the encryption context."""

    def fault(handler, seen):
        if seen.operation not in {"Encrypt", "Decrypt"} or condition(seen.body["EncryptionContext"]):
            return False
        handler.refuse(seen, 400, "AccessDeniedException", "no resource-based policy allows the action")
        return True

    proxy.fault = fault
    try:
        yield
    finally:
        proxy.fault = None


@contextmanager
def only_for(proxy, operation, answer):
    def fault(handler, seen):
        if seen.operation != operation:
            return False
        handler.answer(200, {"content-type": "application/x-amz-json-1.1"}, answer(seen))
        return True

    with ExitStack() as stack:
        proxy.fault = fault
        stack.callback(setattr, proxy, "fault", None)
        yield


@contextmanager
def opening_whatever_comes(proxy, key):
    """A KMS that keeps plaintexts in its blobs and looks at no context."""

    def fault(handler, seen):
        if seen.operation not in {"Encrypt", "Decrypt"}:
            return False
        dek = seen.body.get("Plaintext") or seen.body["CiphertextBlob"]
        answer = f'{{"KeyId": "{key.key_id}", "CiphertextBlob": "{dek}", "Plaintext": "{dek}"}}'.encode()
        handler.answer(200, {"content-type": "application/x-amz-json-1.1"}, answer)
        return True

    proxy.fault = fault
    try:
        yield
    finally:
        proxy.fault = None
