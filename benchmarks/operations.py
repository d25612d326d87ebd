"""The operations that are measured on sealring: their objects, and the requests that make them up."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import vault
from load import Request
from servers import Client, Sealring

OPERATIONS = (
    "create",
    "read",
    "read by name",
    "update",
    "metadata",
    "list of 100",
    "data-key",
    "decrypt",
    "encrypt a batch of 250",
    "decrypt a batch of 250",
    *vault.CALLS,
)
BATCH = 250

ORGANIZATIONS = tuple(f"org_01JBENCH{number:018d}" for number in range(5))  # as long as those of WorkOS
OBJECTS = 1_000
UPDATED = 200  # objects that updates go to; their versions are read before each run
VALUE = "0123456789abcdef0123456789abcdef"  # 32 bytes

_KV = "/vault/v1/kv"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was made before the measurement."""

    id: str
    name: str
    organization: str


class SealringTarget:
    """sealring under load."""

    name = "sealring"
    may_refuse = 0.0

    def __init__(self, server: Sealring) -> None:
        self.url = f"http://127.0.0.1:{server.port}"
        self.pid = server.process.pid
        self._store = server.store
        self._client = Client(server.port)
        self._tokens = {org: ("Authorization", f"Bearer {server.token(org)}") for org in ORGANIZATIONS}
        self._objects: list[Stored] = []
        self._wrapped: list[tuple[str, str]] = []  # organization, data key
        self._plans: dict[str, Callable[[], Sequence[Request]]] = {
            "create": self._create,
            "read": lambda: self._each_object(lambda each: f"{_KV}/{each.id}"),
            "read by name": lambda: self._each_object(
                lambda each: f"{_KV}/name/{quote(each.name, safe='')}?organization_id={each.organization}"
            ),
            "update": self._update,
            "metadata": lambda: self._each_object(lambda each: f"{_KV}/{each.id}/metadata"),
            "list of 100": lambda: [Request("GET", f"{_KV}?limit=100", token) for token in self._tokens.values()],
            "data-key": self._data_key,
            "decrypt": self._decrypt,
            "encrypt a batch of 250": self._encrypt_batch,
            "decrypt a batch of 250": self._decrypt_batch,
        }

    def make_keys(self) -> None:
        """Make what exists once for an organization, so that it counts for none of the objects."""
        for org in ORGANIZATIONS:
            body = {"context": _context(org)}
            answer = self._client.expect("POST", "/vault/v1/keys/data-key", dict([self._tokens[org]]), body)
            self._wrapped.append((org, answer["encrypted_keys"]))

    def fill(self) -> None:
        """Make the objects."""
        for number in range(OBJECTS):
            org = ORGANIZATIONS[number % len(ORGANIZATIONS)]
            name = f"app/database/{number:07d}"
            body = {"name": name, "value": VALUE, "key_context": _context(org)}
            answer = self._client.expect("POST", _KV, dict([self._tokens[org]]), body)
            self._objects.append(Stored(answer["id"], name, org))

    def plan(self, operation: str) -> Sequence[Request]:
        return self._calls(operation) if operation in vault.CALLS else self._plans[operation]()

    def store_cpu_us(self) -> int:
        used = self._store.info("cpu")
        return int((used["used_cpu_user"] + used["used_cpu_sys"]) * 1e6)

    def explain(self, request: Request) -> str:
        if request.body.startswith("hex:"):
            return "one in Protocol Buffers, not shown"
        path, body = request.path.replace("@serial@", "again"), request.body.replace("@version@", request.version)
        body = body.replace("@serial@", "again")
        status, answer = self._client.ask(request.method, path, dict([request.token]), body or None)
        return f"{status} {answer}"

    def settle(self) -> None:
        """Nothing is left behind."""

    def _calls(self, call: str) -> Sequence[Request]:
        def post(path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
            return self._client.expect("POST", path, dict([token]), body)

        requests = []
        for org, token in self._tokens.items():
            requests.append(vault.calls(call, f"{org}/ring", token, post))
        return requests

    def _each_object(self, path: Callable[[Stored], str]) -> Sequence[Request]:
        return [Request("GET", path(each), self._tokens[each.organization]) for each in self._objects]

    def _create(self) -> Sequence[Request]:
        bodies = {
            org: {"name": "app/created/@serial@", "value": VALUE, "key_context": _context(org)} for org in ORGANIZATIONS
        }
        return [Request("POST", _KV, self._tokens[org], json.dumps(body)) for org, body in bodies.items()]

    def _update(self) -> Sequence[Request]:
        body = json.dumps({"value": VALUE, "version_check": "@version@"})
        requests = []
        for each in self._objects[:UPDATED]:
            token = self._tokens[each.organization]
            version = self._client.expect("GET", f"{_KV}/{each.id}/metadata", dict([token]))["metadata"]["version_id"]
            requests.append(Request("PUT", f"{_KV}/{each.id}", token, body, version))
        return requests

    def _data_key(self) -> Sequence[Request]:
        path = "/vault/v1/keys/data-key"
        return [
            Request("POST", path, token, json.dumps({"context": _context(org)})) for org, token in self._tokens.items()
        ]

    def _decrypt(self) -> Sequence[Request]:
        path = "/vault/v1/keys/decrypt"
        return [Request("POST", path, self._tokens[org], json.dumps({"keys": blob})) for org, blob in self._wrapped]

    def _encrypt_batch(self) -> Sequence[Request]:
        path = "/sealring/v1/batch/encrypt"
        return [Request("POST", path, token, json.dumps(_plain_items(org))) for org, token in self._tokens.items()]

    def _decrypt_batch(self) -> Sequence[Request]:
        requests = []
        for org, token in self._tokens.items():
            sealed = self._client.expect("POST", "/sealring/v1/batch/encrypt", dict([token]), _plain_items(org))
            requests.append(Request("POST", "/sealring/v1/batch/decrypt", token, json.dumps(sealed)))
        return requests


def _plain_items(organization: str) -> dict[str, list[dict[str, object]]]:
    plaintext = base64.b64encode(VALUE.encode()).decode()
    return {"items": [{"key_context": _context(organization), "plaintext": plaintext}] * BATCH}


def _context(organization: str) -> dict[str, str]:
    return {"organization_id": organization}
