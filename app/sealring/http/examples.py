"""The example values of the OpenAPI document: one object, one data key. None of them is real."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

NAME = "billing/api-key"
VALUE = "correct horse battery staple"
CONTEXT = {"organization_id": "org_acme", "resource_type": "api_key"}

OBJECT_ID = "secret_0A1B2C3D4E5F60718293A4B5C6D7E8F9"
ENVIRONMENT_ID = "environment_01J8Z3K5N7Q9S1T3V5X7Z9B1D3"
UUID = "6f0c1d3e-8a4b-4c5d-9e6f-7a8b9c0d1e2f"
KEY_ID = "2b7e1516-28ae-4d2a-abf7-158809cf4f3c"
MOMENT = "2026-01-31T12:00:00.000Z"

DATA_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PLAINTEXT = "NDExMSAxMTExIDExMTEgMTExMQ=="
CIPHERTEXT = "U0xSRwEABAHh4eHh4eHh4eHh4eE="  # a real one is longer
ENCRYPTED_KEYS = "U0xSRwEAAgHh4eHh4eHh4eHh4eE="  # a real one is longer

DEK_ID = "dek_7Hq2LmX9a"
ENCRYPTED = "CGQSDAABAgMEBQYHCAkKCxoQAAECAwQFBgcICQoLDA0ODyINZGVrXzdIcTJMbVg5YQ=="


def example_of(schema: Schema) -> dict[str, Any]:
    """Return the first example of each field that has one, but no error beside a result."""
    shown: dict[str, Any] = {}
    for name, field in schema.fields.items():
        if name == "error" and len(schema.fields) > 1 and isinstance(field, fields.Nested):
            continue
        if isinstance(field, fields.Nested):
            shown[name] = example_of(field.schema)
        elif isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
            shown[name] = [example_of(field.inner.schema)]
        elif "examples" in field.metadata:
            shown[name] = field.metadata["examples"][0]
    return shown
