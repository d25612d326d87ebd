"""The page that `doc_url` of an error points to: every code with its meaning and what to do, at its own anchor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from sealring.admission.problems import FRAMEWORK_CODES, FRAMEWORK_MESSAGES, PROBLEMS, UNREADABLE
from sealring.errors import SealringError
from sealring.http.html_page import html_page
from sealring.http.remedies import REMEDIES

_CODE = re.compile("`([^`]+)`")

_STYLE = "section:target { background: var(--raised); outline: 0.75rem solid var(--raised) }"
_HEAD = """\
<h1>Errors</h1>
<p class="lead">The <code>message</code> of an error says what to do. <a href="/docs">All routes</a></p>
"""


def meaning(failure: type[SealringError]) -> str:
    """Return the meaning of a failure: the first sentence of its docstring."""
    return " ".join((failure.__doc__ or "").split()).partition(". ")[0].rstrip(".") + "."


def meanings() -> Mapping[str, tuple[int, str]]:
    """Return status and meaning of every code, by status."""
    unreadable = {code: (status, _first(message)) for status, (code, message) in UNREADABLE.items()}
    framework = {code: (status, _first(FRAMEWORK_MESSAGES[status])) for status, code in FRAMEWORK_CODES.items()}
    ours = {problem.code: (problem.status, meaning(failure)) for failure, problem in PROBLEMS.items()}
    return dict(sorted((unreadable | framework | ours).items(), key=lambda each: (each[1][0], each[0])))


def errors_page() -> bytes:
    sections = (
        f'<section id="{code}"><h2>{status} <code>{code}</code></h2>'
        f"<p>{_html(text)}</p><p>{_html(REMEDIES[code])}</p></section>"
        for code, (status, text) in meanings().items()
    )
    return html_page("sealring: errors", _HEAD + "\n".join(sections), _STYLE)


def _html(text: str) -> str:
    """Return a text with its parts in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _first(message: str) -> str:
    return message.partition(". ")[0].rstrip(".") + "."
