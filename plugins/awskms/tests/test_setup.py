"""The setup guide gives policies that let us use a key for one organization alone."""

from sealring_awskms import setup


def test_the_policy_lets_us_use_the_key_for_one_organization():
    policy = setup.key_policy("arn:aws:iam::111122223333:role/sealring", "org_acme", reencrypt=False)

    us = {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/sealring"}
    assert [statement["Condition"] for statement in policy["Statement"]] == [
        {"StringEquals": {**us, "kms:EncryptionContext:organization_id": "org_acme"}},
        {"StringEquals": {**us, "kms:EncryptionContext:organizationId": "org_acme"}},
        {"StringEquals": us},
    ]
    assert {str(statement["Principal"]) for statement in policy["Statement"]} == {
        "{'AWS': 'arn:aws:iam::111122223333:role/sealring'}"
    }
    assert policy["Statement"][0]["Action"] == ["kms:Encrypt", "kms:Decrypt"]
    assert policy["Statement"][2]["Action"] == ["kms:DescribeKey", "kms:GetKeyRotationStatus"]


def test_the_guide_has_the_trust_policy_with_the_external_id(provider):
    guide = provider.explain_setup(
        principal="arn:aws:iam::111122223333:role/sealring",
        organization_id="org_acme",
        external_id="external-id-of-acme",
    )

    assert '"sts:ExternalId": "external-id-of-acme"' in "".join(guide.steps)
    assert "grant=direct" in "".join(guide.steps)


def test_our_own_policy_assumes_no_role_without_an_external_id():
    (roles,) = setup.own_policy(direct=False, reencrypt=False)["Statement"]

    assert (roles["Action"], roles["Condition"]) == ("sts:AssumeRole", {"Null": {"sts:ExternalId": "false"}})


def test_our_own_policy_uses_a_key_for_an_organization_alone():
    _, uses, looks = setup.own_policy(direct=True, reencrypt=True)["Statement"]

    named = {"kms:EncryptionContextKeys": ["organization_id", "organizationId"]}
    assert uses["Condition"] == {"ForAnyValue:StringEquals": named}
    assert uses["Action"] == ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    assert looks["Action"] == ["kms:DescribeKey", "kms:GetKeyRotationStatus"]


def test_moving_data_keys_asks_for_two_more_permissions(make_provider, proxy):
    guide = make_provider(proxy, reencrypt=True).explain_setup(principal="p", organization_id="o", external_id="e")

    assert '"kms:ReEncryptFrom"' in guide.policy
    assert '"kms:ReEncryptTo"' in guide.policy
