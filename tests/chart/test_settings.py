"""The settings that the chart writes are those that were asked for, and the server takes them."""

import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chart.rendering import CASES, case, one, render, settings_of
from sealring import settings

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
LEAVES = TEXTS | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans()
MEMBERS = st.dictionaries(
    NAMES, LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(TEXTS, LEAVES, max_size=3), max_size=5
)

READ = {"secrets/store/url": "redis://store.example.com", "secrets/connect/service-token": "c" * 32}
LOADABLE = [name for name in CASES if name not in {"plugin", "hsm", "azure"}]


@given(MEMBERS)
@hypothesis_settings(max_examples=25)
def test_a_setting_arrives_as_it_was_given(members):
    found = tomllib.loads(settings_of(render(case("plugin", settings__plugins={"acme": members}))))

    assert found["plugins"]["acme"] == members


def test_the_chart_says_where_its_own_files_are():
    found = tomllib.loads(settings_of(render(case("default"))))

    assert found["store"] == {"url_file": "secrets/store/url", "pin_file": "trust/store-pin"}
    assert found["server"] == {"run_folder": "/tmp/sealring", "metrics_bind": "0.0.0.0:9420"}
    assert found["plugins"] == {"local": {"root_key_file": "secrets/root/root.key"}}


def test_what_the_chart_says_itself_joins_what_was_asked_for():
    found = tomllib.loads(
        settings_of(
            render(case("default", settings__store={"wait_replicas": 1}, settings__server={"worker": "threads"}))
        )
    )

    assert found["store"]["wait_replicas"] == 1
    assert found["server"]["worker"] == "threads"
    assert found["store"]["pin_file"] == "trust/store-pin"


def test_a_provider_can_be_left_out():
    assert tomllib.loads(settings_of(render(case("hsm"))))["plugins"].keys() == {"hsm"}


@pytest.mark.parametrize("name", LOADABLE)
def test_the_server_takes_the_settings(name, tmp_path):
    for file, text in READ.items():
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch(0o600)
        (tmp_path / file).write_text(text)
    (tmp_path / "sealring.toml").write_text(settings_of(render(case(name))))

    found = settings.load(tmp_path / "sealring.toml")

    assert found.pin_file == tmp_path / "trust" / "store-pin"
    assert found.run_folder == Path("/tmp/sealring")


def test_a_static_token_opens_the_keyrings_of_the_values():
    found = tomllib.loads(settings_of(render(case("keyrings"))))

    assert found["connect"] == {
        "service_token_file": "secrets/connect/service-token",
        "service_token_keyrings": ["ws_1", "org_acme/billing"],
    }
    assert found["keyrings"] == {"master_keys": "masterkey", "envelope": "compatible"}


def test_gunicorn_takes_its_configuration():
    text = one(render(case("default", workers=3)), "ConfigMap", "sealring")["data"]["gunicorn.conf.py"]
    found = {}

    exec(text, found)

    assert (found["workers"], found["graceful_timeout"], found["keepalive"]) == (3, 25, 75)
    assert (found["certfile"], found["keyfile"]) == ("/sealring/tls/tls.crt", "/sealring/tls/tls.key")


def test_without_tls_there_is_no_certificate():
    resources = render(case("default", tls={"enabled": False}))

    assert "certfile" not in one(resources, "ConfigMap", "sealring")["data"]["gunicorn.conf.py"]
    assert "/sealring/tls" not in yaml.safe_dump(one(resources, "Deployment", "sealring"))
