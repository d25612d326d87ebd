"""A refusal as a page, for a browser that shows it to a person; all else gets the JSON."""

from __future__ import annotations

from html import escape

import orjson

from sealring.admission.replies import Reply
from sealring.admission.requests import Request
from sealring.http.html_page import html_page

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = (("Content-Security-Policy", POLICY), ("Referrer-Policy", "no-referrer"), ("Vary", "Accept"))

_CONTENT = """\
<h1>{message}</h1>
<p class="lead">{status} <a href="{doc_url}"><code>{code}</code></a></p>
<p class="note">If you ask for help, name this request: <code>{request_id}</code></p>"""


def as_asked(request: Request, reply: Reply) -> Reply:
    """Return a problem as it is, or for a browser as a page, with the same status and headers.

    Programs ask for JSON, or for anything.
    """
    if request.method == "GET" and "text/html" in (request.header("accept") or ""):
        return _page_of(reply)
    return reply


def _page_of(reply: Reply) -> Reply:
    problem = {name: escape(str(text)) for name, text in orjson.loads(reply.body).items()}
    page = html_page(f"{reply.status}: {problem['code']}", _CONTENT.format(status=reply.status, **problem))
    headers = (*reply.headers, *HEADERS)
    return Reply(reply.status, page, content_type="text/html; charset=utf-8", headers=headers)
