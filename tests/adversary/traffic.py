"""Clients that read, write, make, open and move data keys, and use keyrings of three organizations, on either server."""

import base64
import itertools
import json
import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from adversary.crowd import KEYS, KV
from adversary.deks import deks_of
from adversary.history import OURS, Allows, Answer, Bindings, History, short
from support import live
from support.live import LiveServer
from support.reader import Bytes, header, wraps

UNSERVED = {429, 503}  # allowed at any time, and counted
REFUSED = 424
RINGS = "/sealring/v1/keyrings"
SECRET = "a secret"

_PATIENCE_S = 30
_KEPT = 8  # objects and data keys of an organization that are asked for again


@dataclass(frozen=True)
class Kept:
    """A data key that a client keeps."""

    org: str
    blob: str
    keys: frozenset[str]
    secret: str


@dataclass(frozen=True)
class Value:
    """A value that a keyring encrypted, and the DEK that it is under."""

    org: str
    encrypted: str
    dek: str


@dataclass(frozen=True)
class Ask:
    """A request: what for, and which organizations it touches."""

    what: str
    orgs: tuple[str, ...]
    method: str
    path: str
    body: object = None


class Traffic:
    """Threads that ask until they are stopped, and tell the history what they were answered."""

    def __init__(self, servers: Sequence[LiveServer], orgs: Sequence[str], history: History, threads: int) -> None:
        self.hot = orgs[0]  # of which most is asked
        self.asking = threads  # so many of them; the others wait
        self._urls = [server.url for server in servers]
        self._token = servers[0].token(*orgs)
        self._turns = itertools.count()
        self._orgs = orgs
        self._history = history
        self._objects: dict[str, list[str]] = defaultdict(list)
        self._data_keys: list[Kept] = []
        self._values: list[Value] = []
        self._guards_of_deks: dict[str, Mapping[str, frozenset[str]]] = {}
        self._server = servers[0]
        self._over = threading.Event()
        self._answered = threading.Condition()
        self._count = 0
        self.failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._ask_on, args=(number,)) for number in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S)

    def until_answered(self, more: int) -> None:
        """Wait for so many answers more."""
        with self._answered:
            enough = self._count + more
            assert self._answered.wait_for(lambda: self._count >= enough or self.failures, _PATIENCE_S)

    def _ask_on(self, number: int) -> None:
        chance = random.Random(number)
        asks: list[Callable[[random.Random], None]] = [
            self._create,
            *2 * [self._update],
            *5 * [self._read],
            *4 * [self._data_key],
            *3 * [self._decrypt],
            *3 * [self._rekey],
            *3 * [self._encrypt_value],
            *3 * [self._decrypt_value],
        ]
        try:
            while not self._over.is_set():
                if number >= self.asking:
                    self._over.wait(0.01)
                else:
                    chance.choice(asks)(chance)
        except BaseException as failure:
            self.failures.append(failure)
            raise

    def _create(self, chance: random.Random) -> None:
        org = self._some_org(chance)
        ask = Ask(
            "create", (org,), "POST", KV, {"name": uuid.uuid4().hex, "value": "first", "key_context": _context(org)}
        )
        made = self._ask(ask, lambda told: self._seals(org, {told["key_id"]}), _is_shut(org))
        if made is not None:
            _keep(self._objects[org], made["id"])

    def _update(self, chance: random.Random) -> None:
        org = self._some_org(chance)
        for place in self._some_object(org, chance):
            ask = Ask("update", (org,), "PUT", place, {"value": "later"})
            self._ask(ask, lambda told: self._seals(org, {told["metadata"]["key_id"]}), _is_shut(org))

    def _read(self, chance: random.Random) -> None:
        org = self._some_org(chance)
        for place in self._some_object(org, chance):
            ask = Ask("read", (org,), "GET", place)
            self._ask(ask, lambda told: self._opens({told["metadata"]["key_id"]}), _is_shut(org))

    def _data_key(self, chance: random.Random) -> None:
        org, card = self._some_org(chance), chance.random() < 0.5
        ask = Ask("data key", (org,), "POST", f"{KEYS}/data-key", {"context": _context(org, card=card)})
        told = self._ask(
            ask,
            lambda told: self._seals(org, keys_of(told["encrypted_keys"]), card=card),
            lambda all_: all_.seals(org, card=card) is None,
        )
        if told is not None:
            keys = frozenset(keys_of(told["encrypted_keys"]))
            _keep(self._data_keys, Kept(org, told["encrypted_keys"], keys, told["data_key"]))

    def _decrypt(self, chance: random.Random) -> None:
        for kept in self._some_data_key(chance):
            self._ask(
                Ask("decrypt", (kept.org,), "POST", f"{KEYS}/decrypt", {"keys": kept.blob}),
                lambda told, kept=kept: self._opens(kept.keys) if told["data_key"] == kept.secret else _never,
                lambda all_, kept=kept: not self._opens(kept.keys)(all_),
            )

    def _rekey(self, chance: random.Random) -> None:
        for kept in self._some_data_key(chance):
            org, card = self._some_org(chance), chance.random() < 0.5
            body = {"encrypted_keys": kept.blob, "context": _context(org, card=card)}
            opens = self._opens(kept.keys)

            self._ask(
                Ask(f"rekey of a data key {_named(kept.keys)}", (kept.org, org), "POST", f"{KEYS}/rekey", body),
                partial(self._moves, kept, org, "card" if card else "all"),
                lambda all_, opens=opens, org=org, card=card: not opens(all_) or all_.seals(org, card=card) is None,
            )

    def _encrypt_value(self, chance: random.Random) -> None:
        org = self._some_org(chance)
        told = self._ask(
            Ask("encrypt with a keyring", (org,), "POST", f"{RINGS}/{org}/encrypt", {"items": {"one": SECRET}}),
            lambda told: lambda all_: all_.seals(org, card=False) == self._under(org, told["items"]["one"]["key_id"]),
            lambda all_: all_.seals(org, card=False) is None,
        )
        if told is not None:
            made = told["items"]["one"]
            _keep(self._values, Value(org, made["encrypted"], made["key_id"]))

    def _decrypt_value(self, chance: random.Random) -> None:
        for kept in [chance.choice(self._values)] if self._values else []:
            body = {"items": {"one": kept.encrypted}}
            self._ask(
                Ask("decrypt with a keyring", (kept.org,), "POST", f"{RINGS}/{kept.org}/decrypt", body),
                lambda told, kept=kept: (
                    self._opens_value(kept) if told["items"]["one"] == {"value": SECRET} else _never
                ),
                lambda all_, kept=kept: not self._opens_value(kept)(all_),
            )

    def _opens_value(self, kept: Value) -> Allows:
        return lambda all_: all_.opens(self._under(kept.org, kept.dek))

    def _under(self, org: str, dek: str) -> frozenset[str]:
        """The keys that guard a DEK, which no answer tells. Asked when all is over: nobody wraps a DEK anew here."""
        if org not in self._guards_of_deks:
            found = deks_of(self._server, org)
            self._guards_of_deks[org] = {
                each.id: frozenset(key.partition("/")[0] for key in each.keks) for each in found
            }
        return self._known(self._guards_of_deks[org][dek])

    def _ask(self, ask: Ask, allows: Callable[[Any], Allows], allows_refusal: Allows) -> Any:
        """Ask, and tell what was answered. Return the answer, if there is one."""
        url = self._urls[next(self._turns) % len(self._urls)]
        began = time.monotonic()
        answer = live.ask(url, ask.method, ask.path, token=self._token, body=ask.body)
        ended = time.monotonic()
        told = json.loads(answer.raw) if answer.status in {200, 201} else None
        if told is not None:
            allowed = allows(told)
        elif answer.status == REFUSED:
            allowed = allows_refusal
        else:
            allowed = _always if answer.status in UNSERVED else _never
        what = f"{ask.what} {_named(keys_shown(told))}" if told is not None else ask.what
        contended = answer.status == 503 and answer.json["code"] == "write_contention"
        self._history.answered(Answer(what, ask.orgs, began, ended, answer.status, allowed, contended))
        with self._answered:
            self._count += 1
            self._answered.notify_all()
        return told

    def _seals(self, org: str, keys: Collection[str], *, card: bool = False) -> Allows:
        return lambda all_: all_.seals(org, card=card) == self._known(keys)

    def _opens(self, keys: Collection[str]) -> Allows:
        return lambda all_: all_.opens(self._known(keys))

    def _moves(self, kept: Kept, org: str, match: str, told: Any) -> Allows:
        opens, seals = self._opens(kept.keys), self._seals(org, keys_of(told["encrypted_keys"]), card=match == "card")
        return lambda all_: told["data_key"] == kept.secret and opens(all_) and seals(all_)

    def _known(self, keys: Collection[str]) -> frozenset[str]:
        """The keys, those of ours by one name. Asked when all is over: a binding is known when its answer has come."""
        return frozenset(key if key in self._history.bindings.by_id else OURS for key in keys)

    def _some_org(self, chance: random.Random) -> str:
        return self.hot if chance.random() < 0.6 else chance.choice(self._orgs)

    def _some_object(self, org: str, chance: random.Random) -> list[str]:
        """The path of an object; none where there is none yet."""
        kept = self._objects[org]
        return [f"{KV}/{chance.choice(kept)}"] if kept else []

    def _some_data_key(self, chance: random.Random) -> list[Kept]:
        return [chance.choice(self._data_keys)] if self._data_keys else []


def keys_of(blob: str) -> set[str]:
    """The ids of the keys that wrap a data key."""
    source = Bytes(base64.b64decode(blob))
    return {str(uuid.UUID(bytes=wrap["kek_id"])) for wrap in wraps(source, header(source)["combine"])}


def keys_shown(told: Any) -> Collection[str]:
    """The keys that an answer tells of."""
    if "encrypted_keys" in told:
        return keys_of(told["encrypted_keys"])
    return [each for each in (told.get("key_id"), told.get("metadata", {}).get("key_id")) if each]


def _keep(kept: list[Any], new: Any) -> None:
    kept.append(new)
    if len(kept) > _KEPT:
        del kept[0]


def _context(org: str, *, card: bool = False) -> dict[str, str]:
    return {"organization_id": org, "type": "card"} if card else {"organization_id": org}


def _is_shut(org: str) -> Allows:
    return lambda all_: all_.shuts_something(org)


def _named(keys: Collection[str]) -> str:
    return "under " + " and ".join(sorted(short(key) for key in keys)) if keys else ""


def _always(_: Bindings) -> bool:
    return True


def _never(_: Bindings) -> bool:
    return False
