"""`sealring limits`, as the operator runs it, and the commands of docs/limits.md."""

import json
import shlex

import pytest

from docs.markdown import blocks, read, section
from isolation.environments import ENVIRONMENT as SECOND
from isolation.environments import add_environment
from revocations.commands import run
from sealring import settings
from sealring.server import wiring
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import Keyspace

PAGE = read("docs/limits.md")


def limits(path, *arguments):
    return run(path, "limits", *arguments)


def shown(path, *arguments):
    ended = limits(path, "show", *arguments)
    assert (ended.exit_code, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_the_commands_of_the_page_do_what_it_says(path):
    set_, show, show_all, clear = map(shlex.split, blocks(section(PAGE, "## One organization"), "sh")[0].splitlines())
    own = {"requests_per_second": 200, "objects": 1000, "contexts": 50}

    ended = run(path, *set_[1:])
    assert (ended.exit_code, json.loads(ended.stdout)) == (0, {"organization_id": "org_acme", "set": own})
    assert ended.stderr == "in force in every worker within 5 seconds\n"

    assert json.loads(run(path, *show[1:]).stdout) == {
        "organization_id": "org_acme",
        "objects": {"limit": 1000, "used": 0},
        "stored_bytes": {"limit": None, "used": 0},
        "contexts": {"limit": 50, "used": 0},
        "requests_per_second": {"limit": 200},
        "set": own,
    }
    assert json.loads(run(path, *show_all[1:]).stdout) == [{"organization_id": "org_acme", "set": own}]

    assert run(path, *clear[1:]).exit_code == 0
    assert shown(path) == []


def test_what_the_page_shows_is_what_is_answered(path):
    (example,) = blocks(section(PAGE, "## Quotas"), "json")

    assert json.loads(example).keys() == shown(path, "org_acme").keys() - {"set"}


def test_a_limit_of_zero_is_no_limit_whatever_the_settings_say(path):
    path.write_text(path.read_text() + "\n[limits]\norganization_objects = 5\norganization_bytes = 6\n")
    assert shown(path, "org_acme")["objects"]["limit"] == 5

    limits(path, "set", "org_acme", "--objects", "0")

    assert shown(path, "org_acme")["objects"]["limit"] is None
    assert shown(path, "org_acme")["stored_bytes"]["limit"] == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "org_acme"),
        ("set", "org acme", "--objects", "1"),
        ("set", "", "--objects", "1"),
        ("set", "--objects", "1"),
        ("set", "org_acme", "--objects", "-1"),
        ("set", "org_acme", "--objects", "many"),
        ("set", "org_acme", "--objects", str(1 << 53)),
        ("set", "org_acme", "--requests-per-second", "1000001"),
        ("show", "org/acme"),
        ("clear",),
        ("clear", "org_acme", "--all"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(path, arguments):
    assert limits(path, *arguments).exit_code == 2
    assert shown(path) == []


def test_what_is_not_set_cannot_be_cleared(path):
    ended = limits(path, "clear", "org_acme")

    assert (ended.exit_code, ended.stderr) == (1, "Error: no limits are set for this organization\n")


def test_limits_are_of_one_environment(path):
    add_environment(path.parent)
    first = next(each for each in settings.load(path).environments if each != SECOND)

    assert limits(path, "set", "org_acme", "--objects", "1").stderr.startswith("Error: --environment: one of ")
    assert limits(path, "set", "org_acme", "--objects", "1", "--environment", "another").exit_code == 1
    assert limits(path, "set", "org_acme", "--objects", "1", "--environment", SECOND).exit_code == 0

    assert shown(path, "--environment", first) == []
    assert len(shown(path, "--environment", SECOND)) == 1


def test_an_altered_list_is_told_and_can_be_begun_again(path, valkey_of_ours):
    limits(path, "set", "org_acme", "--objects", "1")
    (environment,) = settings.load(path).environments
    with wiring.opened_stores(settings.load(path)) as (_, stores):
        key = Keyspace(2, stores.keys).limits(environment)
    links = Links.to(valkey_of_ours)
    links.call((b"HSET", key, b"org_acme", b"noise"))
    links.close()

    ended = limits(path, "set", "org_acme", "--objects", "2")
    assert ended.exit_code == 1
    assert "`sealring limits clear --all`" in ended.stderr

    assert limits(path, "clear", "--all").exit_code == 0
    assert shown(path) == []
