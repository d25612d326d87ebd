"""Whatever a plugin's spec or provider is asked, nothing of it escapes: not its exceptions, and not what it returns."""

from pathlib import Path

import pytest

from sealring.errors import InvalidBody, KeyFailure, KeyMisconfigured, PluginFault, SettingsInvalid
from sealring.providers.catalog import Catalog
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring.providers.plugins import Loaded, Plugins, customers_source, initialise, managed_source, suggested
from sealring_plugin import (
    DATA,
    ConfigField,
    ConfigInvalid,
    CustomersKey,
    CustomersSpec,
    Finding,
    KeyDescription,
    ManagedKey,
    ManagedSpec,
    PolicyNote,
    ProviderCommand,
    Purpose,
    Recipe,
    RootName,
    Screen,
    SetupGuide,
    SetupPart,
    SetupStep,
    Severity,
    WrapContext,
    WrappedKey,
)

CONTEXT = WrapContext({}, b"aad")
WRAPPED = WrappedKey("alg", b"blob")
THEIRS = CustomersKey("bad", "key-1", 1)
OURS = ManagedKey("bad", "key-1", 1, b"scope", RootName(DATA, 1))


def a_call():
    return call_for(tenant="org_acme", request_id="request-1", purpose=Purpose.ENCRYPT)


class Provider:
    """Does in every method what it is told."""

    def __init__(self, act):
        self._act = act

    def _do(self, *_arguments, **_named):
        return self._act()

    wrap = unwrap = create_key = describe = validate = explain_setup = check = announcement = _do

    def close(self):
        pass


def raising(error):
    def act(*_):
        raise error

    return act


def returning(value):
    return lambda *_: value


def customers(**hooks):
    return Loaded(CustomersSpec(**{"name": "bad", "config": (), "build": Provider, "bound_as": "BAD", **hooks}), {})


def managed(**hooks):
    return Loaded(ManagedSpec(**{"name": "bad", "config": (), "build": Provider, "max_wraps": None, **hooks}), {})


def gateway(act):
    return Gateway(
        {"bad": managed_source(managed(build=lambda _: Provider(act), waits=False))},
        {"bad": customers_source(customers(build=lambda _: Provider(act), waits=False))},
    )


def printed(act):
    command = ProviderCommand("probe", "Probe.", act)
    return list(managed(commands=(command,)).run(command, {}))


def parsed(act):
    class Parses(ManagedSpec):
        def parse_config(self, table, base):
            return act()

    return Loaded.of(Parses(name="bad", config=(), build=Provider, max_wraps=None), {}, Path())


def built(act):
    return Gateway({"bad": managed_source(managed(build=act, waits=False))}, {}).announcement("bad")


def built_for_customers(act):
    return Gateway({}, {"bad": customers_source(customers(build=act, waits=False))}).describe(THEIRS, a_call())


def checked_for_ours(act):
    source = managed_source(managed(build=lambda _: Provider(lambda: WRAPPED), waits=False, check_key=act))
    return Gateway({"bad": source}, {}).wrap([Wrapping(OURS, bytearray(32), CONTEXT)], a_call())


# What is asked of a plugin: at start and at the command line, and on behalf of a request.
AT_START = {
    "parse_config": parsed,
    "waits": lambda act: managed(waits=act).waits(),
    "initialise": lambda act: initialise(managed(initialise=act)),
    "suggest": lambda act: suggested(managed(suggest=act).spec, Path()),
    "command": printed,
}
IN_A_REQUEST = {
    "build": built,
    "build, of customers'": built_for_customers,
    "check_key": lambda act: Catalog({"bad": customers(check_key=act)}).check_key(THEIRS),
    "check_key, of ours": checked_for_ours,
    "announcement": lambda act: gateway(act).announcement("bad"),
    "check": lambda act: gateway(act).check("bad"),
    "create_key": lambda act: gateway(act).create_key("bad", "key-1", b"scope", DATA, a_call()),
    "wrap": lambda act: gateway(act).wrap([Wrapping(THEIRS, bytearray(32), CONTEXT)], a_call()),
    "unwrap": lambda act: gateway(act).unwrap([Unwrapping(OURS, WRAPPED, CONTEXT)], a_call()),
    "describe": lambda act: gateway(act).describe(THEIRS, a_call()),
    "validate": lambda act: gateway(act).validate(THEIRS, a_call()),
    "explain_setup": lambda act: gateway(act).setup_guide("bad", "us", "external-id", a_call()),
}

every_question_at_start = pytest.mark.parametrize("ask", AT_START.values(), ids=AT_START.keys())
every_question_of_a_request = pytest.mark.parametrize("ask", IN_A_REQUEST.values(), ids=IN_A_REQUEST.keys())


@every_question_at_start
def test_what_a_plugin_raises_at_start_is_one_line_with_its_type_alone(ask):
    with pytest.raises(SettingsInvalid) as failed:
        ask(raising(ValueError("hunter2\nhunter3")))

    assert str(failed.value) == "[plugins.bad] the plugin failed (ValueError); tell its author"
    assert failed.value.__cause__ is None


@every_question_of_a_request
def test_what_a_plugin_raises_in_a_request_is_its_fault_with_its_type_alone(ask):
    with pytest.raises(PluginFault) as failed:
        ask(raising(ValueError("hunter2")))

    assert str(failed.value) == "The key's provider failed (ValueError). Tell the operator."
    assert failed.value.__cause__ is None


@every_question_at_start
def test_what_a_plugin_says_of_its_settings_is_one_line(ask):
    with pytest.raises(SettingsInvalid, match=r"^\[plugins.bad\] pin_file is missing; make it$"):
        ask(raising(ConfigInvalid("pin_file is missing;\n  make it")))


