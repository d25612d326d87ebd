"""`sealring token revoke` and `sealring token revocations`, as the operator runs them."""

import json
import re
import time
from contextlib import closing

import pytest

from isolation.environments import ENVIRONMENT as SECOND
from isolation.environments import add_environment
from revocations.commands import new_installation, run
from sealring import settings
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import Keyspace

LOCAL = "urn:sealring:local"
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(scope="module")
def valkey_of_ours(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("store")) as store:
        yield store.url


@pytest.fixture
def path(valkey_of_ours, tmp_path):
    """The settings of a new installation."""
    return new_installation(tmp_path, valkey_of_ours, 2)


def revoke(path, *arguments):
    return run(path, "token", "revoke", *arguments)


def listed(path, *arguments):
    """What the list shows, without the times that differ from run to run."""
    said = run(path, "token", "revocations", *arguments)
    assert said.exit_code == 0, said.stderr
    shown = json.loads(said.stdout)
    for each in shown:
        assert re.fullmatch(TIME, each.pop("revoked_at"))
        assert re.fullmatch(TIME, each.pop("kept_until"))
    return shown


@pytest.mark.parametrize(
    ("arguments", "said", "shown"),
    [
        (
            ("--id", "7c1d0f0e"),
            f"revoked the token 7c1d0f0e of {LOCAL}; every worker refuses it within 5 seconds\n",
            {"issuer": LOCAL, "id": "7c1d0f0e"},
        ),
        (
            ("--subject", "billing", "--issued-before", "2026-01-31T13:00:00+01:00"),
            f"revoked all tokens that {LOCAL} issued to billing before 2026-01-31T12:00:00Z; every worker refuses them within 5 seconds\n",
            {"issuer": LOCAL, "subject": "billing", "issued_before": "2026-01-31T12:00:00Z"},
        ),
        (
            ("--issued-before", "2026-01-31T12:00:00.5Z"),
            f"revoked all tokens that {LOCAL} issued before 2026-01-31T12:00:01Z; every worker refuses them within 5 seconds\n",
            {"issuer": LOCAL, "issued_before": "2026-01-31T12:00:01Z"},
        ),
    ],
)
def test_what_is_revoked_is_said_and_listed(path, arguments, said, shown):
    ended = revoke(path, *arguments)

    assert (ended.stdout, ended.stderr, ended.exit_code) == (said, "", 0)
    assert listed(path) == [shown]


@pytest.mark.parametrize("arguments", [("--subject", "billing"), ("--issued-before", "now")])
def test_without_a_time_it_is_all_that_was_issued_by_now(path, arguments):
    began = int(time.time())

    revoke(path, *arguments)

    cut = listed(path)[0]["issued_before"]
    leeway_and_a_second = 11
    assert cut >= shown(began + leeway_and_a_second)
    assert cut <= shown(time.time() + leeway_and_a_second)


def shown(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_how_long_it_is_kept_follows_from_the_profile_of_the_issuer(path):
    revoke(path, "--issued-before", "2026-01-31T12:00:00Z")

    (kept,) = json.loads(run(path, "token", "revocations").stdout)

    assert kept["kept_until"] == "2027-02-01T12:00:10Z"  # 366 days, and a leeway of 10 s


def test_the_list_of_a_new_environment_is_empty(path):
    assert listed(path) == []


def test_the_oldest_is_listed_first(path):
    for number in range(3):
        revoke(path, "--id", f"t{number}")

    assert [each["id"] for each in listed(path)] == ["t0", "t1", "t2"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--id", "t1", "--subject", "billing"),
        ("--id", "t1", "--issued-before", "now"),
        ("--issuer", LOCAL),
        ("--id", ""),
        ("--id", "i" * 256),
        ("--subject", ""),
        ("--subject", "a\nb"),
        ("--issued-before", "yesterday"),
        ("--issued-before", "2026-01-31"),
        ("--issued-before", "2026-01-31T12:00:00"),
        ("--issued-before", "1960-01-31T12:00:00Z"),
        ("--issued-before", ""),
    ],
)
def test_what_cannot_be_meant_is_refused(path, arguments):
    failed = revoke(path, *arguments)

    assert failed.exit_code == 2
    assert failed.stderr.startswith("Usage: sealring token revoke")
    assert listed(path) == []


