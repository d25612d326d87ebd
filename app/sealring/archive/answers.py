"""What a bucket may answer instead of what was asked for, and which failure that is."""

from __future__ import annotations


class NoAnswer(Exception):
    """The storage gave no answer that can be used: whether it did what it was asked is unknown."""


class Refused(Exception):
    """The storage refused a request, with a status, and a code of S3; what a proxy says instead has no such code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
