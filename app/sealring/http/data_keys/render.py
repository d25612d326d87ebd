"""Data keys as JSON."""

from __future__ import annotations

import base64
from typing import Any

from sealring.services.data_keys import DataKeyPair

Json = dict[str, Any]


def data_key(pair: DataKeyPair) -> Json:
    return {"id": pair.id, "data_key": _base64(pair.secret)}


def data_key_pair(pair: DataKeyPair) -> Json:
    return {**data_key(pair), "context": pair.context.as_dict(), "encrypted_keys": _base64(pair.wrapped)}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
