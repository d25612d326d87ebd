"""What each command says of a store that can lose acknowledged writes, or of none."""

import json
from functools import partial

import pytest
import redis

from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from support.ports import free_port

LOSES_WRITES = (
    "the store can lose acknowledged writes (durability: best effort); to fix it: set appendfsync always (it is everysec). "
    "Or set accept_data_loss = true in [store] to run anyway"
)


@pytest.fixture
def run(run_sealring):
    return partial(run_sealring, check=False)


@pytest.fixture
def url(tmp_path):
    """A Valkey with appendfsync everysec."""
    with EmbeddedValkey(tmp_path / "data") as store, redis.Redis.from_url(store.url) as client:
        client.config_set("appendfsync", "everysec")
        yield store.url


@pytest.fixture
def weak(tmp_path, url):
    """The settings of an installation on that store."""
    list(installation.create_files(tmp_path / "etc", url, "local"))
    path = tmp_path / "etc" / "sealring.toml"
    wiring.initialise_store(settings.load(path), 4)
    return path


def accept_data_loss(path):
    path.write_text(path.read_text().replace("[store]", "[store]\naccept_data_loss = true"))


def test_check_config_refuses_it(run, weak):
    failed = run("check-config", "--config", weak)

    assert failed.returncode == 1
    assert failed.stderr == f"Error: {LOSES_WRITES}\n"


def test_check_config_says_that_it_is_accepted(run, weak):
    accept_data_loss(weak)

    assert run("check-config", "--config", weak).stdout.endswith("durable   no: best effort\n")


def test_the_replicas_that_it_is_to_wait_for_are_waited_for(weak):
    weak.write_text(weak.read_text().replace("[store]", "[store]\nwait_replicas = 2"))

    with wiring.opened_stores(settings.load(weak)) as (_, stores):
        assert stores.audit._links.replicas == 2


def test_serve_does_not_start_on_it(run, weak):
    failed = run("serve", "--config", weak, "--bind", f"127.0.0.1:{free_port()}", "--workers", 1)

    assert failed.returncode != 0
    assert f"cannot start: {LOSES_WRITES}" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr


def test_dev_says_how_to_go_on_and_writes_nothing_to_it(run, tmp_path, url):
    failed = run("dev", "--data-dir", tmp_path / "dev", "--keys", "local", "--port", free_port(), "--store", url)

    assert failed.returncode == 1
    assert failed.stderr.endswith(f"Error: {LOSES_WRITES}; these settings are {tmp_path}/dev/sealring.toml\n")
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0


def test_the_doctor_fails_it_in_a_line_that_says_what_to_set(run, url):
    ended = run("doctor", "store", url)

    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("FAILED")]
    assert line.startswith(
        "FAILED   durability                   best effort: it can lose acknowledged writes, and sealring "
    )
    assert line.endswith(" does not start on it. Set appendfsync always (it is everysec)")
    assert ended.stderr == ""


def test_the_doctor_passes_it_when_it_is_mended(run, url):
    with redis.Redis.from_url(url) as client:
        client.config_set("appendfsync", "always")

    ended = run("doctor", "store", url)

    assert ended.returncode == 0
    assert {line.split()[0] for line in ended.stdout.splitlines()} == {"ok", "note", "warning"}


def test_the_doctor_speaks_json_to_machines(run, url):
    ended = run("doctor", "store", "--json", url)

    findings = json.loads(ended.stdout)["findings"]
    assert ended.returncode == 1
    assert findings[0] == {"check": "reachable", "grade": "ok", "meaning": "accepts a write", "mend": ""}
    assert [each["check"] for each in findings if each["grade"] == "failed"] == ["durability"]


def test_the_doctor_tries_flushall_when_asked_for(run, url):
    ended = run("doctor", "store", "--destructive", url)

    assert "ok       WATCH, FLUSHALL              EXEC applies nothing\n" in ended.stdout


@pytest.mark.parametrize("store", ["redis://user:hunter2@127.0.0.1:1/", "unix:///x?ssl_password=hunter2"])
@pytest.mark.parametrize("command", [("doctor", "store"), ("init", "--store"), ("dev", "--store")])
def test_a_password_is_no_argument(run, store, command, tmp_path):
    ended = run(*command, store, folder=tmp_path)

    assert ended.returncode in {1, 2}
    assert "hunter2" not in ended.stdout + ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_url_of_a_store_comes_from_a_file_or_standard_input(run, url, tmp_path):
    file = tmp_path / "store-url"
    file.touch(mode=0o600)
    file.write_text(f"{url}\n")

    of_a_file = run("doctor", "store", "--json", "--store-file", file)
    piped = run("doctor", "store", "--json", "--store-file", "-", stdin=f"{url}\n".encode())

    for ended in (of_a_file, piped):
        assert {each["check"] for each in json.loads(ended.stdout)["findings"]} >= {"durability"}


def test_a_file_with_the_url_of_a_store_is_for_its_owner(run, url, tmp_path):
    file = tmp_path / "store-url"
    file.write_text(url)
    file.chmod(0o644)

    ended = run("doctor", "store", "--store-file", file)

    assert (ended.returncode, ended.stderr) == (
        1,
        f"Error: --store-file {file} is open to others; run: chmod 600 {file}\n",
    )


@pytest.mark.parametrize(
    "store", ["redis://user:hunter2@127.0.0.1:1/", "hunter2://127.0.0.1", "redis://:hunter2@127.0.0.1:port"]
)
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_the_doctor_prints_no_password(run, store, flags):
    ended = run("doctor", "store", *flags, "--store-file", "-", stdin=store.encode())

    assert ended.returncode == 1
    assert "hunter2" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
