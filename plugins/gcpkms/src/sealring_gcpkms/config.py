"""The settings of the gcpkms provider, and what a customer's binding makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealring_gcpkms.key import ORGANIZATION, Account, CryptoKey, is_account
from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, CustomersKey, Egress, WrongRegion
from sealring_plugin.net import Endpoint

FIELDS = (
    ConfigField("service_account", str, "the account of each organization: sealring-{organization}@<project>.iam..."),
    ConfigField("principal", str, "who we are before we become an organization's account; for the setup guide"),
    ConfigField("credentials_file", Path, "our own credentials; without it, Google's application default ones"),
    ConfigField("endpoint", str, "where Cloud KMS is", default="https://cloudkms.googleapis.com"),
    ConfigField(
        "iam_endpoint", str, "where accounts' tokens are made", default="https://iamcredentials.googleapis.com"
    ),
    ConfigField("allowed_hosts", str, "host[:port], with commas, that may be called beside Google's own", default=""),
    ConfigField("ca_file", Path, "certificates (PEM) to trust beside the system's, for private endpoints"),
)

KEY_OPTIONS = (
    ConfigField("service_account", str, "an account of the key's owner, instead of the one that the settings name"),
    ConfigField("endpoint", str, "where Cloud KMS is for this key: https://host[:port]"),
)

_SUFFIX = ".googleapis.com"

# Global, regional (Cloud KMS, "Regional endpoints") and private ones (VPC, "Private Service Connect for Google APIs").
_KMS_HOST = re.compile(r"cloudkms(?:\.(?P<location>[a-z0-9-]+)\.rep|-[a-z0-9]+\.p)?\.googleapis\.com")


@dataclass(frozen=True, slots=True)
class GcpConfig:
    """Checked settings."""

    egress: Egress
    endpoint: Endpoint
    iam_endpoint: Endpoint
    service_account: str
    credentials_file: Path | None
    ca_file: Path | None

    @classmethod
    def of(cls, config: Mapping[str, ConfigValue]) -> Self:
        """Raises ConfigInvalid, and names the field."""
        egress = Egress.of((_SUFFIX,), str(config["allowed_hosts"]))
        template = str(config.get("service_account", ""))
        if "service_account" in config:
            _check_template(template)
        credentials_file, ca_file = config.get("credentials_file"), config.get("ca_file")
        return cls(
            egress,
            kms_endpoint(str(config["endpoint"]), egress),
            allowed_endpoint(str(config["iam_endpoint"]), egress, "iam_endpoint"),
            template,
            credentials_file if isinstance(credentials_file, Path) else None,
            ca_file if isinstance(ca_file, Path) else None,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A customer's key, where it is, and as whom we use it."""

    key: CryptoKey
    endpoint: Endpoint
    account: Account

    @classmethod
    def of(cls, config: GcpConfig, key: CustomersKey) -> Self:
        """Raises ConfigInvalid; WrongRegion where a regional endpoint is not that of the key's location."""
        named = CryptoKey.parse(key.key_id)
        custom = key.option("endpoint")
        endpoint = kms_endpoint(custom, config.egress) if custom else config.endpoint
        found = _KMS_HOST.fullmatch(endpoint.host)
        if found and found["location"] not in {None, named.location}:
            raise WrongRegion("the key is in another location than the regional endpoint")
        return cls(named, endpoint, _account(config, key))


def kms_endpoint(url: str, egress: Egress) -> Endpoint:
    """Raises ConfigInvalid. Of Google's hosts only those of Cloud KMS are ones, so that no other gets a token."""
    endpoint = allowed_endpoint(url, egress, "endpoint")
    if endpoint.host.endswith(_SUFFIX) and not _KMS_HOST.fullmatch(endpoint.host):
        raise ConfigInvalid("endpoint is a host of Google's, but not one of Cloud KMS")
    return endpoint


def allowed_endpoint(url: str, egress: Egress, name: str) -> Endpoint:
    """Raises ConfigInvalid."""
    endpoint = Endpoint.parse(url, name)
    egress.check(endpoint.host, endpoint.port)
    return endpoint


def _account(config: GcpConfig, key: CustomersKey) -> Account:
    external_id = key.option("external_id")
    if not external_id:
        raise ConfigInvalid("the binding has no external_id, which tells the organizations' accounts apart")
    email = key.option("service_account")
    if email:
        return Account.of_owner(email, external_id)
    if not config.service_account:
        raise ConfigInvalid("neither the settings nor the binding name a service_account")
    return Account.from_template(config.service_account, external_id)


def _check_template(template: str) -> None:
    identity = template.partition("@")[0]
    if identity.count(ORGANIZATION) != 1 or not is_account(template.replace(ORGANIZATION, "2" * 20)):
        raise ConfigInvalid(
            "service_account must be <prefix>{organization}@<project>.iam.gserviceaccount.com; the prefix has at most "
            "10 characters, since {organization} has 20 and Google allows 30"
        )
