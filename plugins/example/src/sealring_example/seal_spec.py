"""The entry point of the example's seal of the root."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_example.spec import SPEC as OF_KEYS
from sealring_plugin import ConfigField, ConfigValue, SealSpec, SealsRoot


def build(config: Mapping[str, ConfigValue]) -> SealsRoot:
    from sealring_example.client import Client  # noqa: PLC0415  a spec loads without importing an SDK
    from sealring_example.seal import ExampleSeal  # noqa: PLC0415

    return ExampleSeal(Client(str(config["endpoint"]), str(config["token"])), str(config["key"]))


SEAL = SealSpec(
    name="example",
    config=(ConfigField("key", str, "the name of the key at the KMS", required=True), *OF_KEYS.config),
    build=build,
)
