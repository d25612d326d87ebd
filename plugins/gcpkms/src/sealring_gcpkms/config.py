"""The settings of the gcpkms provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealring_gcpkms.account import ORGANIZATION, is_account
from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, Egress
from sealring_plugin.net import Endpoint

FIELDS = (
    ConfigField("service_account", str, "the account of each organization: sealring-{organization}@<project>.iam..."),
    ConfigField("principal", str, "the account of our own credentials; for the setup guide"),
    ConfigField("credentials_file", Path, "our own credentials; without it, Google's application default ones"),
    ConfigField("endpoint", str, "the endpoint of Cloud KMS", default="https://cloudkms.googleapis.com"),
    ConfigField(
        "iam_endpoint",
        str,
        "the endpoint that makes tokens of service accounts",
        default="https://iamcredentials.googleapis.com",
    ),
    ConfigField("allowed_hosts", str, "more hosts that may be called: host[:port], with commas", default=""),
    ConfigField("ca_file", Path, "more certificates (PEM) to trust, for private endpoints"),
)

_SUFFIX = ".googleapis.com"

# Global, regional (Cloud KMS, "Regional endpoints") or private (VPC, "Private Service Connect for Google APIs").
KMS_HOST = re.compile(r"cloudkms(?:\.(?P<location>[a-z0-9-]+)\.rep|-[a-z0-9]+\.p)?\.googleapis\.com")


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
        """Raises ConfigInvalid, which names the field."""
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


def kms_endpoint(url: str, egress: Egress) -> Endpoint:
    """Raises ConfigInvalid. Of Google's hosts, only those of Cloud KMS are allowed, so that no other gets a token."""
    endpoint = allowed_endpoint(url, egress, "endpoint")
    if endpoint.host.endswith(_SUFFIX) and not KMS_HOST.fullmatch(endpoint.host):
        raise ConfigInvalid("endpoint is a host of Google's, but not of Cloud KMS")
    return endpoint


def allowed_endpoint(url: str, egress: Egress, name: str) -> Endpoint:
    """Raises ConfigInvalid."""
    endpoint = Endpoint.parse(url, name)
    egress.check(endpoint.host, endpoint.port)
    return endpoint


def _check_template(template: str) -> None:
    identity = template.partition("@")[0]
    if identity.count(ORGANIZATION) != 1 or not is_account(template.replace(ORGANIZATION, "2" * 20)):
        raise ConfigInvalid(
            "service_account must be <prefix>{organization}@<project>.iam.gserviceaccount.com; the prefix has at most "
            "10 characters, since {organization} has 20 and Google allows 30"
        )
