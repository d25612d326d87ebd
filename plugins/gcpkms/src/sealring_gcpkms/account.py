"""Names of the organizations' service accounts, parsed strictly."""

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
    """A service account of one organization only. `ours`: the operator made it, not the key's owner."""

    email: str
    ours: bool

    @classmethod
    def from_template(cls, template: str, external_id: str) -> Self:
        """Return the account of an organization in the operator's project. The settings have checked the template."""
        return cls(template.replace(ORGANIZATION, organization_label(external_id)), ours=True)

    @classmethod
    def of_owner(cls, email: str, external_id: str) -> Self:
        """Return an account that the key's owner names.

        Its id has to end in the organization's label. Otherwise an organization could name another one's account, and
        we would impersonate it. Raises ConfigInvalid.
        """
        found = _ACCOUNT.fullmatch(email)
        if found is None:
            raise ConfigInvalid("service_account must be <id>@<project>.iam.gserviceaccount.com")
        label = organization_label(external_id)
        if not found["id"].endswith(f"-{label}"):
            raise ConfigInvalid(f"service_account must belong to the organization: its id has to end in -{label}")
        return cls(email, ours=False)


def is_account(email: str) -> bool:
    return _ACCOUNT.fullmatch(email) is not None


def organization_label(external_id: str) -> str:
    """Return the label of an organization, 20 of `[a-z2-7]`, for names at Google, which are short and lower case.

    It is 100 bits of a digest of the external id, which sealring makes: no organization can choose another one's label.
    """
    digest = hashlib.sha256(b"sealring-gcpkms/v1/organization\0" + external_id.encode()).digest()
    return b32encode(digest)[:20].decode().lower()
