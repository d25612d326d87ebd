"""vault.v1 over Connect: the calls that are measured, and what the protocol alone costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from load import Request
from report import table

from sealring.connect.messages import METHODS
from sealring.connect.vault import vault_front
from sealring.domain.keyrings import DekId, Sealed
from sealring.server.worker import _collect_less

CALLS = (
    "Encrypt, proto",
    "Encrypt, JSON",
    "Decrypt, proto",
    "Decrypt, JSON",
    "EncryptBulk of 100, proto",
    "EncryptBulk of 100, JSON",
)
ITEMS = 100
VALUE = "0123456789abcdef0123456789abcdef"  # 32 bytes

BUDGETS_US = {
    "Encrypt, proto": 15,
    "Encrypt, JSON": 20,
    "Decrypt, proto": 15,
    "Decrypt, JSON": 20,
    "EncryptBulk of 100, JSON": 150,
}

_SERVICE = "/vault.v1.VaultService"
_BATCHES, _CALLS = 30, 100

Post = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]  # of a path and JSON


def calls(call: str, ring: str, token: tuple[str, str], post: Post) -> Request:
    """Return the request that a call is; `post` asks the server for what a Decrypt needs."""
    method, sent = _sent(call, ring, lambda: post(f"{_SERVICE}/Encrypt", {"keyring": ring, "data": VALUE})["encrypted"])
    if call.endswith("JSON"):
        return Request("POST", f"{_SERVICE}/{method}", token, json.dumps(sent))
    return Request("POST", f"{_SERVICE}/{method}", token, f"hex:{_proto(method, sent).hex()}")


def _sent(call: str, ring: str, encrypted: Callable[[], str]) -> tuple[str, dict[str, Any]]:
    method = call.partition(",")[0].partition(" ")[0]
    if method == "Encrypt":
        return method, {"keyring": ring, "data": VALUE}
    if method == "Decrypt":
        return method, {"keyring": ring, "encrypted": encrypted()}
    return method, {"keyring": ring, "items": {f"item-{number}": VALUE for number in range(ITEMS)}}


def _proto(method: str, sent: Mapping[str, Any]) -> bytes:
    return METHODS[method][0].message(**sent).SerializeToString()


# --- the protocol alone


def print_protocol() -> dict[str, float]:
    """Measure and print what the front costs without the guard and without keyrings; return µs by call."""
    _collect_less()  # as a worker does
    found = {call: _least_us(call) for call in CALLS}
    rows = [
        (call, f"{us:.1f}", f"{BUDGETS_US[call]}" if call in BUDGETS_US else "", _verdict(call, us))
        for call, us in found.items()
    ]
    print("\nThe protocol of vault.v1 alone, in this process: the least CPU µs of many short batches\n")
    print(table(("call", "CPU µs", "at most", ""), rows))
    return found


def _verdict(call: str, us: float) -> str:
    return "" if call not in BUDGETS_US else "holds" if us <= BUDGETS_US[call] else "missed"


def _least_us(call: str) -> float:
    method, sent = _sent(call, "org_bench/ring", lambda: "A" * 120)
    is_json = call.endswith("JSON")
    raw = json.dumps(sent).encode() if is_json else _proto(method, sent)
    asked = _Asked(raw, "application/json" if is_json else "application/proto")
    path = f"{_SERVICE}/{method}"
    respond = vault_front(_Keyrings(), _Open(), None).posts[path]  # type: ignore[arg-type] # nothing is guarded or logged
    assert respond(asked, {}, "id").status == 200  # type: ignore[arg-type]
    return min(_mean_us(lambda: respond(asked, {}, "id")) for _ in range(_BATCHES))  # type: ignore[arg-type]


def _mean_us(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    for _ in range(_CALLS):
        work()
    return (time.thread_time_ns() - began) / _CALLS / 1000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that is there."""

    sent: bytes
    content_type: str

    def header(self, name: str) -> str | None:
        return self.content_type if name == "content-type" else None


class _Open:
    """A guard that lets everybody in."""

    def admit(self, request: _Asked, _terms: object, _id: str, work: Callable[[None, bytes], Any]) -> Any:
        return work(None, request.sent)


class _Keyrings:
    """Use cases that do nothing."""

    _sealed = Sealed(b"e" * 90, DekId("dek_123456789"))

    def encrypt(self, *_: object) -> Sealed:
        return self._sealed

    def decrypt(self, *_: object) -> bytes:
        return VALUE.encode()

    def encrypt_all(self, _ring: object, items: Mapping[str, bytes], _caller: object) -> Mapping[str, Sealed]:
        return dict.fromkeys(items, self._sealed)
