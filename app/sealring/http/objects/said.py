"""What requests of objects say, as values of the services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sealring.admission.requests import AdmittedRequest
from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId, org_id
from sealring.domain.ports import Order
from sealring.errors import MalformedRequest
from sealring.http.timestamps import parse_moment
from sealring.services.listing import ListOptions


def list_options(request: AdmittedRequest) -> ListOptions:
    query = request.query
    moment = query["updatedAfter"] or query["updated_after"] or None
    return ListOptions(
        limit=query["limit"],
        order=None if query["order"] is None else Order(query["order"]),
        before=query["before"] or None,
        after=query["after"] or None,
        search=query["search"],
        updated_after=None if moment is None else parse_moment(moment),
        org=organization(query),
    )


def sent_contexts(request: AdmittedRequest) -> Sequence[KeyContext]:
    return [context for context in (request.body["key_context"], request.body["context"]) if context is not None]


def organization(query: Mapping[str, Any]) -> OrgId | None:
    text = query["organization_id"]
    if text is None:
        return None
    org = org_id(text)
    if org is None:
        raise MalformedRequest(
            "Query parameter organization_id: 1 to 64 letters, digits, '_' and '-'.", "organization_id"
        )
    return org
