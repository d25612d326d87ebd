"""The routes of the description: the OpenAPI document, the page that shows it, and the page of errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files

import orjson

from sealring.admission.problems import ERRORS_PAGE
from sealring.admission.replies import Reply
from sealring.admission.routes import OpenRoute, Route
from sealring.fibers import Lane, aside
from sealring.http.errors_page import errors_page
from sealring.http.openapi import describe

# The page loads only from this server. RapiDoc writes style attributes, hence 'unsafe-inline' only for styles.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = (("Content-Security-Policy", CONTENT_SECURITY_POLICY), ("Referrer-Policy", "no-referrer"))


_PAGE = files("sealring.http") / "docs_page"


class DescriptionViews:
    """The document and the page. The document also describes their routes; the first request for it has it made."""

    def __init__(self, routes: Iterable[Route], open_routes: Iterable[OpenRoute]) -> None:
        self._own = (
            OpenRoute(
                "/openapi.json",
                self.document,
                {200: "application/json"},
                id="getDescription",
                summary="This description",
                text="OpenAPI 3.1.",
            ),
            OpenRoute(
                "/docs",
                self.page,
                {200: "text/html"},
                id="getPage",
                summary="A page that shows this description",
                text="Works offline.",
            ),
            OpenRoute(
                ERRORS_PAGE,
                self.errors,
                {200: "text/html"},
                id="getErrorsPage",
                summary="A page with the meaning of each error",
                text="`doc_url` of an error points into it.",
            ),
            OpenRoute(
                "/docs/rapidoc-min.js",
                self.script,
                {200: "text/javascript"},
                id="getPageScript",
                summary="The script of that page",
                text="RapiDoc, as published.",
            ),
            OpenRoute(
                "/docs/page.js",
                self.colors,
                {200: "text/javascript"},
                id="getPageColors",
                summary="The colors of that page",
                text="Light or dark, as the system is.",
            ),
        )
        self._described = (*routes,), (*open_routes, *self._own)
        self._document: bytes | None = None
        self._html = _PAGE.joinpath("index.html").read_bytes()
        self._errors = errors_page()
        self._colors = _PAGE.joinpath("page.js").read_bytes()
        self._script = _PAGE.joinpath("rapidoc-min.js").read_bytes()

    def document(self) -> Reply:
        if self._document is None:  # a tenth of a second, which no start of a worker needs
            self._document = aside(lambda: orjson.dumps(describe(*self._described)), Lane.LARGE)
        return Reply(200, self._document)

    def page(self) -> Reply:
        return Reply(200, self._html, content_type="text/html; charset=utf-8", headers=PAGE_HEADERS)

    def errors(self) -> Reply:
        return Reply(200, self._errors, content_type="text/html; charset=utf-8", headers=PAGE_HEADERS)

    def script(self) -> Reply:
        return Reply(200, self._script, content_type="text/javascript; charset=utf-8", cache_control="max-age=86400")

    def colors(self) -> Reply:
        return Reply(200, self._colors, content_type="text/javascript; charset=utf-8", cache_control="max-age=86400")

    def routes(self) -> Sequence[OpenRoute]:
        return self._own
