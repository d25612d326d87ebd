"""A driver: a process that holds one SDK and does what it is told, one line of JSON at a time."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Refused(Exception):
    """The SDK raised an exception. `kind` is its class, `message` what it shows."""

    def __init__(self, kind: str, message: str, trace: str) -> None:
        super().__init__(f"{kind}: {message}\n{trace}")
        self.kind = kind
        self.message = message


@dataclass
class Driver:
    process: subprocess.Popen[str] = field(repr=False)
    log: Path

    def ask(self, call: str, token: str, arguments: Mapping[str, Any]) -> Any:
        """Let the SDK do one thing with `token` as its API key. Raises Refused."""
        answer = json.loads(self._exchange(json.dumps({"call": call, "token": token, "arguments": arguments})))
        if "raised" in answer:
            raise Refused(answer["raised"], answer["message"], answer["trace"])
        return answer["returned"]

    def _exchange(self, asked: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{asked}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BaseException:
            self.process.kill()  # of a test that timed out: its answer must not reach the next one
            raise
        assert answer, f"The driver ended:\n{self.log.read_text()}"
        return answer


@dataclass(frozen=True)
class Vault:
    """The vault of an SDK's client. Every version takes the same arguments here, and returns the same members."""

    driver: Driver = field(repr=False)
    token: str = field(repr=False)

    def create(self, *, name: str, value: str, context: Mapping[str, Any]) -> Any:
        return self._ask("create", name=name, value=value, context=context)

    def read(self, object_id: str) -> Any:
        return self._ask("read", id=object_id)

    def read_by_name(self, name: str) -> Any:
        return self._ask("read_by_name", name=name)

    def describe(self, object_id: str) -> Any:
        return self._ask("describe", id=object_id)

    def update(self, object_id: str, *, value: str, **version_check: str) -> Any:
        return self._ask("update", id=object_id, value=value, **version_check)

    def delete(self, object_id: str, **version_check: str) -> None:
        return self._ask("delete", id=object_id, **version_check)

    def versions(self, object_id: str) -> Any:
        return self._ask("versions", id=object_id)

    def walk(self, **filters: str) -> Any:
        """All rows, the way that a user of this version pages: by its own iterator where it has one."""
        return self._ask("walk", **filters)

    def page(self, **options: Any) -> Any:
        """One page: `rows`, and `before` and `after` where the version shows them."""
        return self._ask("page", **options)

    def create_data_key(self, context: Mapping[str, Any]) -> Any:
        return self._ask("create_data_key", context=context)

    def decrypt_data_key(self, keys: str) -> Any:
        return self._ask("decrypt_data_key", keys=keys)

    def rekey(self, encrypted_keys: str, context: Mapping[str, Any]) -> Any:
        return self._ask("rekey", encrypted_keys=encrypted_keys, context=context)

    def generate_link(self, *, organization: str, intent: str, **urls: str) -> str:
        """A link to the portal: the client of a vault makes it, not the vault."""
        return self._ask("generate_link", organization=organization, intent=intent, **urls)

    def encrypt(self, text: str, context: Mapping[str, Any], associated_data: str | None) -> str:
        return self._ask("encrypt", text=text, context=context, associated_data=associated_data)

    def decrypt(self, ciphertext: str, associated_data: str | None) -> str:
        return self._ask("decrypt", ciphertext=ciphertext, associated_data=associated_data)

    def _ask(self, call: str, **arguments: Any) -> Any:
        return self.driver.ask(call, self.token, arguments)


@contextmanager
def driver(command: Sequence[str], url: str, sdk_folder: Path, log: Path) -> Iterator[Driver]:
    """Run a driver until the block ends."""
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*command, url, str(sdk_folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            env=_environment(),
        ) as process,
    ):
        # Popen's own end closes the pipes, on which a driver ends, and waits
        yield Driver(process, log)


def _environment() -> Mapping[str, str]:
    """Ours without what would change an SDK's behaviour, in a zone whose times do not look like UTC."""
    meddling = re.compile(r"(WORKOS|PYTHON|NODE|JAVA|JDK)_?.*|.*_proxy", re.IGNORECASE)
    ours = {name: text for name, text in os.environ.items() if not meddling.fullmatch(name)}
    return {**ours, "TZ": "Asia/Kolkata", "PYTHONDONTWRITEBYTECODE": "1"}
