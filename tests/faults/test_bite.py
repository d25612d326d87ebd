"""The tests can fail: without operation tokens, the same faults make lies, and they are found."""

from contextlib import closing
from pathlib import Path

import pytest

from faults.fight import Plan, fight
from faults.linearizable import Operation, Outcome, linearizable
from faults.proxy import Fault, FaultProxy, Script
from faults.store import MortalStore
from faults.stored import repeated
from faults.tokenless import forget_tokens
from sealring.domain.ids import uuid_text
from sealring.errors import NameTaken, NotFound, VersionConflict
from sealring.store.connection.links import Links
from support.make import ACME, caller, context, services
from support.stores import on_links

ME = caller(ACME)
OUTCOMES = {NotFound: Outcome.NOT_FOUND, NameTaken: Outcome.CONFLICT, VersionConflict: Outcome.CONFLICT}

TOKENLESS = f"""
from sealring.server.serving import *

wsgi_app = "faults.tokenless:create_app()"
pythonpath = {str(Path(__file__).parents[1])!r}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with MortalStore(tmp_path_factory.mktemp("bite")) as store:
        yield store


@pytest.fixture
def proxy(store):
    with closing(store.client()) as client:
        client.flushall()
    with closing(FaultProxy(store.url)) as proxy:
        yield proxy


@pytest.fixture
def objects(proxy):
    with closing(Links.to(f"redis://{proxy.address}")) as links:
        through = on_links(links)
        yield services(through).objects


@pytest.fixture(params=["with tokens", "without"])
def honest(request, monkeypatch):
    """Whether the store knows its own writes."""
    if request.param == "without":
        forget_tokens(monkeypatch.setattr)
    return request.param == "with tokens"


class Diary:
    """What one client did, one after another, and was told."""

    def __init__(self) -> None:
        self.history = []

    def note(self, kind, do, **sent):
        start = 2 * len(self.history)
        try:
            record = do()
        except tuple(OUTCOMES) as refusal:
            self.history.append(Operation(kind, OUTCOMES[type(refusal)], start, start + 1, **sent))
            return
        seen = {"object": str(record.id)}
        if kind in {"create", "update", "find"}:
            seen["version"] = uuid_text(record.current.id)
        self.history.append(Operation(kind, Outcome.OK, start, start + 1, **(sent | seen)))

    def look(self, objects):
        try:
            opened = objects.read_by_name(ME, "name", None)
        except NotFound:
            self.note("find", lambda: objects.read_by_name(ME, "name", None))
        else:
            self.note("find", lambda: opened.record, value=opened.value)


def made(objects, diary):
    """An object, made while nothing broke."""
    record = objects.create(ME, name="name", value="one", context=context())
    diary.note("create", lambda: record, value="one")
    return record


def test_a_create_whose_answer_is_lost(honest, objects, proxy):
    diary = Diary()
    objects.create(ME, name="another", value="x", context=context())  # its key is made now
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    diary.note("create", lambda: objects.create(ME, name="name", value="one", context=context()), value="one")
    diary.look(objects)

    assert linearizable(diary.history) == honest


def test_a_checked_update_whose_answer_is_lost(honest, objects, proxy):
    diary = Diary()
    record = made(objects, diary)
    sent = {"object": str(record.id), "value": "two", "check": uuid_text(record.current.id)}
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    diary.note(
        "update",
        lambda: objects.update(ME, str(record.id), value="two", version_check=sent["check"], contexts=()),
        **sent,
    )
    diary.look(objects)

    assert linearizable(diary.history) == honest


def test_a_delete_whose_answer_is_lost(honest, objects, proxy):
    diary = Diary()
    record = made(objects, diary)
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    diary.note("delete", lambda: objects.delete(ME, str(record.id), version_check=None), object=str(record.id))
    diary.look(objects)

    assert linearizable(diary.history) == honest


@pytest.mark.torture
def test_a_fight_of_a_server_without_tokens(tmp_path):
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(TOKENLESS)
    odds = {Fault.LOSE: 0.3}

    report = fight(tmp_path / "fight", Plan(4, 6, 10, store_odds=odds, gunicorn_config=config))

    assert report.lies()
    assert repeated(report.stored.changes)
