"""A customer's key: its URL taken apart, its tenant, the endpoint that is called, and the options of its binding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sealring_plugin import ConfigField, ConfigInvalid, CustomersKey
from sealring_plugin.net import Endpoint

KEY_OPTIONS = (
    ConfigField("tenant_id", str, "the UUID of the tenant that the vault is in", required=True, label="Tenant ID"),
    ConfigField(
        "endpoint",
        str,
        "a private endpoint of the vault that the operator allows: https://host[:port]",
        label="Private endpoint",
    ),
)

EXAMPLE = "https://my-vault.vault.azure.net/keys/sealring"

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers
_URL = re.compile(
    r"https://(?P<vault>(?=[^.]{3,24}\.)[a-z0-9]+(-[a-z0-9]+)*)(?P<suffix>(\.[a-z0-9]+)+)"
    r"/keys/(?P<name>[0-9A-Za-z-]{1,127})(?P<version>/.*)?"
)
_URL_IN_TEXT = re.compile(
    r"(?P<url>https://[a-z0-9-]{3,24}(?:\.[a-z0-9]+){3,5}/keys/[0-9A-Za-z-]{1,127})(?:/[0-9A-Za-z]{32})?(?![0-9A-Za-z/-])"
)
_KID = re.compile(r"(?P<key>https://.+)/(?P<version>[0-9A-Za-z]{32})")


def read_key(text: str) -> str:
    """Return the URL of the key in a text that has one alone: without the version that the portal of Azure copies."""
    found = {match["url"] for match in _URL_IN_TEXT.finditer(text)}
    return found.pop() if len(found) == 1 else text


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds: the DNS suffixes of its vaults and Managed HSMs, and where its tokens come from."""

    vaults: str
    hsms: str
    authority: str


# Suffixes: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers
# Authorities: https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(".vault.azure.net", ".managedhsm.azure.net", "https://login.microsoftonline.com"),
    "usgov": Cloud(".vault.usgovcloudapi.net", ".managedhsm.usgovcloudapi.net", "https://login.microsoftonline.us"),
    "china": Cloud(".vault.azure.cn", ".managedhsm.azure.cn", "https://login.partner.microsoftonline.cn"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A key of a vault, in a tenant. `resource` is what a token must be for; `endpoint` is what is connected to."""

    url: str
    vault_host: str
    name: str
    tenant: str
    resource: str
    managed_hsm: bool
    endpoint: Endpoint

    @classmethod
    def of(cls, key: CustomersKey, cloud: Cloud) -> Self:
        """Raises ConfigInvalid for a key id or options that can never be right."""
        if not key.option("external_id"):
            raise ConfigInvalid("the binding has no external_id, which says whose the key is")
        return cls.named(key.key_id, key.option("tenant_id"), key.option("endpoint"), cloud)

    @classmethod
    def named(cls, url: str, tenant: str, endpoint: str, cloud: Cloud) -> Self:
        """Return the key of a URL; without `endpoint`, that is also where the vault is. Raises ConfigInvalid."""
        found = _URL.fullmatch(url)
        if found is None or found["suffix"] not in {cloud.vaults, cloud.hsms}:
            raise ConfigInvalid(
                f"the key id must be https://<vault>{cloud.vaults}/keys/<name> or https://<hsm>{cloud.hsms}/keys/<name>"
            )
        if found["version"] is not None:
            raise ConfigInvalid("the key id must name no version: the newest wraps, and a wrapped key keeps its own")
        if not UUID.fullmatch(tenant):
            raise ConfigInvalid("tenant_id must be the UUID of the vault's tenant, in lower case")
        host = found["vault"] + found["suffix"]
        connected = Endpoint.parse(endpoint or f"https://{host}", "endpoint")
        resource = "https://" + found["suffix"].removeprefix(".")
        return cls(url, host, found["name"], tenant, resource, found["suffix"] == cloud.hsms, connected)

    def version_of(self, kid: str) -> str | None:
        """Return the version that a `kid` names, or None where it is of another key. Identifiers have no case."""
        found = _KID.fullmatch(kid)
        return found["version"] if found and found["key"].lower() == self.url.lower() else None
