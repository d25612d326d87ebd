"""What a wrapped key is bound to."""

from dataclasses import replace

import pytest

from sealring_awskms.encryption_context import bound_pairs
from sealring_plugin import CustomersKey, Unsupported, WrapContext

KEY = CustomersKey("awskms", "arn", 1)


def digest(key=KEY, context=None, aad=b"aad"):
    return bound_pairs(key, WrapContext(context or {"organization_id": "org_acme"}, aad))["sealring-aad"]


def test_the_shown_pairs_and_a_digest_are_the_encryption_context():
    assert bound_pairs(KEY, WrapContext({"organization_id": "org_acme", "type": "invoice"}, b"aad")) == {
        "organization_id": "org_acme",
        "type": "invoice",
        "sealring-aad": "gWeMjH38uYQjlRHg3r1i5spO57VMf0jcX8qlDLm8ywc",
    }


def test_the_digest_is_of_the_version_the_pairs_and_the_aad():
    others = [
        digest(replace(KEY, version=2)),
        digest(aad=b"aae"),
        digest(context={"organization_id": "org_acm", "e": ""}),
        digest(context={"organization_i": "dorg_acme"}),
        digest(context={"organization_id": "org_acmea"}, aad=b"ad"),
    ]

    assert len({digest(), *others}) == 6


def test_the_digest_has_one_length_whatever_it_is_of():
    assert {len(digest(aad=bytes(size))) for size in (0, 1, 70, 256)} == {43}


@pytest.mark.parametrize(
    "context",
    [
        {"ORGANIZATION_ID": "org_victim", "organizationId": "org_thief"},
        {"Organization_Id": "org_victim"},
        {"organizationid": "org_victim", "organization_id": "org_thief"},
        {"type": "a", "TYPE": "b"},
        {"sealring-aad": "x"},
        {"Sealring-AAD": "x"},
    ],
)
def test_a_pair_that_a_policy_could_take_for_another_is_refused(context):
    with pytest.raises(Unsupported):
        bound_pairs(KEY, WrapContext(context, b"aad"))


def test_both_spellings_of_the_organization_are_taken():
    context = {"organization_id": "org_acme", "organizationId": "org_acme"}

    assert bound_pairs(KEY, WrapContext(context, b"aad")).keys() == {*context, "sealring-aad"}
