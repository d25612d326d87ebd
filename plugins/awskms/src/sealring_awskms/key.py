"""A customer's key: its ARN taken apart, and the options of its binding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from sealring_awskms.config import AwsConfig, named_endpoint
from sealring_awskms.partitions import partitions, region_of, regional
from sealring_plugin import ConfigField, ConfigInvalid, CustomersKey, WrongRegion
from sealring_plugin.net import Endpoint

KEY_OPTIONS = (
    ConfigField(
        "role_arn",
        str,
        "the key owner's role that lets us in, with the external id of the binding",
        label="Role that admits sealring",
    ),
    ConfigField(
        "grant",
        str,
        '"direct", if the key\'s policy lets us in without a role, for this organization alone',
        label="Way of access",
    ),
    ConfigField(
        "endpoint",
        str,
        "a private endpoint of KMS, one that the operator allows: https://host[:port]",
        label="Private endpoint",
    ),
)

EXAMPLE = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

DIRECT = "direct"

_HEX = "[0-9a-f]"
_ARN = re.compile(
    r"arn:([a-z0-9-]{3,32}):kms:([a-z0-9-]{5,32}):[0-9]{12}:"
    rf"(?:key/(?:{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}|mrk-{_HEX}{{32}})|(alias/.*))"
)
_ARN_IN_TEXT = re.compile(r"arn:[a-z0-9-]{3,32}:kms:[a-z0-9-]{5,32}:[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]{1,256}")
_ROLE_ARN = re.compile(r"arn:([a-z0-9-]{3,32}):iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)  # STS AssumeRole, ExternalId


@dataclass(frozen=True, slots=True)
class Key:
    """`role_arn` and `external_id` are empty if the binding says that the key's policy lets in our own credentials.

    A key that a binding merely names is not used with them: its owner may trust our account, and we act for everybody.
    """

    arn: str
    region: str
    kms: Endpoint
    sts: Endpoint
    role_arn: str
    external_id: str

    @classmethod
    def of(cls, config: AwsConfig, key: CustomersKey) -> Self:
        """Raises ConfigInvalid for what can never be right; WrongRegion where the endpoint is in another region."""
        partition, region = _parsed(key.key_id)
        role_arn = _way_in(key.option("role_arn"), key.option("grant"))
        return cls(
            arn=key.key_id,
            region=region,
            kms=_kms(config, key.option("endpoint"), region, partition),
            sts=config.sts_endpoint or regional("sts", region, partition),
            role_arn=role_arn,
            external_id=_external_id(role_arn, partition, key.option("external_id")) if role_arn else "",
        )

    @classmethod
    def ours(cls, config: AwsConfig, arn: str, endpoint: str) -> Self:
        """Return a key of the operator's, used with our own credentials. Raises ConfigInvalid, and WrongRegion."""
        partition, region = _parsed(arn)
        sts = regional("sts", region, partition)
        return cls(arn, region, _kms(config, endpoint, region, partition), sts, role_arn="", external_id="")


def read_key(text: str) -> str:
    """Return the ARN in a text that has one alone: between quotes, in JSON of the CLI, with spaces around it."""
    found = set(_ARN_IN_TEXT.findall(text))
    return found.pop() if len(found) == 1 else text


def _parsed(arn: str) -> tuple[str, str]:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ConfigInvalid("the key must be named by its full ARN: arn:aws:kms:<region>:<account>:key/<id>")
    partition, region, alias = found.groups()
    if alias:
        raise ConfigInvalid("an alias can be pointed at another key: name the key itself, by its ARN with key/<id>")
    if partition not in partitions():
        raise ConfigInvalid("the partition of the key's ARN is none that the botocore here knows; is it up to date?")
    if not partitions()[partition].has(region):
        raise ConfigInvalid("the region and the partition of the key's ARN do not belong together")
    return partition, region


def _way_in(role_arn: str, grant: str) -> str:
    """Return the role, or nothing for a direct grant. Raises ConfigInvalid unless the binding says one of them."""
    if grant not in {"", DIRECT}:
        raise ConfigInvalid(f'grant can be "{DIRECT}" alone')
    if bool(role_arn) == bool(grant):
        raise ConfigInvalid(
            "say how the key's owner lets us in: role_arn for a role of theirs, or "
            f'grant = "{DIRECT}" if the key\'s policy names us with a condition on the organization; one of the two'
        )
    return role_arn


def _kms(config: AwsConfig, url: str, region: str, partition: str) -> Endpoint:
    if not url:
        return regional("kms", region, partition)
    endpoint = named_endpoint(url, config.named, "endpoint")
    named_region = region_of(endpoint.host)
    if named_region not in {"", region}:
        raise WrongRegion(f"the endpoint is in the region {named_region}, the key in {region}")
    return endpoint


def _external_id(role_arn: str, partition: str, external_id: str) -> str:
    found = _ROLE_ARN.fullmatch(role_arn)
    if found is None or found[1] != partition:
        raise ConfigInvalid("role_arn must be arn:aws:iam::<account>:role/<name>, in the partition of the key")
    if not _EXTERNAL_ID.fullmatch(external_id):
        raise ConfigInvalid("a role is assumed with an external id alone, and the binding has none")
    return external_id
