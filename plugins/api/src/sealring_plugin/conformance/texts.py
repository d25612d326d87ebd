"""The texts that may contain a secret: of exceptions, logs and notations of bytes."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def caught(use: Callable[[], object]) -> Exception | None:
    try:
        use()
    except Exception as error:  # noqa: BLE001  its class is not tested here, only its text
        return error
    return None


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Yield the texts of an exception, its causes and its contexts."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield f"{each!r} {each} {vars(each)!r} {getattr(each, '__notes__', '')}"
        waiting += [each.__cause__, each.__context__]


def notations(secret: bytes) -> list[str]:
    """Return the notations in which a text may contain bytes."""
    return [
        secret.hex(),
        secret.hex().upper(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        repr(secret)[2:-1],
        ", ".join(map(str, secret)),
        str(int.from_bytes(secret, "big")),
    ]


@contextmanager
def every_record() -> Iterator[list[str]]:
    """Yield a list that gets the text of every log record, of any level and any logger."""
    texts: list[str] = []
    handler = _Listening(texts)
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.level) for each in (logging.root, *named)]
    deaf = [each for each, _ in before if each is logging.root or not each.propagate]
    for each, _ in before:
        each.setLevel(1)
    for each in deaf:
        each.addHandler(handler)
    try:
        yield texts
    finally:
        for each in deaf:
            each.removeHandler(handler)
        for each, level in before:
            each.setLevel(level)


class _Listening(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(level=1)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(f"{self.format(record)} {vars(record)!r}")