def test_a_time_in_the_future_is_refused(path):
    failed = revoke(path, "--issued-before", "2126-01-31T12:00:00Z")

    assert failed.stderr == "Error: that time is in the future: a token cannot be revoked before it is issued\n"
    assert failed.exit_code == 1


@pytest.mark.parametrize("option", [("--subject", "billing"), ("--config", "elsewhere.toml"), ("--days", "90")])
def test_an_option_before_the_command_is_refused_and_not_dropped(path, option):
    """Else `token --subject billing revoke --issued-before now` would revoke the tokens of all."""
    failed = run(path, "token", *option, "revoke", "--issued-before", "now")

    assert failed.exit_code == 2
    assert f"Say '{option[0]}' after 'revoke'." in failed.stderr
    assert listed(path) == []


# --- other issuers, other environments


def test_an_issuer_that_the_settings_do_not_name_is_refused(path):
    failed = revoke(path, "--issuer", "urn:nobody", "--id", "t1")

    assert failed.stderr == "Error: no profile under [[issuers]] has the issuer 'urn:nobody'\n"
    assert failed.exit_code == 1


def test_without_a_local_issuer_an_issuer_has_to_be_named(path):
    text = path.read_text()
    path.write_text(text[: text.index("[token]")] + text[text.index("[[issuers]]") :])

    failed, made = revoke(path, "--id", "t1"), revoke(path, "--issuer", LOCAL, "--id", "t1")

    assert failed.stderr == "Error: [token] is missing, so there is no local issuer; give --issuer\n"
    assert made.exit_code == 0


def test_a_new_environment_needs_a_list_and_is_told_so(path):
    add_environment(path.parent)

    told = run(path, "check-config")
    refused = revoke(path, "--issuer", "urn:test:second", "--id", "t1")
    begun = listed(path, "--issuer", "urn:test:second", "--begin-anew")
    made = revoke(path, "--issuer", "urn:test:second", "--id", "t1")

    assert told.stderr.startswith(f"Error: {SECOND} has no list of revoked tokens, or it was altered")
    assert (told.exit_code, refused.exit_code) == (1, 1)
    assert begun == []
    assert made.exit_code == 0
    assert listed(path, "--issuer", "urn:test:second") == [{"issuer": "urn:test:second", "id": "t1"}]
    assert listed(path) == []
    assert run(path, "check-config").exit_code == 0


def test_a_list_that_is_whole_is_not_begun_anew(path):
    revoke(path, "--id", "t1")

    failed = run(path, "token", "revocations", "--begin-anew")

    assert failed.stderr == "Error: the list of revocations exists and is intact, so it stays\n"
    assert failed.exit_code == 1
    assert listed(path) == [{"issuer": LOCAL, "id": "t1"}]


def test_a_list_that_is_gone_is_told_and_stays_closed_until_the_operator_begins_another(path):
    revoke(path, "--id", "t1")
    take_the_list_out(path)

    failed = [run(path, "check-config"), run(path, "token", "revocations"), revoke(path, "--id", "t2")]
    begun = listed(path, "--begin-anew")

    assert [each.exit_code for each in failed] == [1, 1, 1]
    assert begun == []


def take_the_list_out(path):
    config = settings.load(path)
    with wiring.opened_stores(config) as (_, stores), closing(Links.to(config.store_url)) as links:
        key = Keyspace(2, stores.keys).revocations(config.environments[0])
        assert links.call((b"DEL", key)) == [1]


# --- help


def test_help_of_the_group_tells_of_making_and_of_revoking(path):
    said = run(path, "token", "--help").stdout

    assert [word for word in ("--subject", "--org", "--days", "revoke", "revocations") if word not in said] == []


@pytest.mark.parametrize("command", ["revoke", "revocations"])
def test_each_command_has_help(path, command):
    assert run(path, "token", command, "--help").stdout.startswith(f"Usage: sealring token {command}")


def test_a_token_without_a_subject_is_refused_as_ever(path):
    failed = run(path, "token", "--all-organizations")

    assert failed.exit_code == 2
    assert "Missing option '--subject'." in failed.stderr


def test_a_token_is_still_printed_and_nothing_else(path):
    said = run(path, "token", "--org", "org_acme", "--subject", "backend")

    assert re.fullmatch(r"eyJ[\w-]+\.[\w-]+\.[\w-]+\n", said.stdout)
    assert said.stderr == ""
