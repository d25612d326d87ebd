"""The settings of the azurekv provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealring_azurekv.key import CLOUDS, UUID, Cloud
from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue
from sealring_plugin.net import Egress, Endpoint

CREDENTIALS = ("certificate_file", "client_secret_file", "assertion_file")

FIELDS = (
    ConfigField("client_id", str, "the application (client) id of our multi-tenant app registration", required=True),
    ConfigField("certificate_file", Path, "the app's certificate and its private key, in one PEM file"),
    ConfigField("client_secret_file", Path, "a file with the app's client secret, instead of a certificate"),
    ConfigField("assertion_file", Path, "a file with a federated token (workload identity), instead of a certificate"),
    ConfigField("cloud", str, "which of Microsoft's clouds: " + " | ".join(CLOUDS), default="public"),
    ConfigField("authority", str, "where tokens come from, if not the cloud's own: https://host[:port]"),
    ConfigField(
        "allowed_hosts", str, "private endpoints and emulators to allow: host or host:port, commas", default=""
    ),
    ConfigField("ca_file", Path, "certificate authorities (PEM) to trust beside the system's"),
    ConfigField(
        "principal", str, "who we are, for the setup guide: the client_id, unless your admins know another name"
    ),
)


@dataclass(frozen=True, slots=True)
class AzureConfig:
    """Checked settings. `credential` is the name of the one that is given, and `credential_file` where it is."""

    client_id: str
    credential: str
    credential_file: Path
    cloud: Cloud
    authority: Endpoint
    vault_egress: Egress
    login_egress: Egress
    ca_file: Path | None
    principal: str

    @classmethod
    def of(cls, config: Mapping[str, ConfigValue]) -> Self:
        """Raises ConfigInvalid, and names the field. Reads no file."""
        client_id, allowed = str(config["client_id"]), str(config["allowed_hosts"])
        if not UUID.fullmatch(client_id):
            raise ConfigInvalid("client_id must be the UUID of an app registration, in lower case")
        cloud = CLOUDS.get(str(config["cloud"]))
        if cloud is None:
            raise ConfigInvalid("cloud must be " + " | ".join(CLOUDS))
        credential, credential_file = _credential(config)
        return cls(
            client_id=client_id,
            credential=credential,
            credential_file=credential_file,
            cloud=cloud,
            authority=Endpoint.parse(str(config.get("authority") or cloud.authority), "authority"),
            vault_egress=Egress.of((cloud.vaults, cloud.hsms), allowed),
            login_egress=Egress.of((_parent_domain(cloud.authority),), allowed),
            ca_file=_path(config, "ca_file"),
            principal=str(config.get("principal") or client_id),
        )


def _credential(config: Mapping[str, ConfigValue]) -> tuple[str, Path]:
    given = [(name, path) for name in CREDENTIALS if (path := _path(config, name))]
    if len(given) != 1:
        raise ConfigInvalid("exactly one is needed of " + ", ".join(CREDENTIALS))
    return given[0]


def _path(config: Mapping[str, ConfigValue], name: str) -> Path | None:
    path = config.get(name)
    return path if isinstance(path, Path) else None


def _parent_domain(authority: str) -> str:
    """Return `.microsoftonline.com` for `https://login.microsoftonline.com`."""
    return "." + authority.partition(".")[2]
