"""The answers of batches as JSON: each item with its result or its error."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sealring.admission.problems import PROBLEMS
from sealring.admission.replies import Reply
from sealring.domain.record import ObjectRecord
from sealring.errors import SealringError
from sealring.fibers import heavy
from sealring.http.objects.render import metadata, with_value
from sealring.many import Pace
from sealring.services.objects import OpenedObject

_ITEM_BYTES = 1_024  # the time of rendering a small item compares to that of writing so many bytes
_QUICK = 8  # writing JSON is so many times quicker than what LARGE_BYTES is made for

Json = dict[str, Any]
T = TypeVar("T")


def batch(results: Mapping[int, T | SealringError], item: Callable[[T], Json], size: Callable[[T], int]) -> Reply:
    """Return the reply with each result, in the order of places; `size` is about that of an item's JSON, in bytes."""
    pace, whole = Pace(), 0
    items: list[Json] = []
    failures: list[SealringError] = []
    for place in range(len(results)):
        result, weight = results[place], _ITEM_BYTES
        if isinstance(result, SealringError):
            items.append(_error(result))
            failures.append(result)
        else:
            items.append(item(result))
            weight += size(result)
        pace.after(weight)
        whole += weight
    reply = heavy(lambda: Reply.json(200, {"items": items}), whole // _QUICK)
    reply.failures = failures
    return reply


def ciphertext(blob: bytes) -> Json:
    return {"ciphertext": base64.b64encode(blob).decode()}


def plaintext(opened: bytes) -> Json:
    return {"plaintext": base64.b64encode(opened).decode()}


def created(record: ObjectRecord) -> Json:
    return {"metadata": metadata(record)}


def read(opened: OpenedObject) -> Json:
    return {"object": with_value(opened)}


def _error(failure: SealringError) -> Json:
    problem = PROBLEMS[type(failure)]
    return {"error": {"status": problem.status, "code": problem.code, "message": str(failure)}}
