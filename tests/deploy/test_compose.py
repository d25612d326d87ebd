"""deploy/compose.yaml: a store that keeps what it has answered, a password that only files hold, nothing else in reach."""

import click
import pytest
import redis
import yaml

from docs.markdown import ROOT
from sealring.cli.main import main
from support.valkeys import running_valkey

FILE = ROOT / "deploy" / "compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
VALKEY = COMPOSE["configs"]["valkey"]["content"]

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@every_service
def test_it_can_change_nothing_but_its_volumes(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@every_service
def test_its_image_is_named_by_whoever_starts_it(service):
    assert service["image"].startswith("${")
    assert "_IMAGE:?" in service["image"]  # compose does not start without it


@every_service
def test_no_secret_is_in_its_arguments_or_environment(service):
    assert "environment" not in service
    assert "password" not in " ".join(service.get("command", [])).lower()


def test_every_secret_is_a_file_of_the_operators():
    assert {name: each["file"] for name, each in COMPOSE["secrets"].items()} == {
        "store-password": "./secrets/store-password",
        "store-url": "./secrets/store-url",
        "certificate": "./secrets/vault.pem",
        "certificate-key": "./secrets/vault.key",
    }


def test_only_the_proxy_can_be_reached_and_the_store_reaches_nobody():
    assert [name for name, each in SERVICES.items() if "ports" in each] == ["proxy"]
    assert SERVICES["store"]["networks"] == ["store"]
    assert COMPOSE["networks"]["store"] == {"internal": True}


def test_the_store_can_be_reached_only_by_sealring():
    reaching = {name for name, each in SERVICES.items() if set(each["networks"]) & set(SERVICES["store"]["networks"])}

    assert reaching == {"store", "sealring", "init"}
    assert {SERVICES[name]["image"] for name in reaching - {"store"}} == {SERVICES["sealring"]["image"]}
    assert set(SERVICES["proxy"]["networks"]) & set(SERVICES["sealring"]["networks"])


def test_the_server_has_the_time_to_end_its_requests():
    assert SERVICES["sealring"]["stop_grace_period"] == "45s"


def test_its_valkey_syncs_each_write_and_asks_for_the_password_of_the_file(tmp_path):
    folder, password = tmp_path / "data", tmp_path / "store-password"
    folder.mkdir()
    password.write_text("requirepass s3cret-of-the-store\n")
    settings = VALKEY.replace("dir /data", f"dir {folder}").replace("/run/secrets/store-password", str(password))
    (folder / "valkey.conf").write_text(settings)

    with running_valkey(folder, settings=folder / "valkey.conf", password="s3cret-of-the-store") as url:
        with redis.Redis.from_url(url) as store:
            kept = {
                name: store.config_get(name)[name]
                for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy", "save")
            }
        with (
            redis.Redis.from_url(url.replace(":s3cret-of-the-store@", "")) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.get("x")

    assert kept == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory": "1073741824",
        "maxmemory-policy": "noeviction",
        "save": "",
    }


@pytest.mark.parametrize("name", ["sealring", "init"])
def test_its_commands_are_commands_of_sealring(name):
    command, *arguments = SERVICES[name]["command"]

    main.get_command(click.Context(main), command).parse_args(click.Context(click.Command(command)), arguments)
