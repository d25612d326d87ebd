"""The page of a link, which does not use it, and the beginning and the end of a session, which forms ask for."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from sealring.crypto.form_token import form_token, is_form_token
from sealring.portal.frame import START, Frame, go, refuse, shown
from sealring.portal.visits import TOKEN, Visit, forget, remember

BEGIN = "/portal/begin"


class LinkPages:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def link(self) -> Response:
        """Show what a link is for. A link that cannot be used is answered alike, whatever is wrong with it."""
        text = request.args.get("token", "")
        link = self._frame.portal.seen(text)
        if link is None:
            return self._lost() if text else self._without()
        minutes = self._frame.portal.rules.session_ttl_s // 60
        return shown("link.html", org=link.org, link=text, token=form_token(text, BEGIN), minutes=minutes)

    def begin(self) -> Response:
        self._frame.require_ours()
        text = request.form.get("link", "")
        if not is_form_token(request.form.get(TOKEN, ""), text, BEGIN):
            refuse()
        begun = self._frame.portal.begin(text, g.request_id, g.source)
        if begun is None:
            return self._without()
        response = go(START)
        remember(response, begun)
        return response

    def end(self, visit: Visit) -> Response:
        self._frame.portal.end(visit.session, g.request_id, g.source)
        g.visit = None
        response = shown("ended.html", return_url=visit.session.return_url)
        forget(response)
        return response

    def add_to(self, blueprint: Blueprint) -> None:
        blueprint.add_url_rule("/portal", "link", self.link)
        blueprint.add_url_rule(BEGIN, "begin", self.begin, methods=["POST"])
        blueprint.add_url_rule("/portal/end", "end", self._frame.form(self.end), methods=["POST"])

    def _without(self) -> Response:
        """Whoever presses the button twice, or comes back, is in a session already."""
        return self._lost() if self._frame.visit() is None else go(START)

    def _lost(self) -> Response:
        return shown("lost.html", 404, in_session=self._frame.visit() is not None)
