"""The guide in a browser: its texts are for one organization, and what a console copies becomes the key's ARN."""

import json

import pytest

from sealring_awskms.key import read_key
from sealring_awskms.setup import guide

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MADE = guide("arn:aws:iam::111122223333:role/sealring", "org_acme", "external-1", reencrypt=False)


def recipe(part, tool):
    return next(each.text for each in part.recipes if each.tool == tool)


@pytest.mark.parametrize(
    "copied",
    [
        ARN,
        f"  {ARN}\n",
        f'"{ARN}"',
        f'{{"KeyMetadata": {{"KeyId": "1234abcd", "Arn": "{ARN}"}}}}',
        f"Key ARN\t{ARN}",
        f"{ARN} {ARN}",
    ],
)
def test_what_a_console_copies_is_the_arn(copied):
    assert read_key(copied) == ARN


@pytest.mark.parametrize("text", ["", "1234abcd-12ab", f"{ARN} {ARN[:-1]}c"])
def test_another_text_stays_as_it_is(text):
    assert read_key(text) == text


def test_an_alias_stays_an_alias_which_the_check_explains():
    assert (
        read_key(" arn:aws:kms:eu-west-1:111122223333:alias/mine ") == "arn:aws:kms:eu-west-1:111122223333:alias/mine"
    )


def test_every_tool_creates_a_key_for_the_organization():
    assert [each.tool for each in MADE.create.recipes] == ["AWS CLI", "Terraform", "CloudFormation"]
    assert [each.tool for each in MADE.create.recipes if "organization org_acme" not in each.text] == []


def test_the_stack_grants_what_the_policy_grants():
    lines = recipe(MADE.create, "CloudFormation").splitlines()

    statements = [json.loads(line.removeprefix("          - ")) for line in lines if line.startswith("          - {")]

    assert statements == json.loads(MADE.policy)["Statement"]


def test_what_is_pasted_into_the_console_completes_the_statements_that_are_there():
    statements = json.loads(f'[{{"Sid": "Administration"}}{MADE.grant.paste}]')

    assert statements == [{"Sid": "Administration"}, *json.loads(MADE.policy)["Statement"]]


def test_the_policy_of_terraform_keeps_the_owners_access():
    text = recipe(MADE.grant, "Terraform")

    assert (
        'AWS = "arn:${data.aws_partition.owner.partition}:iam::${data.aws_caller_identity.owner.account_id}:root"'
        in text
    )
    assert text.count('"kms:EncryptionContext:organization_id": "org_acme"') == 1


def test_each_permission_and_condition_has_its_reason():
    assert [note.part for note in MADE.notes] == [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GetKeyRotationStatus",
        "kms:EncryptionContext:organization_id",
        "kms:EncryptionContext:organizationId",
        "aws:PrincipalArn",
        '"Resource": "*"',
    ]


def test_the_guide_binds_by_the_policy_of_the_key():
    assert MADE.options == (("grant", "direct"),)
