"""docs/configuration.md names every setting, with its default; the example can be loaded."""

import json
import shutil
import tomllib

import pytest

from docs.markdown import ROOT, blocks, read, rows, section
from sealring import settings
from sealring.admission.limits import Rates
from sealring.auth.profiles import IssuerProfile
from sealring.auth.service_token import ServiceToken
from sealring.domain.limits import Limits
from sealring.errors import SettingsInvalid
from sealring.operator.installation import SETTINGS_FILE, create_files
from sealring.providers import registry
from sealring.table import Table

PAGE = read("docs/configuration.md")
EXAMPLE = ROOT / "config" / "sealring.toml"

HEADINGS = {
    "rules": "## `[[issuers.rules]]`",
    "token_review": "## `[issuers.token_review]`",
    "store": "## `[store]`",
    "keys": "## `[keys]`",
    "plugins.local": "### `[plugins.local]`",
    "plugins.hsm": "### `[plugins.hsm]`",
    "plugins.awskms": "### `[plugins.awskms]`",
    "plugins.gcpkms": "### `[plugins.gcpkms]`",
    "plugins.azurekv": "### `[plugins.azurekv]`",
    "seal": "## `[seal]`",
    **{f"seal.{name}": f"## `[seal.<name>]` by `{name}`" for name in ("awskms", "gcpkms", "azurekv", "hsm")},
    "token": "## `[token]`",
    "issuers": "## `[[issuers]]`",
    "limits": "## `[limits]`",
    "server": "## `[server]`",
    "portal": "## `[portal]`",
    "connect": "## `[connect]`",
    "logs": "## `[logs]`",
}


def described(table):
    """The rows of a table's settings: name, type, default, text."""
    return {cells[0].strip("`"): cells[1:] for cells in rows(section(PAGE, HEADINGS[table]))}


def known(table, folder):
    """The names that the server itself knows, as it says when it meets another."""
    document = tomllib.loads(EXAMPLE.read_text())
    document[table]["nonsense"] = 1
    with pytest.raises(SettingsInvalid) as refused:
        settings.load(written(document, folder))
    return set(str(refused.value).partition("known are: ")[2].split(", "))


def written(document, folder):
    """Write the parts of a settings file that are tables of texts and numbers."""
    lines = []
    for name, table in document.items():
        if name == "plugins":
            lines += ["[plugins.local]", 'root_key_file = "root.key"']
        elif isinstance(table, list):
            for each in table:
                lines += [f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in each.items())]
        else:
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    (folder / "sealring.toml").write_text("\n".join(lines))
    (folder / "store-url").touch(0o600)
    (folder / "store-url").write_text("unix:///run/valkey/valkey.sock\n")
    return folder / "sealring.toml"


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else json.dumps(value)


def test_the_page_shows_the_example():
    assert blocks(PAGE, "toml") == [EXAMPLE.read_text(encoding="utf-8")]


