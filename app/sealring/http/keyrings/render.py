"""Results of keyrings as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sealring.admission.problems import PROBLEMS
from sealring.domain.envelope_texts import plaintext_of, text_of
from sealring.domain.keyrings import DekInfo, Sealed
from sealring.errors import EnvelopeRejected
from sealring.fibers import heavy
from sealring.http.timestamps import rfc3339

Json = dict[str, Any]


def encrypted(items: Mapping[str, Sealed]) -> Json:
    return {
        "items": {name: {"encrypted": _text(each.encrypted), "key_id": each.key_id} for name, each in items.items()}
    }


def decrypted(items: Mapping[str, bytes | EnvelopeRejected]) -> Json:
    return {"items": {name: _decrypted(each) for name, each in items.items()}}


def key(dek: DekInfo) -> Json:
    return {"key_id": dek.id, "created_at": rfc3339(dek.created_at * 1_000)}


def _text(encrypted: bytes) -> str:
    return heavy(partial(text_of, encrypted), len(encrypted))


def _decrypted(result: bytes | EnvelopeRejected) -> Json:
    try:
        if isinstance(result, bytes):
            return {"value": heavy(partial(plaintext_of, result), len(result))}
    except EnvelopeRejected as refusal:
        result = refusal
    return {"code": PROBLEMS[EnvelopeRejected].code, "message": str(result)}