@every_question_of_a_request
def test_settings_that_cannot_be_used_are_told_as_such(ask):
    with pytest.raises((KeyMisconfigured, InvalidBody)):
        ask(raising(ConfigInvalid("pin_file is missing")))


def test_a_command_that_fails_half_way_is_one_line():
    def run(_config, _options):
        yield "made one"
        raise ValueError("hunter2")

    command = ProviderCommand("probe", "Probe.", run)
    lines = managed(commands=(command,)).run(command, {})

    assert next(lines) == "made one"
    with pytest.raises(SettingsInvalid, match=r"failed \(ValueError\); tell its author$"):
        next(lines)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("parse_config", None),
        ("parse_config", [("token", "text")]),
        ("parse_config", {"token": 0.5}),
        ("parse_config", {7: "text"}),
        ("waits", "no"),
        ("waits", None),
        ("initialise", None),
        ("initialise", b"made a root"),
        ("suggest", "root.key"),
        ("suggest", {"root_key_file": ["root.key"]}),
        ("command", 7),
        ("command", [b"a line"]),
        ("command", ["a line", None]),
    ],
)
def test_what_a_plugin_returns_at_start_is_looked_at(name, found):
    with pytest.raises(SettingsInvalid, match=r"^\[plugins.bad\] the plugin failed \("):
        AT_START[name](returning(found))


FINDING = Finding("key_is_off", Severity.ERROR, "The key cannot be used.", "Enable it.")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("build", None),
        ("build", object()),
        ("build, of customers'", None),
        ("announcement", None),
        ("announcement", "two\nlines"),
        ("announcement", b"bytes"),
        ("create_key", None),
        ("create_key", THEIRS),
        ("wrap", None),
        ("wrap", WrappedKey(7, b"blob")),
        ("wrap", WrappedKey("alg", "text")),
        ("unwrap", bytes(32)),
        ("describe", None),
        ("describe", KeyDescription("enabled")),
        ("validate", None),
        ("validate", FINDING),
        ("validate", [None]),
        ("validate", ["key_is_off"]),
        ("validate", [Finding(7, Severity.ERROR, "", "")]),
        ("validate", [Finding("code", "error", "", "")]),
        ("explain_setup", None),
        ("explain_setup", SetupGuide(["a list"], "policy")),
        ("explain_setup", SetupGuide((7,), "policy")),
        ("explain_setup", SetupGuide(("step",), None)),
        ("explain_setup", SetupGuide(("step",), "policy", create=None)),
        ("explain_setup", SetupGuide(("step",), "policy", grant=SetupPart((SetupStep(7),)))),
        ("explain_setup", SetupGuide(("step",), "policy", grant=SetupPart((SetupStep("step", Screen(7)),)))),
        ("explain_setup", SetupGuide(("step",), "policy", grant=SetupPart((SetupStep("s", Screen("p", ("ab",))),)))),
        ("explain_setup", SetupGuide(("step",), "policy", create=SetupPart((), (Recipe("tool", None),)))),
        ("explain_setup", SetupGuide(("step",), "policy", grant=SetupPart((SetupStep("step"),), paste=7))),
        ("explain_setup", SetupGuide(("step",), "policy", notes=(PolicyNote("part", None),))),
        ("explain_setup", SetupGuide(("step",), "policy", options={"grant": "direct"})),
    ],
)
def test_what_a_plugin_returns_in_a_request_is_looked_at(name, found):
    with pytest.raises(PluginFault):
        IN_A_REQUEST[name](returning(found))


def test_what_is_well_formed_passes():
    guide = SetupGuide(("Paste the policy.",), "allow us")

    assert IN_A_REQUEST["validate"](returning([FINDING])) == (FINDING,)
    assert IN_A_REQUEST["explain_setup"](returning(guide)) == guide
    assert IN_A_REQUEST["announcement"](returning("a toy")) == "a toy"
    assert AT_START["command"](returning(["a line", "and another"])) == ["a line", "and another"]
    assert AT_START["suggest"](returning(None)) is None


def test_a_failure_of_ours_that_a_plugin_raises_is_its_fault():
    with pytest.raises(KeyFailure) as failed:
        IN_A_REQUEST["wrap"](raising(InvalidBody("hunter2")))

    assert type(failed.value) is PluginFault


# --- which plugins may keep managed keys

OURS_AND_THEIRS = Plugins.of(
    {"bad": managed().spec, "cloud": customers(name="cloud").spec}, {"bad": {}, "cloud": {}}, Path()
)


def test_the_plugins_that_the_settings_name_keep_managed_keys():
    OURS_AND_THEIRS.require_managed(("bad",))

    assert list(OURS_AND_THEIRS.managed) == ["bad"]
    assert list(OURS_AND_THEIRS.customers) == ["cloud"]


def test_a_provider_of_customers_keys_keeps_no_managed_ones():
    with pytest.raises(SettingsInvalid, match="'cloud' is a provider of customers' keys"):
        OURS_AND_THEIRS.require_managed(("bad", "cloud"))


def test_a_provider_of_managed_keys_that_the_settings_do_not_name_is_refused():
    with pytest.raises(SettingsInvalid, match=r"\[plugins.bad\] keeps keys of ours, but neither"):
        OURS_AND_THEIRS.require_managed(())


def test_the_settings_of_a_plugin_are_not_shown():
    spec = customers(config=(ConfigField("token", str, "the token", secret=True),)).spec

    assert "hunter2" not in repr(Loaded.of(spec, {"token": "hunter2"}, Path()))
