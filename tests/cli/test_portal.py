"""`sealring portal sessions`, as the operator runs it, and the commands of docs/portal.md."""

import json
import shlex
from contextlib import contextmanager

import pytest

from docs.markdown import blocks, read, section
from isolation.environments import ENVIRONMENT as SECOND
from isolation.environments import add_environment
from revocations.commands import run
from sealring import settings
from sealring.domain.portal import Intent
from sealring.server import wiring
from sealring.services.portal import Portal, WantedLink
from support.make import ACME, BETA, caller
from support.portal import RULES

SESSIONS = section(read("docs/portal.md"), "## Sessions")


@contextmanager
def opened(path):
    with wiring.opened_stores(settings.load(path)) as (_, stores):
        yield Portal(stores.portal, RULES)


def begun(path, org, environment=None):
    """A new session."""
    with opened(path) as portal:
        environment = environment or settings.load(path).environments[0]
        link = portal.generate_link(caller(org, environment=environment), WantedLink(org, Intent.BRING_YOUR_OWN_KEY))
        return portal.begin(link.partition("?token=")[2], "request-1")


def listed(path, *arguments):
    ended = run(path, "portal", "sessions", "list", *arguments)
    assert (ended.exit_code, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_the_commands_of_the_page_list_sessions_and_end_one(path):
    list_, end = map(shlex.split, blocks(SESSIONS, "sh")[0].splitlines())
    mine, other = begun(path, ACME), begun(path, BETA)

    (shown,) = json.loads(run(path, *list_[1:]).stdout)
    assert shown.keys() == {"id", "organization_id", "intent", "began_at", "ends_at"}
    assert (shown["id"], shown["organization_id"], shown["intent"]) == (
        mine.session.text_id,
        "org_acme",
        "bring_your_own_key",
    )

    ended = run(path, *end[1:-1], shown["id"])

    assert (ended.exit_code, json.loads(ended.stdout), ended.stderr) == (0, shown, "ended\n")
    assert [each["id"] for each in listed(path)] == [other.session.text_id]
    with opened(path) as portal:
        assert portal.session(mine.secret) is None
        assert portal.session(other.secret) == other.session


def test_what_is_listed_opens_no_session(path):
    secret = begun(path, ACME).secret

    assert secret not in run(path, "portal", "sessions", "list").stdout
    with opened(path) as portal:
        assert portal.session(listed(path)[0]["id"]) is None


@pytest.mark.parametrize(
    "session_id", ["x", "", "ffffffff-ffff-4fff-8fff-ffffffffffff", "00000000-0000-4000-8000-000000000000"]
)
def test_a_session_that_is_not_there_is_named_in_one_line(path, session_id):
    ended = run(path, "portal", "sessions", "end", session_id)

    assert ended.exit_code == 1
    assert ended.stderr == (
        "Error: there is no such session, or it has ended; `sealring portal sessions list` lists those there are\n"
    )


def test_another_environment_has_sessions_of_its_own(path):
    add_environment(path.parent)
    first, second = begun(path, ACME, settings.load(path).issuers[0].environment_id), begun(path, ACME, SECOND)
    (of_first,) = {each.environment_id for each in settings.load(path).issuers} - {SECOND}

    assert [each["id"] for each in listed(path, "--environment", SECOND)] == [second.session.text_id]
    refused = run(path, "portal", "sessions", "end", "--environment", SECOND, first.session.text_id)

    assert refused.exit_code == 1
    assert [each["id"] for each in listed(path, "--environment", of_first)] == [first.session.text_id]


def test_an_organization_has_an_id(path):
    ended = run(path, "portal", "sessions", "list", "--organization", "org acme")

    assert ended.exit_code == 2
    assert "1 to 64 letters, digits, '_' and '-'." in ended.stderr
