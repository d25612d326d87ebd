"""Two servers of two workers each behind a slow way to their store, and callers who use keyrings on both at once."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from adversary.crowd import at_once
from adversary.deks import deks_of
from faults.proxy import Fault, FaultProxy
from sealring.domain.keyrings import DekInfo
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.installation import SETTINGS_FILE
from support.live import LiveServer, running, serving
from support.waiting import becomes_true

SERVICE = "/vault.v1.VaultService"
DELAY_S = 0.02  # of each answer of the store


def delayed(_request: bytes) -> Fault:
    """The plan of a proxy that delays every answer."""
    return Fault.DELAY


@dataclass(frozen=True)
class Pair:
    """Two servers on one store, and the proxy that both have before it, if there is one."""

    servers: Sequence[LiveServer]
    way: FaultProxy | None = None

    def call(self, number: int, method: str, token: str, **members: Any) -> Any:
        """Call vault.v1 on the server whose turn it is, as often as it takes to be answered; return the answer."""
        answers: list[Any] = []

        def answered() -> bool:
            try:
                answer = self.servers[number % 2].ask("POST", f"{SERVICE}/{method}", token=token, body=members)
            except (OSError, HTTPException):  # its worker was killed
                return False
            if answer.status == 503:
                return False
            answers.append(answer)
            return True

        assert becomes_true(answered)
        assert answers[0].status == 200, answers[0].raw
        return answers[0].json

    def encrypt_at_once(self, rings: Sequence[str], token: str) -> list[dict[str, str]]:
        """Encrypt a value with each of these keyrings at the same moment, one after the other on each server."""
        return at_once(
            [
                partial(self.call, number, "Encrypt", token, keyring=ring, data=f"value {number}")
                for number, ring in enumerate(rings)
            ]
        )

    def decrypted(self, number: int, ring: str, token: str, sealed: Sequence[dict[str, str]]) -> list[str]:
        """What one of the servers makes of these values."""
        items = {str(place): each["encrypted"] for place, each in enumerate(sealed)}
        opened = self.call(number, "DecryptBulk", token, keyring=ring, items=items)["items"]
        return [opened[str(place)] for place in range(len(sealed))]

    def deks(self, ring: str) -> Sequence[DekInfo]:
        return deks_of(self.servers[0], ring)


@contextmanager
def slow_pair(folder: Path) -> Iterator[Pair]:
    """The way to the store is slow once both servers are ready."""
    with (
        EmbeddedValkey(folder) as store,
        closing(FaultProxy(store.url, delay_s=DELAY_S)) as way,
        serving(folder, f"redis://{way.address}") as one,
        running(folder / SETTINGS_FILE, folder / "other.log", one.kms) as other,
    ):
        way.plan = delayed
        yield Pair((one, other), way)
