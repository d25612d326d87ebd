"""Service accounts of organizations: their names, parsed strictly."""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from dataclasses import dataclass
from typing import Self

from sealring_plugin import ConfigInvalid

ORGANIZATION = "{organization}"

# IAM REST v1, projects.serviceAccounts.create: 6 to 30 characters.
_ACCOUNT = re.compile(
    r"(?P<id>[a-z][a-z0-9-]{4,28}[a-z0-9])@[a-z][a-z0-9-]{4,28}[a-z0-9](?:\.[a-z0-9][a-z0-9.-]{1,60})?"
    r"\.iam\.gserviceaccount\.com"
)


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
