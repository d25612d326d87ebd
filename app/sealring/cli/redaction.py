"""Redaction of tokens in the error messages of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

SHOWN = "[a token]"

_TOKEN = re.compile(
    r"""
    \b (?i:Bearer) \s+ (?! <token> (?: [\s'".,] | $ ) ) [^\s'"]+  # "Bearer <token>" is a form, and no token
    | eyJ [\w-]{8,} (?: \. [\w-]* )*  # a JSON object in base64url, RFC 7515 section 3: any part of a JWS or JWE
    | (?<! [\w-] ) [\w-]+ \. [\w-]+ \. [\w-]{40,}  # the last part may be a signature: 32 bytes are 43 characters
    """,
    re.ASCII | re.VERBOSE,
)


def without_tokens(text: str) -> str:
    return _TOKEN.sub(SHOWN, text)


@contextmanager
def saying_no_token() -> Iterator[None]:
    """Replace what may be a token in the message of a failure. The exit status stays the same."""
    try:
        yield
    except click.ClickException as error:
        said = error.format_message()
        if without_tokens(said) == said:
            raise
        raise _redacted(error, without_tokens(said)) from None


def _redacted(error: click.ClickException, said: str) -> click.ClickException:
    made = click.UsageError(said, error.ctx) if isinstance(error, click.UsageError) else click.ClickException(said)
    made.exit_code = error.exit_code  # type: ignore[misc]  # click asks the instance
    return made
