"""The route of usage: what an organization stores, and its limits."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.principal import Permission
from sealring.errors import InvalidBody
from sealring.http.organizations import named_organization
from sealring.http.usage import answers, render
from sealring.http.usage.requests import UsageQuery
from sealring.services.limits import Usages


class UsageViews:
    def __init__(self, usages: Usages) -> None:
        self._usages = usages

    def read(self, request: AdmittedRequest) -> Reply:
        org = named_organization(request.query["organization_id"])
        return Reply.json(200, render.usage(self._usages.read(request.caller, org)))

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "GET",
                "/sealring/v1/usage",
                Permission.USAGE_READ,
                self.read,
                stranger=403,
                answers={200: answers.Usage},
                query=UsageQuery(),
                id="readUsage",
                tag="Usage",
                summary="Read what an organization uses",
                text="How much one organization stores, and its limits: those of the settings, or those that the "
                "operator set for it. They cannot be changed here.",
                failures=(InvalidBody,),
            ),
        )
