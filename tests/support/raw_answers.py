"""Answers of HTTP as they come on a connection."""

from sealring_plugin.net.answers import Answers

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


def reading(*parts):
    """Answers of a connection on which these parts come, and then its end."""
    coming = iter([*parts, b""])
    return Answers(lambda: next(coming))


def read(*parts):
    return reading(*parts).read()[0]