def test_the_example_can_be_loaded(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    (tmp_path / "store-url").touch(0o600)
    (tmp_path / "store-url").write_text("unix:///run/valkey/valkey.sock\n")

    loaded = settings.load(tmp_path / EXAMPLE.name)

    assert loaded.store_url == "unix:///run/valkey/valkey.sock"
    assert [each.issuer for each in loaded.issuers] == [
        "urn:sealring:local", "https://auth.example.com", "https://kubernetes.default.svc.cluster.local",
    ]  # fmt: skip
    spec = registry.load(loaded.plugins)["local"]
    assert spec.parse_config(loaded.plugins["local"], tmp_path) == {"root_key_file": tmp_path / "root.key"}


def test_the_example_has_every_section_that_init_writes(tmp_path):
    list(create_files(tmp_path, "redis://store", "local"))
    written = tomllib.loads((tmp_path / SETTINGS_FILE).read_text())

    assert written.keys() <= tomllib.loads(EXAMPLE.read_text()).keys()


@pytest.mark.parametrize("table", ["store", "keys", "token", "limits", "server", "logs", "portal"])
def test_every_setting_of_a_table_is_described(table, tmp_path):
    assert set(described(table)) == known(table, tmp_path)


def test_every_setting_of_the_service_token_is_described(tmp_path):
    with pytest.raises(SettingsInvalid) as refused:
        ServiceToken.parse(Table("[connect]", {"nonsense": 1}), tmp_path, ())

    assert set(described("connect")) == set(str(refused.value).partition("known are: ")[2].split(", "))


def test_every_setting_of_an_issuer_is_described():
    assert set(described("issuers")) == set(IssuerProfile.__dataclass_fields__)


def test_every_setting_of_a_cluster_is_described():
    issuer = next(each for each in tomllib.loads(EXAMPLE.read_text())["issuers"] if "rules" in each)

    for table, of in (
        ("rules", lambda changed: {"rules": [changed]}),
        ("token_review", lambda changed: {"token_review": changed}),
    ):
        with pytest.raises(SettingsInvalid) as refused:
            IssuerProfile.parse(issuer | of({"nonsense": 1}), base=EXAMPLE.parent)
        assert str(refused.value).partition("known are: ")[2].split(", ") == list(described(table))


@pytest.mark.parametrize("provider", ["local", "hsm", "awskms", "gcpkms", "azurekv"])
def test_every_setting_of_a_provider_is_described(provider):
    spec = registry.load([provider])[provider]

    assert set(described(f"plugins.{provider}")) == {field.name for field in spec.config}


def test_every_setting_of_sealing_is_described(tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())
    path = written(document, tmp_path)
    path.write_text(path.read_text() + '\n[seal.1]\nprovider = "awskms"\n')
    sealing = settings.load(path).sealing

    assert {name: cells[1] for name, cells in described("seal").items()} == {
        "retry_s": f"`{sealing.retry_s}`",
        "folder": '`"."`',
    }
    assert sealing.folder == tmp_path


@pytest.mark.parametrize("provider", ["awskms", "gcpkms", "azurekv", "hsm"])
def test_every_setting_of_a_seal_is_described_with_its_default(provider):
    fields = registry.load_seal(provider, "[seal.1]").config

    assert {name: cells[1] for name, cells in described(f"seal.{provider}").items()} == {
        field.name: "" if field.default is None else f"`{json.dumps(field.default)}`" for field in fields
    }


def test_the_defaults_of_issuers_are_right(tmp_path):
    shown = {name: json.loads(cells[1].strip("`")) for name, cells in described("issuers").items() if cells[1]}
    document = tomllib.loads(EXAMPLE.read_text())
    bare = {name: value for name, value in document["issuers"][0].items() if name not in shown}

    profile = IssuerProfile.parse(bare, base=tmp_path)

    types = frozenset(typ.lower() for typ in shown["types"])
    assert {name: getattr(profile, name) for name in shown} == {**shown, "types": types}


def test_the_defaults_of_the_store_are_right(tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())
    document["store"] = {"url": "redis://store", "pin_file": "store-pin"}
    loaded = settings.load(written(document, tmp_path))

    for name in ("accept_data_loss", "declared_durable", "wait_replicas"):
        assert described("store")[name][1] == f"`{json.dumps(getattr(loaded.durability, name))}`"


def test_the_defaults_of_keys_and_limits_are_right(tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())
    document["keys"].pop("managed_keks")
    document.pop("limits")
    document.pop("server")
    loaded = settings.load(written(document, tmp_path))

    assert described("server")["run_folder"][1] == '`"run"`'
    assert loaded.run_folder == tmp_path / "run"
    assert described("keys")["managed_keks"][1] == f'`"{loaded.managed.per.value}"`'
    assert described("limits")["max_value_bytes"][1] == f"`{loaded.limits.max_value_bytes}`"
    assert described("limits")["deleted_retention_days"][1] == f"`{loaded.limits.retention_s // 86_400}`"
    assert described("limits")["audit_retention_days"][1] == f"`{loaded.audit_retention_s // 86_400}`"
    assert described("limits")["organization_concurrency_percent"][1] == f"`{loaded.fairness.concurrency_percent}`"
    assert loaded.fairness.rates == Rates()
    assert loaded.fairness.organization == Limits()
    for name in ("subject", "organization", "environment"):
        assert described("limits")[f"{name}_requests_per_second"][1] == "`0`"
    for name in ("objects", "bytes", "contexts"):
        assert described("limits")[f"organization_{name}"][1] == "`0`"


def test_the_defaults_of_the_portal_are_right(tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())
    document["portal"] = {"enabled": True, "url": "https://keys.example.com"}
    portal = settings.load(written(document, tmp_path)).portal

    shown = {name: cells[1] for name, cells in described("portal").items()}

    assert shown == {
        "enabled": "`false`",
        "url": "",
        "link_ttl_s": f"`{portal.link_ttl_s}`",
        "session_ttl_s": f"`{portal.session_ttl_s}`",
        "return_hosts": f"`{sorted(portal.return_hosts)}`",
        "name": f'`"{portal.look.name}"`',
        "logo": "",
        "color": "",
    }
    assert portal.look.logo is portal.look.color is None


@pytest.mark.parametrize(("name", "least", "most"), [("link_ttl_s", 60, 86_400), ("session_ttl_s", 300, 86_400)])
def test_the_limits_of_the_portal_are_right(name, least, most, tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())

    for value in (least, most):
        document["portal"][name] = value
        settings.load(written(document, tmp_path))
    for value in (least - 1, most + 1):
        document["portal"][name] = value
        with pytest.raises(SettingsInvalid):
            settings.load(written(document, tmp_path))

    assert described("portal")[name][2].endswith(f"; {least} to {most}")


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("max_value_bytes", 16_777_216),
        ("deleted_retention_days", 3650),
        ("audit_retention_days", 3650),
        ("organization_concurrency_percent", 100),
    ],
)
def test_the_limits_of_the_limits_are_right(name, most, tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())

    document["limits"][name] = most
    settings.load(written(document, tmp_path))
    document["limits"][name] = most + 1
    with pytest.raises(SettingsInvalid):
        settings.load(written(document, tmp_path))

    assert described("limits")[name][2].endswith(f"; 1 to {most}")


@pytest.mark.parametrize(
    ("name", "most"),
    [
        *((f"{whose}_requests_per_second", 1_000_000) for whose in ("subject", "organization", "environment")),
        *((f"organization_{what}", 9_007_199_254_740_991) for what in ("objects", "bytes", "contexts")),
    ],
)
def test_the_limits_of_organizations_are_right(name, most, tmp_path):
    document = tomllib.loads(EXAMPLE.read_text())

    document["limits"][name] = most
    settings.load(written(document, tmp_path))
    document["limits"][name] = most + 1
    with pytest.raises(SettingsInvalid):
        settings.load(written(document, tmp_path))

    assert described("limits")[name][2].endswith(f"; 0 to {most}")
