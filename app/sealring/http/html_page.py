"""The frame of a page for people that is one file, with its style in it."""

from __future__ import annotations

from sealring.style import base_style

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}
</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""


def html_page(title: str, content: str, more_style: str = "") -> bytes:
    """Return a page. All are texts of HTML and CSS: the caller has escaped what is not."""
    style = f"{base_style()}\n{more_style}" if more_style else base_style()
    return _PAGE.format(title=title, style=style, content=content).encode()
