"""What org_acme has, made when a test asks for it."""

import base64
import itertools
from dataclasses import dataclass
from typing import Any

from support.live import LiveServer

_numbers = itertools.count(1)


@dataclass
class Organization:
    """One organization of a running server. Every name is new."""

    live: LiveServer
    id: str
    token: str

    @property
    def context(self) -> dict[str, str]:
        return {"organization_id": self.id}

    def ask(self, method: str, path: str, body: object = None) -> Any:
        return self.live.ask(method, path, token=self.token, body=body)

    def new_name(self) -> str:
        return f"of {self.id} {next(_numbers)}"

    def object(self, name: str | None = None, value: str = "its value") -> dict[str, Any]:
        """Create an object; the answer, and its name."""
        name = name or self.new_name()
        created = self.ask("POST", "/vault/v1/kv", {"name": name, "value": value, "key_context": self.context})
        assert created.status == 201, created
        return {**created.json, "name": name}

    def named_create(self) -> str:
        """Create an object; the Idempotency-Key that it was sent with."""
        key = f"key-{next(_numbers)}"
        body = {"name": self.new_name(), "value": "its value", "key_context": self.context}
        headers = {"Idempotency-Key": key}
        created = self.live.ask("POST", "/vault/v1/kv", token=self.token, body=body, headers=headers)
        assert created.status == 201, created
        return key

    def new_match(self) -> dict[str, str]:
        """A match that no binding has yet."""
        return {**self.context, "number": str(next(_numbers))}

    def binding(self, *, activate: bool = False) -> str:
        """Bind a customer's key; the binding's id."""
        body = {"organization_id": self.id, "provider": "example", "key": "key_one", "match": self.new_match()}
        made = self.ask("POST", "/sealring/v1/bindings", {**body, "activate": activate})
        assert made.status == 201, made
        return made.json["id"]

    def deleted(self) -> dict[str, Any]:
        made = self.object()
        assert self.ask("DELETE", f"/vault/v1/kv/{made['id']}").status == 200
        return made

    def data_key(self) -> dict[str, Any]:
        created = self.ask("POST", "/vault/v1/keys/data-key", {"context": self.context})
        assert created.status == 200, created
        return created.json

    def blob(self) -> str:
        return self.data_key()["encrypted_keys"]

    def ciphertext(self) -> str:
        """An item that a batch encrypted."""
        body = {"items": [{"key_context": self.context, "plaintext": "c2VjcmV0"}]}
        return self.ask("POST", "/sealring/v1/batch/encrypt", body).json["items"][0]["ciphertext"]


def organization(live: LiveServer, org: str) -> Organization:
    return Organization(live, org, live.token(org))


def altered_blob(blob: str, old: bytes, new: bytes) -> str:
    raw = base64.b64decode(blob)
    assert old in raw
    return base64.b64encode(raw.replace(old, new)).decode()
