"""What a plugin's settings may say."""

from pathlib import Path

import pytest

from sealring_plugin import ConfigField, ConfigInvalid, CustomersSpec, ManagedSpec

SPEC = CustomersSpec(
    name="example",
    config=(
        ConfigField("endpoint", str, "where it is", required=True),
        ConfigField("pin_file", Path, "the PIN"),
        ConfigField("sessions", int, "how many", default=8),
        ConfigField("serialize", bool, "one call at a time"),
        ConfigField("token", str, "a secret", secret=True),
    ),
    build=lambda config: None,
    bound_as="EXAMPLE_KMS",
)


def parsed(**table):
    return SPEC.parse_config(table, Path("/etc/sealring"))


def test_values_are_taken_and_defaults_filled_in():
    assert parsed(endpoint="here") == {"endpoint": "here", "sessions": 8}


def test_a_path_is_relative_to_the_settings():
    assert parsed(endpoint="here", pin_file="pin")["pin_file"] == Path("/etc/sealring/pin")


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"endpoint": "here", "other": 1},
        {"endpoint": 1},
        {"endpoint": "here", "sessions": "8"},
        {"endpoint": "here", "sessions": True},
        {"endpoint": "here", "serialize": 1},
        {"endpoint": "here", "pin_file": 3},
    ],
)
def test_an_unknown_missing_or_mistyped_setting_is_refused(table):
    with pytest.raises(ConfigInvalid):
        parsed(**table)


def test_a_refusal_quotes_no_value():
    with pytest.raises(ConfigInvalid) as refused:
        parsed(endpoint="here", token=["hunter2"])

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a", "A", "1a", "a_b", "a" * 33, "é1"])
def test_a_provider_has_a_plain_name(name):
    with pytest.raises(ValueError):
        CustomersSpec(name=name, config=(), build=lambda config: None, bound_as="EXAMPLE_KMS")
    with pytest.raises(ValueError):
        ManagedSpec(name=name, config=(), build=lambda config: None, max_wraps=None)
