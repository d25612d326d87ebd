"""Plugins are found by name, and no other is imported."""

import sys
from importlib.metadata import EntryPoint

import pytest

from sealring.errors import SettingsInvalid
from sealring.providers import registry
from sealring_plugin import CustomersSpec, ManagedSpec, ProviderSpec

LATER = ManagedSpec(name="later", config=(), build=lambda _: None, max_wraps=None, api_version=2)
OTHER = CustomersSpec(name="other", config=(), build=lambda _: None, bound_as="OTHER_KMS")
NEITHER = ProviderSpec(name="neither", config=())
UNLISTED = ManagedSpec(name="unlisted", config=(), build=lambda _: None, max_wraps=None, commands=("init",))


def entry(name, value):
    return EntryPoint(name, value, "sealring.kms.v1")


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these entry points are installed; what they name is real."""

    def install(*entries):
        monkeypatch.setattr(registry, "installed", lambda group=None: entries)

    return install


def test_the_local_plugin_is_installed():
    assert "local" in [each.name for each in registry.installed()]


def test_loading_a_spec_imports_no_provider(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("sealring_local")]:
        monkeypatch.delitem(sys.modules, module)

    assert registry.load(["local"])["local"].name == "local"

    assert "sealring_local.wrap" not in sys.modules


def test_a_plugin_that_is_not_named_is_not_imported(installed):
    installed(entry("local", "sealring_local.spec:SPEC"), entry("bad", "no_such_module:SPEC"))

    assert list(registry.load(["local"])) == ["local"]


@pytest.mark.parametrize(
    ("entries", "name", "says"),
    [
        ((), "hsm", r"\[plugins.hsm\]: no such plugin is installed; installed are: none"),
        ((entry("hsm", "a:SPEC"), entry("hsm", "b:SPEC")), "hsm", "two plugins have this name"),
        ((entry("bad", "no_such_module:SPEC"),), "bad", "the plugin failed .ModuleNotFoundError"),
        ((entry("bad", "sealring_local.spec:NAME"),), "bad", "not a ManagedSpec or CustomersSpec of that name"),
        ((entry("mine", "keys_specs:OTHER"),), "mine", "not a ManagedSpec or CustomersSpec of that name"),
        ((entry("neither", "keys_specs:NEITHER"),), "neither", "not a ManagedSpec or CustomersSpec of that name"),
        ((entry("unlisted", "keys_specs:UNLISTED"),), "unlisted", "lists malformed settings or commands"),
        ((entry("later", "keys_specs:LATER"),), "later", "for plugin API 2, not 1"),
    ],
)
def test_an_unusable_plugin_stops_the_start_with_one_line(installed, monkeypatch, entries, name, says):
    monkeypatch.setitem(sys.modules, "keys_specs", sys.modules[__name__])
    installed(*entries)

    with pytest.raises(SettingsInvalid, match=says) as refused:
        registry.load([name])

    assert "\n" not in str(refused.value)
