"""Names of Google's resources, parsed strictly: a crypto key, a service account."""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from dataclasses import dataclass
from typing import Self

from sealring_plugin import ConfigInvalid

ORGANIZATION = "{organization}"

# A project's id has 6 to 30 characters, one of a domain's own the domain before it (Resource Manager, "Creating and
# managing projects"); a key ring and a key have 1 to 63 (Cloud KMS REST v1, projects.locations.keyRings.create).
_PROJECT = r"(?:[a-z0-9][a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_KEY = re.compile(
    rf"projects/{_PROJECT}/locations/(?P<location>[a-z][a-z0-9-]{{0,62}})"
    r"/keyRings/[a-zA-Z0-9_-]{1,63}/cryptoKeys/[a-zA-Z0-9_-]{1,63}"
)
_VERSION = re.compile(r"/cryptoKeyVersions/([1-9][0-9]{0,9})")

# IAM REST v1, projects.serviceAccounts.create: 6 to 30 characters.
_ACCOUNT = re.compile(
    r"(?P<id>[a-z][a-z0-9-]{4,28}[a-z0-9])@[a-z][a-z0-9-]{4,28}[a-z0-9](?:\.[a-z0-9][a-z0-9.-]{1,60})?"
    r"\.iam\.gserviceaccount\.com"
)


@dataclass(frozen=True, slots=True)
class CryptoKey:
    """A key by its full name, without a version: Google encrypts with the primary one, and finds the others itself."""

    name: str
    location: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ConfigInvalid."""
        if "/cryptoKeyVersions/" in text:
            raise ConfigInvalid("the key id names a version; leave out /cryptoKeyVersions/ and what follows")
        if re.match(r"projects/[0-9]+/", text):
            raise ConfigInvalid(
                "the key id names its project by number; Google answers with the project id, so use that"
            )
        found = _KEY.fullmatch(text)
        if found is None:
            raise ConfigInvalid("the key id must be projects/*/locations/*/keyRings/*/cryptoKeys/*")
        return cls(text, found["location"])

    def version_of(self, name: object) -> int | None:
        """Return the number of a version of this very key, by its full name; None where it is none."""
        if not isinstance(name, str) or not name.startswith(self.name):
            return None
        found = _VERSION.fullmatch(name.removeprefix(self.name))
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Account:
    """A service account that is an organization's alone. `ours`: made by the operator, not by the key's owner."""

    email: str
    ours: bool

    @classmethod
    def from_template(cls, template: str, external_id: str) -> Self:
        """Return the account of an organization in the operator's project. The template was checked by the settings."""
        return cls(template.replace(ORGANIZATION, organization_label(external_id)), ours=True)

    @classmethod
    def of_owner(cls, email: str, external_id: str) -> Self:
        """Return an account that the key's owner names.

        Its id has to end in the organization's label: otherwise an organization could name the account of another one,
        and we would become that. Raises ConfigInvalid.
        """
        found = _ACCOUNT.fullmatch(email)
        if found is None:
            raise ConfigInvalid("service_account must be <id>@<project>.iam.gserviceaccount.com")
        label = organization_label(external_id)
        if not found["id"].endswith(f"-{label}"):
            raise ConfigInvalid(f"service_account must be the organization's own: its id has to end in -{label}")
        return cls(email, ours=False)


def is_account(email: str) -> bool:
    return _ACCOUNT.fullmatch(email) is not None


def organization_label(external_id: str) -> str:
    """Return 20 of `[a-z2-7]` that stand for an organization in names of Google's, which are short and lower case.

    100 bits of a digest of what sealring made for the organization alone: no organization can choose that of another.
    """
    digest = hashlib.sha256(b"sealring-gcpkms/v1/organization\0" + external_id.encode()).digest()
    return b32encode(digest)[:20].decode().lower()
