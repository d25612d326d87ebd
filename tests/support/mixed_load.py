"""Mixed requests of many clients at once, each of which checks every answer that it gets."""

import http.client
import json
import os
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ROUND = 8  # requests of one round


@dataclass
class Outcome:
    requests: int = 0
    wrong: list[str] = field(default_factory=list)


class Client:
    """One client with a connection of its own, in an organization of its own."""

    def __init__(self, url: str, token: str, org: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._context = {"organization_id": org}
        self.outcome = Outcome()

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            self._round({**self._context, "round": str(number % 50)})
        self._connection.close()

    def _round(self, context: dict[str, str]) -> None:
        name, value = os.urandom(8).hex(), os.urandom(16).hex()
        made = self._ask("POST", "/vault/v1/kv", 201, {"name": name, "value": value, "key_context": context})
        path = f"/vault/v1/kv/{made['id']}"
        self._expect(self._ask("GET", path, 200)["value"], value)
        change = {"value": value[::-1], "version_check": made["version_id"]}
        self._ask("PUT", path, 201, change)
        self._ask("PUT", path, 409, change)
        self._expect(self._ask("GET", f"/vault/v1/kv/name/{name}", 200)["value"], value[::-1])
        pair = self._ask("POST", "/vault/v1/keys/data-key", 200, {"context": context})
        opened = self._ask("POST", "/vault/v1/keys/decrypt", 200, {"keys": pair["encrypted_keys"]})
        self._expect(opened["data_key"], pair["data_key"])
        self._ask("DELETE", path, 200)

    def _ask(self, method: str, path: str, status: int, body: object = None) -> dict[str, str]:
        payload = None if body is None else json.dumps(body)
        self._connection.request(method, path, payload, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        self.outcome.requests += 1
        self._expect(response.status, status)
        return json.loads(answer)

    def _expect(self, got: object, wanted: object) -> None:
        if got != wanted:
            self.outcome.wrong.append(f"{got!r} for {wanted!r}")


def drive(live, *, clients: int, requests: int) -> Outcome:
    """Send about `requests` requests from `clients` clients at once."""
    each = [Client(live.url, live.token(f"org_load_{number}"), f"org_load_{number}") for number in range(clients)]
    rounds = -(-requests // (clients * ROUND))
    threads = [threading.Thread(target=client.run, args=(rounds,)) for client in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Outcome(
        sum(client.outcome.requests for client in each), [wrong for client in each for wrong in client.outcome.wrong]
    )
