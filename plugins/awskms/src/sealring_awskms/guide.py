"""The setup in a browser: how to create a key and grant access, in the console and with the usual tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from sealring_plugin import PolicyNote, Recipe, Screen, SetupPart, SetupStep

_KEYS = "Key Management Service > Customer managed keys"

_NOTES = {
    "kms:Encrypt": "sealring encrypts the data keys of your organization with your key.",
    "kms:Decrypt": "sealring decrypts them again when your data is read. Without this, nobody can read it.",
    "kms:ReEncryptFrom": "Lets your data keys move to a new key of yours without being shown to sealring.",
    "kms:ReEncryptTo": "Lets your data keys move to this key in the same way.",
    "kms:DescribeKey": "sealring sees whether the key is enabled, and tells you when it is not.",
    "kms:GetKeyRotationStatus": "sealring sees whether the key is rotated, and warns you if it is not.",
    "kms:EncryptionContext:organization_id": "Use of the key is allowed only for data of your organization.",
    "kms:EncryptionContext:organizationId": "The same, for applications that spell the name like this.",
    "aws:PrincipalArn": "Nobody but sealring, even if somebody widens the principal of the statement later.",
    '"Resource": "*"': "In the policy of a key, this means that key, and no other.",
}

_CLI_CREATE = """\
aws kms create-key --description "sealring, organization {org}" \\
  --key-spec SYMMETRIC_DEFAULT --key-usage ENCRYPT_DECRYPT \\
  --query KeyMetadata.Arn --output text

# KEY is the ARN that the first command prints:
aws kms create-alias --alias-name alias/{alias} --target-key-id KEY
aws kms enable-key-rotation --key-id KEY
"""

_CLI_GRANT = """\
aws kms get-key-policy --key-id KEY --policy-name default --query Policy --output text > before.json
cat > sealring.json <<'END'
{policy}
END
jq -s '.[0].Statement += .[1].Statement | .[0]' before.json sealring.json > after.json
aws kms put-key-policy --key-id KEY --policy-name default --policy file://after.json
"""

_TERRAFORM_CREATE = """\
resource "aws_kms_key" "sealring" {{
  description         = "sealring, organization {org}"
  enable_key_rotation = true
}}

resource "aws_kms_alias" "sealring" {{
  name          = "alias/{alias}"
  target_key_id = aws_kms_key.sealring.id
}}

output "sealring_key" {{
  value = aws_kms_key.sealring.arn
}}
"""

_TERRAFORM_GRANT = """\
data "aws_caller_identity" "owner" {{}}
data "aws_partition" "owner" {{}}

resource "aws_kms_key_policy" "sealring" {{
  key_id = aws_kms_key.sealring.id
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [
      {{
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = {{
          AWS = "arn:${{data.aws_partition.owner.partition}}:iam::${{data.aws_caller_identity.owner.account_id}}:root"
        }}
        Action    = "kms:*"
        Resource  = "*"
      }},
{statements}
    ]
  }})
}}
"""

_CLOUDFORMATION = """\
# Creates the key, and grants access to it: on the next page, nothing is left to do.
Resources:
  SealringKey:
    Type: AWS::KMS::Key
    Properties:
      Description: sealring, organization {org}
      EnableKeyRotation: true
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Sid: Administration
            Effect: Allow
            Principal:
              AWS: !Sub "arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:root"
            Action: "kms:*"
            Resource: "*"
{statements}
  SealringAlias:
    Type: AWS::KMS::Alias
    Properties:
      AliasName: alias/{alias}
      TargetKeyId: !Ref SealringKey
Outputs:
  SealringKey:
    Value: !GetAtt SealringKey.Arn
"""


def create_part(organization_id: str, policy: Mapping[str, Any]) -> SetupPart:
    alias = _alias(organization_id)
    return SetupPart(
        steps=(
            SetupStep(
                "In the AWS console, choose the account and the region for the key. Open Key Management Service, then "
                "Customer managed keys, and press Create key.",
                Screen(_KEYS, (), "Create key"),
            ),
            SetupStep(
                "Choose a symmetric key that encrypts and decrypts. Leave the advanced options as they are.",
                Screen("Configure key", (("Key type", "Symmetric"), ("Key usage", "Encrypt and decrypt")), "Next"),
            ),
            SetupStep(
                f"Give it an alias that you recognize later, such as {alias}.",
                Screen("Add labels", (("Alias", alias),), "Next"),
            ),
            SetupStep(
                "Choose the administrators of the key as your company does. Add no users: the next page grants "
                "sealring its access. At the end, press Finish.",
                Screen("Review", (("Key users", "(none)"),), "Finish"),
            ),
            SetupStep(
                "Open the new key, choose the tab Key rotation, and turn on automatic rotation. Your data stays "
                "readable after a rotation.",
                Screen(f"{alias} > Key rotation", (("Automatically rotate this key", "Enabled"),), "Save"),
            ),
        ),
        recipes=(
            Recipe("AWS CLI", _CLI_CREATE.format(org=organization_id, alias=alias)),
            Recipe("Terraform", _TERRAFORM_CREATE.format(org=organization_id, alias=alias)),
            Recipe(
                "CloudFormation",
                _CLOUDFORMATION.format(org=organization_id, alias=alias, statements=_as_yaml(policy["Statement"])),
            ),
        ),
    )


def grant_part(organization_id: str, policy: Mapping[str, Any]) -> SetupPart:
    alias = _alias(organization_id)
    return SetupPart(
        steps=(
            SetupStep(
                "Open the key, choose the tab Key policy, switch to the policy view, and press Edit.",
                Screen(f"{alias} > Key policy", (("Key policy", '{ "Version": …, "Statement": [ … ] }'),), "Edit"),
            ),
            SetupStep(
                "Find the last } of the list of statements that is there already, just before its ]. Put the cursor "
                "behind that }, and paste the text below, which begins with a comma. Change nothing else, and press "
                "Save changes.",
                Screen("Edit key policy", (("Statement", "[ yours, and the text below ]"),), "Save changes"),
            ),
        ),
        recipes=(
            Recipe("AWS CLI", _CLI_GRANT.format(policy=json.dumps(policy, indent=2))),
            Recipe("Terraform", _TERRAFORM_GRANT.format(statements=_joined(policy["Statement"]))),
        ),
        paste=f",\n{_joined(policy['Statement'])}",
    )


def notes_of(policy: str) -> tuple[PolicyNote, ...]:
    """Return what each part of a policy's text is for."""
    return tuple(PolicyNote(part, reason) for part, reason in _NOTES.items() if part in policy)


def _alias(organization_id: str) -> str:
    return f"sealring-{organization_id}"


def _joined(statements: Sequence[object]) -> str:
    return indent(",\n".join(json.dumps(each, indent=2) for each in statements), "      ")


def _as_yaml(statements: Sequence[object]) -> str:
    """JSON is YAML."""
    return "\n".join("          - " + json.dumps(each) for each in statements)
