"""What the admin of a key does to let us in: the key's policy, and the trust policy of a role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sealring_awskms.encryption_context import ORGANIZATION_PAIRS
from sealring_awskms.guide import create_part, grant_part, notes_of
from sealring_awskms.key import DIRECT
from sealring_plugin import SetupGuide

USE = ("kms:Encrypt", "kms:Decrypt")
MOVE = ("kms:ReEncryptFrom", "kms:ReEncryptTo")
LOOK = ("kms:DescribeKey", "kms:GetKeyRotationStatus")

Policy = Mapping[str, Any]

_VERSION = "2012-10-17"
_ANY_KEY = "arn:aws:kms:*:*:key/*"

_MAKE = "Make a symmetric encryption key (ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT) in AWS KMS, and enable its rotation."
_BY_A_ROLE = (
    "Let us in by a role of yours: make one with the trust policy below. Its condition on the external id, which we "
    "have for your organization alone, keeps out whoever else says the name of the role to us. Give the role, and the "
    "policy of the key, the statements of the policy with the role in our place. Say the ARN of the role as role_arn "
    "when you bind the key. Trust policy:\n"
)
_OR_DIRECTLY = (
    "Or let us in directly: add the statements of the policy to the policy of the key as they are, and say "
    "grant=direct when you bind the key. Their condition on the organization keeps out whoever else says the name of "
    "the key to us; if one of them lacks it, the binding is refused. They name our role, and never our account. There "
    "is a statement for each spelling of the pair that contexts may have."
)
_BIND = "Bind the key by its full ARN (arn:aws:kms:<region>:<account>:key/<id>); an alias is refused."


def guide(principal: str, organization_id: str, external_id: str, *, reencrypt: bool) -> SetupGuide:
    """Return the steps, with the policy of the key for direct access."""
    trust = _text(trust_policy(principal, external_id))
    policy = key_policy(principal, organization_id, reencrypt=reencrypt)
    return SetupGuide(
        steps=(_MAKE, _BY_A_ROLE + trust, _OR_DIRECTLY, _BIND),
        policy=_text(policy),
        create=create_part(organization_id, policy),
        grant=grant_part(organization_id, policy),
        notes=notes_of(_text(policy)),
        options=(("grant", DIRECT),),
    )


def key_policy(principal: str, organization_id: str, *, reencrypt: bool) -> Policy:
    """Return what lets a principal use a key for one organization: us for a direct grant, or the role of the owner.

    The principal stands in a condition too, which holds if somebody widens `Principal` to an account later.
    """
    who, us = {"AWS": principal}, {"aws:PrincipalArn": principal}
    uses = [
        {
            "Sid": f"SealringUse{number}",
            "Effect": "Allow",
            "Principal": who,
            "Action": [*USE, *(MOVE if reencrypt else ())],
            "Resource": "*",
            "Condition": {"StringEquals": {**us, f"kms:EncryptionContext:{pair}": organization_id}},
        }
        for number, pair in enumerate(ORGANIZATION_PAIRS, start=1)
    ]
    look = {
        "Sid": "SealringCheck",
        "Effect": "Allow",
        "Principal": who,
        "Action": list(LOOK),
        "Resource": "*",
        "Condition": {"StringEquals": us},
    }
    return {"Version": _VERSION, "Statement": [*uses, look]}


def trust_policy(principal: str, external_id: str) -> Policy:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:PrincipalArn": principal, "sts:ExternalId": external_id}},
    }
    return {"Version": _VERSION, "Statement": [statement]}


def own_policy(*, direct: bool, reencrypt: bool) -> Policy:
    """Return what our own role or user needs, once: AWS asks both sides if the key is in another account.

    It assumes no role without an external id. Keys stand in it for direct grants alone, and are used in an encryption
    context that names an organization, or not at all.
    """
    roles = {
        "Sid": "CustomersRoles",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": "arn:aws:iam::*:role/*",
        "Condition": {"Null": {"sts:ExternalId": "false"}},
    }
    uses = {
        "Sid": "DirectGrants",
        "Effect": "Allow",
        "Action": [*USE, *(MOVE if reencrypt else ())],
        "Resource": _ANY_KEY,
        "Condition": {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": list(ORGANIZATION_PAIRS)}},
    }
    looks = {"Sid": "DirectGrantsCheck", "Effect": "Allow", "Action": list(LOOK), "Resource": _ANY_KEY}
    return {"Version": _VERSION, "Statement": [roles, *((uses, looks) if direct else ())]}


def _text(policy: Policy) -> str:
    return json.dumps(policy, indent=2)
