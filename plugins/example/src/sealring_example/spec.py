"""The entry point of the example."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_plugin import ConfigField, ConfigValue, CustomersKeys, CustomersSpec


def build(config: Mapping[str, ConfigValue]) -> CustomersKeys:
    from sealring_example.client import Client  # noqa: PLC0415  a spec loads without importing an SDK
    from sealring_example.wrap import ExampleProvider  # noqa: PLC0415

    return ExampleProvider(Client(str(config["endpoint"]), str(config["token"])))


SPEC = CustomersSpec(
    name="example",
    config=(
        ConfigField("endpoint", str, "the URL of the KMS, e.g. http://127.0.0.1:8300", required=True),
        ConfigField("token", str, "our access token for the KMS", required=True, secret=True),
    ),
    build=build,
    bound_as="EXAMPLE_KMS",
    title="Example KMS",
    key_example="orders",
)
