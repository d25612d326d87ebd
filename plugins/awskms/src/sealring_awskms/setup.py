"""What the admin of a key does to let us in: the key's policy, and the trust policy of a role."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sealring_awskms.binding import ORGANIZATION_PAIRS
from sealring_plugin import SetupGuide

USE = ("kms:Encrypt", "kms:Decrypt")
MOVE = ("kms:ReEncryptFrom", "kms:ReEncryptTo")
LOOK = ("kms:DescribeKey", "kms:GetKeyRotationStatus")

_VERSION = "2012-10-17"


_MAKE = "Make a symmetric encryption key (ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT) in AWS KMS, and enable its rotation."
_LET_US_IN = (
    "Add the statements of this policy to the policy of the key. Their condition lets us use the key for your "
    "organization alone: AWS refuses whoever else names it. There is a statement for each spelling of the pair "
    "that contexts may have."
)
_OR_BY_A_ROLE = (
    "If your rules want a role of your own in between: make one with the trust policy below. Let the policy of the key "
    "name that role instead of us, and give the role the same statements, without Principal, for the ARN of the key as "
    "Resource. Say the ARN of the role as role_arn when you bind the key. Trust policy:\n"
)
_BIND = "Bind the key by its full ARN (arn:aws:kms:<region>:<account>:key/<id>); an alias is refused."


def guide(principal: str, organization_id: str, external_id: str, *, reencrypt: bool) -> SetupGuide:
    """Return the steps, with the policy of the key for direct access."""
    trust = _text(trust_policy(principal, external_id))
    return SetupGuide(
        steps=(_MAKE, _LET_US_IN, _OR_BY_A_ROLE + trust, _BIND),
        policy=_text(key_policy(principal, organization_id, reencrypt=reencrypt)),
    )


def key_policy(principal: str, organization_id: str, *, reencrypt: bool) -> Mapping[str, object]:
    us = {"AWS": principal}
    uses = [
        {
            "Sid": f"SealringUse{number}",
            "Effect": "Allow",
            "Principal": us,
            "Action": [*USE, *(MOVE if reencrypt else ())],
            "Resource": "*",
            "Condition": {"StringEquals": {f"kms:EncryptionContext:{pair}": organization_id}},
        }
        for number, pair in enumerate(ORGANIZATION_PAIRS, start=1)
    ]
    look = {"Sid": "SealringCheck", "Effect": "Allow", "Principal": us, "Action": list(LOOK), "Resource": "*"}
    return {"Version": _VERSION, "Statement": [*uses, look]}


def trust_policy(principal: str, external_id: str) -> Mapping[str, object]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return {"Version": _VERSION, "Statement": [statement]}


def own_policy(*, reencrypt: bool) -> Mapping[str, object]:
    """Return what our own role or user needs, once: AWS asks both sides where the key is in another account."""
    keys = {
        "Effect": "Allow",
        "Action": [*USE, *(MOVE if reencrypt else ()), *LOOK],
        "Resource": "arn:aws:kms:*:*:key/*",
    }
    roles = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/*"}
    return {"Version": _VERSION, "Statement": [keys, roles]}


def _text(policy: Mapping[str, object]) -> str:
    return json.dumps(policy, indent=2)
