"""A customer's key: its name, its endpoint, and the account that we use it with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from sealring_gcpkms.account import Account
from sealring_gcpkms.config import KMS_HOST, GcpConfig, kms_endpoint
from sealring_plugin import ConfigField, ConfigInvalid, CustomersKey, WrongRegion
from sealring_plugin.net import Endpoint

KEY_OPTIONS = (
    ConfigField(
        "service_account",
        str,
        "an account of the key's owner, instead of the one that the settings name",
        label="Service account",
    ),
    ConfigField(
        "endpoint", str, "the endpoint of Cloud KMS for this key: https://host[:port]", label="Private endpoint"
    ),
)

EXAMPLE = "projects/my-project/locations/europe-west1/keyRings/sealring/cryptoKeys/sealring"

# The id of a project has 6 to 30 characters; a domain-scoped project has the domain before it (Resource Manager,
# "Creating and managing projects"). The id of a key ring or key has 1 to 63 (Cloud KMS REST v1,
# projects.locations.keyRings.create).
_PROJECT = r"(?:[a-z0-9][a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_KEY = re.compile(
    rf"projects/{_PROJECT}/locations/(?P<location>[a-z][a-z0-9-]{{0,62}})"
    r"/keyRings/[a-zA-Z0-9_-]{1,63}/cryptoKeys/[a-zA-Z0-9_-]{1,63}"
)
_VERSION = re.compile(r"/cryptoKeyVersions/([1-9][0-9]{0,9})")


def read_key(text: str) -> str:
    """Return the name of the key in a text as the console and gcloud show it: of a version, or as a URL."""
    found = {match[0] for match in _KEY.finditer(text)}
    return found.pop() if len(found) == 1 else text


@dataclass(frozen=True, slots=True)
class CryptoKey:
    """The full name of a key without a version: Google encrypts with the primary one, and decrypts with any."""

    name: str
    location: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ConfigInvalid."""
        if "/cryptoKeyVersions/" in text:
            raise ConfigInvalid("the key id names a version; remove /cryptoKeyVersions/ and what follows")
        if re.match(r"projects/[0-9]+/", text):
            raise ConfigInvalid("the key id names its project by number; use the project id, which Google answers with")
        found = _KEY.fullmatch(text)
        if found is None:
            raise ConfigInvalid("the key id must be projects/*/locations/*/keyRings/*/cryptoKeys/*")
        return cls(text, found["location"])

    def version_of(self, name: object) -> int | None:
        """Return the number in the full name of a version of this key; None if `name` is not one."""
        if not isinstance(name, str) or not name.startswith(self.name):
            return None
        found = _VERSION.fullmatch(name.removeprefix(self.name))
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Target:
    """A customer's key with its endpoint, and the account that we use it with."""

    key: CryptoKey
    endpoint: Endpoint
    account: Account

    @classmethod
    def of(cls, config: GcpConfig, key: CustomersKey) -> Self:
        """Raises ConfigInvalid; WrongRegion if a regional endpoint is not the one of the key's location."""
        named = CryptoKey.parse(key.key_id)
        custom = key.option("endpoint")
        endpoint = kms_endpoint(custom, config.egress) if custom else config.endpoint
        return cls(named, _of_location(endpoint, named), _account(config, key))


@dataclass(frozen=True, slots=True)
class OwnTarget:
    """A key of the operator's, which we use with our own credentials."""

    key: CryptoKey
    endpoint: Endpoint
    account: None = None

    @classmethod
    def of(cls, config: GcpConfig, key: str) -> Self:
        """Raises ConfigInvalid; WrongRegion if a regional endpoint is not the one of the key's location."""
        named = CryptoKey.parse(key)
        return cls(named, _of_location(config.endpoint, named))


def _of_location(endpoint: Endpoint, key: CryptoKey) -> Endpoint:
    found = KMS_HOST.fullmatch(endpoint.host)
    if found and found["location"] not in {None, key.location}:
        raise WrongRegion("the key is in another location than the regional endpoint")
    return endpoint


def _account(config: GcpConfig, key: CustomersKey) -> Account:
    external_id = key.option("external_id")
    if not external_id:
        raise ConfigInvalid("the binding has no external_id, which distinguishes the accounts of organizations")
    email = key.option("service_account")
    if email:
        return Account.of_owner(email, external_id)
    if not config.service_account:
        raise ConfigInvalid("neither the settings nor the binding have a service_account")
    return Account.from_template(config.service_account, external_id)
