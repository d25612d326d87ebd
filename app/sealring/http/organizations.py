"""The organization that a request of ours names."""

from __future__ import annotations

from sealring.domain.ids import OrgId, org_id
from sealring.errors import InvalidBody


def named_organization(text: str, member: str = "organization_id") -> OrgId:
    """Raises InvalidBody for a text that cannot be an organization's id."""
    org = org_id(text)
    if org is None:
        wrong = "1 to 64 letters, digits, '_' and '-'."
        raise InvalidBody(f"{member}: {wrong}", ((member, wrong),))
    return org
