"""What is wrong with a key is found, and told by a code that stays."""

import time
from contextlib import contextmanager

import pytest
from azure_fake import HSM, VAULT, Key, refused
from entra_fake import text

from sealring_azurekv.blob import digest, joined
from sealring_azurekv.findings import _PROBE, FINDINGS
from sealring_plugin import Severity, Throttled, Unavailable

EVERYTHING = {"get", "wrapKey", "unwrapKey", "encrypt", "decrypt", "deleted", "rotationpolicy"}


@pytest.fixture
def kept(azure):
    """The key "examined", a new one each time, that has no fault."""
    azure.keys[VAULT, "examined"] = key = Key()
    key.tags["sealring-external-id"] = "external-1"
    return key


@pytest.fixture
def found(azure, provider, make_key, call):
    def found(name="examined", vault=VAULT, **options):
        return {each.code for each in provider.validate(make_key(name, vault, **options), call)}

    return found


def day(days):
    return int(time.time()) + 86_400 * days


def test_a_key_without_fault_has_no_finding(kept, found):
    assert found() == set()


def test_examining_wraps_and_unwraps_at_the_vault(azure, kept, found):
    azure.seen.clear()

    found()

    assert azure.operations() == [
        "GET examined",
        "GET rotationpolicy",
        "GET examined",
        "POST wrapkey",
        "POST unwrapkey",
    ]


@pytest.mark.parametrize(
    ("attributes", "codes"),
    [
        ({"enabled": False}, {"key_disabled"}),
        ({"exp": day(-1)}, {"key_expired"}),
        ({"nbf": day(1)}, {"key_not_yet_valid"}),
        ({"exp": day(29)}, {"key_expires_soon"}),
        ({"exp": day(31)}, set()),
        ({"exportable": True}, {"key_exportable"}),
        ({"recoveryLevel": "Recoverable+Purgeable"}, {"purge_protection_off"}),
        ({"recoveryLevel": "CustomizedRecoverable+Purgeable"}, {"purge_protection_off"}),
        ({"recoveryLevel": "Purgeable"}, {"purge_protection_off"}),
        ({"recoveryLevel": "CustomizedRecoverable+ProtectedSubscription"}, set()),
        ({"recoveryLevel": None}, {"deletion_protection_unknown"}),
        ({"recoverableDays": 7}, {"deletion_window_short"}),
        ({"recoverableDays": 30}, set()),
        ({"enabled": False, "exportable": True}, {"key_disabled", "key_exportable"}),
    ],
)
def test_an_attribute_is_a_finding(kept, found, attributes, codes):
    kept.newest.attributes.update(attributes)

    assert found() == codes


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"operations": ["wrapKey", "encrypt", "decrypt"]}, {"wrong_operations"}),
        ({"operations": ["wrapKey", "unwrapKey"]}, set()),
        ({"managed": True}, {"key_of_certificate"}),
        ({"tags": {}}, {"grant_not_bound_to_organization"}),
        ({"tags": {"sealring-external-id": "external-2"}}, {"grant_for_another_organization"}),
    ],
)
def test_a_property_is_a_finding(kept, found, change, codes):
    vars(kept).update(change)

    assert found() == codes


@pytest.mark.parametrize(
    ("bits", "codes"),
    [(1024, {"rsa_too_small"}), (2048, set()), (3072, set()), (4096, {"rsa_4096_slow"})],
)
def test_the_size_of_an_rsa_key_is_judged(azure, kept, found, bits, codes):
    azure.keys[VAULT, "examined"] = sized = Key(bits=bits)
    sized.tags = kept.tags

    assert found() == codes


def test_an_elliptic_curve_is_the_wrong_type(azure, kept, found):
    azure.keys[VAULT, "examined"] = Key("EC")
    azure.keys[VAULT, "examined"].tags = kept.tags

    assert found() == {"wrong_key_type"}


def test_a_key_of_a_managed_hsm_needs_other_operations(azure, found):
    azure.keys[HSM, "examined"] = key = Key("oct-HSM")
    key.tags["sealring-external-id"] = "external-1"
    with azure.switched(denied=set()):
        whole = found(vault=HSM)
    key.operations = ["wrapKey", "unwrapKey"]

    assert [whole, found(vault=HSM)] == [set(), {"wrong_operations"}]


