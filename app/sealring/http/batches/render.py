"""The answers of batches as JSON: each item with its result or its error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sealring.admission.problems import PROBLEMS
from sealring.admission.replies import Reply
from sealring.domain.envelope_texts import text_of
from sealring.domain.record import ObjectRecord
from sealring.errors import SealringError
from sealring.fibers import heavy
from sealring.http.objects.render import metadata, with_value
from sealring.many import in_turns
from sealring.services.objects import OpenedObject

_ITEM_BYTES = 1_024  # the time of rendering a small item compares to that of writing so many bytes
_QUICK = 8  # writing JSON is so many times quicker than what LARGE_BYTES is made for

Json = dict[str, Any]
T = TypeVar("T")


def batch(results: Mapping[int, T | SealringError], item: Callable[[T], Json], size: Callable[[T], int]) -> Reply:
    """Return the reply with each result, in the order of places; `size` is about that of an item's JSON, in bytes."""

    def rendered(some: Sequence[T | SealringError]) -> Sequence[Json]:
        return [_error(each) if isinstance(each, SealringError) else item(each) for each in some]

    in_order = [results[place] for place in range(len(results))]
    weights = [_ITEM_BYTES + (0 if isinstance(each, SealringError) else size(each)) for each in in_order]
    items = in_turns(in_order, weights, rendered)
    reply = heavy(lambda: Reply.json(200, {"items": items}), sum(weights) // _QUICK)
    reply.failures = [each for each in in_order if isinstance(each, SealringError)]
    return reply


def ciphertext(blob: bytes) -> Json:
    return {"ciphertext": text_of(blob)}


def plaintext(opened: bytes) -> Json:
    return {"plaintext": text_of(opened)}


def created(record: ObjectRecord) -> Json:
    return {"metadata": metadata(record)}


def read(opened: OpenedObject) -> Json:
    return {"object": with_value(opened)}


def _error(failure: SealringError) -> Json:
    problem = PROBLEMS[type(failure)]
    return {"error": {"status": problem.status, "code": problem.code, "message": str(failure)}}
