"""Specs that are broken."""

import os
from dataclasses import replace
from pathlib import Path

from toy import CUSTOMERS_SPEC, SPEC, TOKEN

from sealring_plugin import ConfigField, ConfigInvalid, ManagedSpec, ProviderCommand, ProviderSpec


def with_field(*field, **more):
    return replace(SPEC, config=(TOKEN, ConfigField(*field, **more)))


def quote(config):
    raise ConfigInvalid(f"the token {config['token']!r} is refused")


def read_pin(config):
    config.get("pin_file", Path(os.devnull)).read_bytes()
    return SPEC.build(config)


def write_root(config):
    config["root_file"].write_bytes(os.urandom(32))
    return "made a root"


def suggest_and_make(folder):
    (folder / "root").touch()


class TakesAll(ManagedSpec):
    def parse_config(self, table, base):
        return dict(table)


class Quotes(ManagedSpec):
    def parse_config(self, table, base):
        try:
            return ProviderSpec.parse_config(self, table, base)
        except ConfigInvalid as error:
            raise ConfigInvalid(f"{error}; they are {table}") from error


SPECS = {
    "QuotesASecret": replace(SPEC, build=quote),
    "IsOfAnotherVersion": replace(SPEC, api_version=2),
    "ExplainsNoSetting": with_field("region", str, ""),
    "NamesASettingBadly": with_field("Region", str, "where it is"),
    "HasASettingTwice": with_field("token", str, "the token", required=True, secret=True),
    "HasASecretDefault": with_field("pin", str, "the PIN", default="1234", secret=True),
    "HasAMistypedDefault": with_field("sessions", int, "how many", default="8"),
    "BuildsOnAnyPath": replace(with_field("pin_file", Path, "the PIN"), build=read_pin),
    "InitialisesAnew": replace(with_field("root_file", Path, "the root", default=None), initialise=write_root),
    "SuggestsAPathForAText": replace(SPEC, suggest=lambda folder: {"token": folder}),
    "SuggestsByMaking": replace(SPEC, suggest=suggest_and_make),
    "NamesACommandBadly": replace(SPEC, commands=(ProviderCommand("Init Root", "make a root", lambda *_: iter(())),)),
    "TakesAnySettings": TakesAll(name=SPEC.name, config=SPEC.config, build=SPEC.build, max_wraps=None),
    "OffersAnotherKind": CUSTOMERS_SPEC,
    "QuotesItsSettings": Quotes(name=SPEC.name, config=SPEC.config, build=SPEC.build, max_wraps=None),
}

globals().update(SPECS)