@pytest.mark.parametrize(
    ("denied", "codes"),
    [
        ({"get"}, {"describe_denied"}),
        ({"wrapKey"}, {"wrap_denied"}),
        ({"unwrapKey"}, {"unwrap_denied"}),
        (EVERYTHING, {"describe_denied"}),
    ],
)
@pytest.mark.parametrize("denial", ["ForbiddenByRbac", "ForbiddenByPolicy", "ForbiddenByFirewall"])
def test_each_permission_that_is_missing_is_a_finding(azure, kept, found, denied, denial, codes):
    with azure.switched(denied=denied | {"rotationpolicy"}, denial=denial):
        assert found() == codes


def test_a_rotation_policy_that_may_be_read_has_to_rotate(azure, kept, found):
    with azure.switched(denied=set()):
        off = found()
        kept.rotates = True

        assert [off, found()] == [{"rotation_off"}, set()]


def test_a_key_that_is_gone_is_a_finding(azure, kept, found):
    with azure.without((VAULT, "examined"), recoverable=True), azure.switched(denied=set()):
        deleted = found()
    with azure.without((VAULT, "examined"), recoverable=False):
        purged = found()

    assert [deleted, purged] == [{"key_pending_deletion"}, {"key_not_found"}]


def test_a_key_that_does_not_give_back_what_it_took_is_a_finding(azure, kept, found):
    with losing_versions(azure, kept):
        assert found() == {"unwrap_failed"}


@contextmanager
def losing_versions(azure, kept):
    """The vault wraps with other material than it unwraps with."""
    other = Key().newest.secret
    operate = azure._operate  # noqa: SLF001

    def swapped(vault, name, version, operation, body):
        own = kept.newest.secret
        kept.newest.secret = other if operation == "unwrapkey" else own
        try:
            return operate(vault, name, version, operation, body)
        finally:
            kept.newest.secret = own

    azure._operate = swapped  # noqa: SLF001
    try:
        yield
    finally:
        del azure._operate  # noqa: SLF001


def test_a_key_that_gives_back_another_one_is_a_finding(azure, kept, found, make_key, monkeypatch):
    bound = digest(make_key("examined"), _PROBE)
    operate = azure._operate  # noqa: SLF001

    def other(vault, name, version, operation, body):
        result = operate(vault, name, version, operation, body)
        return {**result, "value": text(joined(bytes(32), bound))} if operation == "unwrapkey" else result

    monkeypatch.setattr(azure, "_operate", other)

    assert found() == {"unwrap_failed"}


def test_a_key_that_only_wraps_differently_is_a_finding(azure, kept, found, monkeypatch):
    def refuse(*_):
        raise refused(400, "BadParameter")

    monkeypatch.setattr(azure, "_operate", refuse)

    assert found() == {"wrap_unsupported"}


@pytest.mark.parametrize(("status", "failure"), [(429, Throttled), (503, Unavailable)])
def test_what_is_no_fault_of_the_key_is_no_finding(azure, provider, make_key, call, status, failure):
    with azure.switched(fails_with=refused(status, "x")), pytest.raises(failure):
        provider.validate(make_key(), call)


def test_errors_come_with_the_word_error():
    errors = {code for code, (severity, _, _) in FINDINGS.items() if severity is Severity.ERROR}

    assert errors == {
        "key_disabled",
        "key_expired",
        "key_not_yet_valid",
        "key_pending_deletion",
        "key_not_found",
        "wrong_key_type",
        "wrong_operations",
        "rsa_too_small",
        "wrap_denied",
        "unwrap_denied",
        "wrap_unsupported",
        "unwrap_failed",
        "describe_denied",
        "grant_for_another_organization",
        "grant_not_bound_to_organization",
    }


def test_the_guide_has_who_we_are_and_for_whom(make_provider):
    given = make_provider().explain_setup(principal="the app", organization_id="org_acme", external_id="external-1")
    own = make_provider(principal="ours").explain_setup(principal="", organization_id="org_acme", external_id="e")

    assert "az ad sp create --id the app\n" in given.policy
    assert "organization org_acme" in given.policy
    assert "--tags sealring-external-id=external-1\n" in given.policy
    assert "az ad sp create --id ours\n" in own.policy
    assert "https://<VAULT>.vault.azure.net/keys/<KEY>" in given.steps[5]
