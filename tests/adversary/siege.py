"""Three organizations whose bindings are changed while clients ask on, and what came of it."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from adversary.crowd import BINDINGS, Tenant, in_one_partition, meanwhile
from adversary.history import Binding, History, State
from adversary.traffic import UNSERVED, Traffic
from support.live import KEYS_OF_CUSTOMERS, LiveServer

THREADS = 12  # that ask
OFFERS, OFFERED = 4, 3  # that make offers, and that ask meanwhile
LONGEST_S = 20  # of one siege: then it begins anew with other organizations


class Outcome:
    """What came of all sieges."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.violations: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.changes: Counter[int] = Counter()
        self.slowest_s = 0.0

    @property
    def left_s(self) -> float:
        return self._until - time.monotonic()

    def add(self, history: History) -> None:
        self.violations += history.violations()
        self.statuses.update(answer.status for answer in history.answers)
        self.slowest_s = max(self.slowest_s, *(answer.ended - answer.began for answer in history.answers))

    def share_of(self, status: int) -> float:
        return self.statuses[status] / self.statuses.total()

    def __str__(self) -> str:
        found = "\n".join(self.violations[:20])
        told = f"answers {dict(self.statuses)}, changes {dict(self.changes)}, the slowest in {self.slowest_s:.2f} s"
        return f"{len(self.violations)} violations; {told}\n{found}"


class Siege:
    """Changes bindings, one at a time, and tells the history. A fourth organization only makes offers."""

    def __init__(self, servers: Sequence[LiveServer], outcome: Outcome) -> None:
        *self.tenants, self._rival = in_one_partition(servers, 4)
        self._outcome = outcome
        self._until = time.monotonic() + min(LONGEST_S, outcome.left_s)
        self._keys = 0
        self.history = History()
        self.offers = ExitStack()
        self.traffic = Traffic(servers, [tenant.id for tenant in self.tenants], self.history, THREADS)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._until

    def bind(self, tenant: Tenant, *, card: bool, answers: int) -> None:
        """Bind a key, where none is bound to the like: a second one would be refused."""
        guards = self.history.bindings.guards(tenant.id, card=card).values()
        if not any(each.card == card for each in guards):
            self._keys += 1
            self._bind(tenant, card=card, replaces=None, answers=answers)

    def turn(self, binding: str, how: str, answers: int) -> None:
        self._change(self._owner(binding), "POST", f"{BINDINGS}/{binding}/{how}", None, answers)

    def replace(self, binding: str, *, other_key: bool, answers: int) -> None:
        self._keys += other_key
        card = self.history.bindings.by_id[binding].card
        self._bind(self._owner(binding), card=card, replaces=binding, answers=answers)

    def make_offers(self) -> None:
        """Bind keys and take them back before they guard, over and over, while few others ask."""
        self.offers.close()
        self.traffic.asking = OFFERED
        self.offers.enter_context(meanwhile(self._offer, threads=OFFERS))

    def leave_off(self) -> None:
        self.offers.close()
        self.traffic.asking = THREADS

    def _offer(self) -> None:
        """An offer that the server is too busy for is none."""
        match = {**self._rival.context, "offer": str(time.monotonic_ns())}
        offer = {"organization_id": self._rival.id, "provider": "example", "key": "key_one", "match": match}
        made = self._rival.ask("POST", BINDINGS, offer)
        if made.status == 201:
            gone = self._rival.ask("DELETE", f"{BINDINGS}/{made.json['id']}")
            assert gone.status in {200, *UNSERVED}, gone.raw
        else:
            assert made.status in UNSERVED, made.raw

    def _owner(self, binding: str) -> Tenant:
        org = self.history.bindings.by_id[binding].org
        return next(tenant for tenant in self.tenants if tenant.id == org)

    def _bind(self, tenant: Tenant, *, card: bool, replaces: str | None, answers: int) -> None:
        match = {**tenant.context, "type": "card"} if card else tenant.context
        key = KEYS_OF_CUSTOMERS[self._keys % len(KEYS_OF_CUSTOMERS)]
        body = {"organization_id": tenant.id, "provider": "example", "key": key, "match": match, "activate": True}
        more = {} if replaces is None else {"replaces": replaces}
        self._change(tenant, "POST", BINDINGS, body | more, answers)

    def _change(self, tenant: Tenant, method: str, path: str, body: object, answers: int) -> None:
        """Ask for a change, see what the bindings are after it, and wait for so many answers to others."""
        self.traffic.hot = tenant.id
        began = time.monotonic()
        answer = tenant.ask(method, path, body)
        ended = time.monotonic()
        self._outcome.changes[answer.status] += 1
        listed = self._listed(tenant)
        if answer.status not in {200, 201}:  # what became of it is sure only now
            ended = time.monotonic()
        self.history.changed(began, ended, self.history.bindings.with_these(listed))
        self.traffic.until_answered(answers)

    def _listed(self, tenant: Tenant) -> dict[str, Binding]:
        listed = tenant.ask("GET", f"{BINDINGS}?organization_id={tenant.id}")
        assert listed.status == 200, listed.raw
        return {each["id"]: self._as_listed(tenant, each) for each in listed.json["data"] if each["state"] != "pending"}

    def _as_listed(self, tenant: Tenant, listed: dict[str, Any]) -> Binding:
        before = self.history.bindings.by_id.get(listed["id"])
        state = State(listed["state"])
        if state is State.RETIRED and before is not None and not before.opens:
            state = State.SHUT
        return Binding(tenant.id, "type" in listed["match"], state)


@contextmanager
def siege_of(servers: Sequence[LiveServer], outcome: Outcome) -> Iterator[Siege]:
    """Lay siege, and add what came of it to the outcome."""
    siege = Siege(servers, outcome)
    siege.traffic.start()
    try:
        with siege.offers:
            yield siege
    finally:
        siege.traffic.stop()
    assert siege.traffic.failures == []
    outcome.add(siege.history)
