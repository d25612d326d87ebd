"""The objects of a server, as its HTTP API has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealring.client.exchange import Exchange, Json, segment, text_of
from sealring.client.failures import NothingFound, ServerUnusable

PAGE = 100  # rows: the most that a server gives at once
MAX_PAGES = 10_000  # a million objects; a server that never ends its list is none

_KV, _OURS = "/vault/v1/kv", "/sealring/v1/kv"


class Vault:
    """Each method is one request, unless it says otherwise. Raises ClientError."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def create(self, name: str, value: str, context: Mapping[str, str]) -> Json:
        body = {"name": name, "value": value, "key_context": dict(context)}
        return self._exchange.ask("POST", _KV, body=body)

    def read(self, object_id: str) -> Json:
        return self._exchange.ask("GET", f"{_KV}/{segment(object_id)}")

    def read_by_name(self, name: str, org: str | None) -> Json:
        return self._exchange.ask("GET", f"{_KV}/name/{segment(name)}", {"organization_id": org})

    def read_version(self, object_id: str, version_id: str) -> Json:
        return self._exchange.ask("GET", f"{_OURS}/{segment(object_id)}/versions/{segment(version_id)}")

    def describe(self, object_id: str) -> Json:
        return self._exchange.ask("GET", f"{_KV}/{segment(object_id)}/metadata")

    def versions(self, object_id: str) -> list[Json]:
        return _rows(self._exchange.ask("GET", f"{_KV}/{segment(object_id)}/versions"))

    def update(self, object_id: str, value: str, version_check: str | None) -> Json:
        body = {"value": value, "version_check": version_check}
        return self._exchange.ask("PUT", f"{_KV}/{segment(object_id)}", body=body)

    def delete(self, object_id: str, version_check: str | None) -> Json:
        return self._exchange.ask("DELETE", f"{_KV}/{segment(object_id)}", {"version_check": version_check})

    def restore(self, object_id: str) -> Json:
        return self._exchange.ask("POST", f"{_OURS}/{segment(object_id)}/restore")

    def list(self, search: str = "", org: str | None = None) -> Iterator[Json]:
        """Yield each live object that the token may list: id, name, updated_at. One request for each page."""
        after: str | None = None
        for _ in range(MAX_PAGES):
            query = {"limit": str(PAGE), "search": search or None, "organization_id": org, "after": after}
            page = self._exchange.ask("GET", _KV, query)
            yield from _rows(page)
            marks = page.get("list_metadata")
            before, after = after, marks.get("after") if isinstance(marks, dict) else None
            if not isinstance(after, str):
                return
            if after == before:  # it would never end
                break
        raise ServerUnusable("the list of the server does not end")

    def id_of(self, name: str, org: str | None) -> str:
        """Return the id of the live object of that name, from the list: no value is opened for it.

        Raises NothingFound if there is none, or if several organizations have one.
        """
        found = [text_of(row, "id") for row in self.list(name, org) if row.get("name") == name]
        if not found:
            raise NothingFound("the token may see no object of this name")
        if len(found) > 1:
            raise NothingFound("several organizations have an object of this name; give --org, or its id with --id")
        return found[0]


def context_of(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the key context of an object. Raises ServerUnusable."""
    metadata = described.get("metadata")
    context = metadata.get("context") if isinstance(metadata, dict) else None
    if not isinstance(context, dict):
        raise ServerUnusable("the answer is not one of a sealring server: it lacks 'context'")
    return {name: text_of(context, name) for name in context}


def _rows(page: Mapping[str, Any]) -> list[Json]:
    rows = page.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ServerUnusable("the answer is not one of a sealring server: it lacks 'data'")
    return rows
