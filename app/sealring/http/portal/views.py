"""The route that makes links to the portal."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.portal import Intent
from sealring.domain.principal import Permission
from sealring.http.failures import BODY, WRITE
from sealring.http.organizations import named_organization
from sealring.http.portal import answers
from sealring.http.portal.requests import GenerateLink
from sealring.services.portal import Portal, WantedLink


class PortalViews:
    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def generate_link(self, request: AdmittedRequest) -> Reply:
        return Reply.json(201, {"link": self._portal.generate_link(request.caller, _wanted(request))})

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                "/portal/generate_link",
                Permission.PORTAL_LINK,
                self.generate_link,
                stranger=403,
                answers={201: answers.PortalLink},
                body=GenerateLink(),
                id="generatePortalLink",
                tag="Portal",
                summary="Make a link to the portal",
                text="For a customer's administrator, who connects the organization's own key in a browser, without "
                "an account. Whoever opens the link may do so: send it to nobody else.",
                failures=(*BODY, *WRITE),
            ),
        )


def _wanted(request: AdmittedRequest) -> WantedLink:
    body = request.body
    return WantedLink(
        org=named_organization(body["organization"], "organization"),
        intent=Intent(body["intent"]),
        return_url=body["return_url"] or "",
        success_url=body["success_url"] or "",
    )
