"""The example values of the OpenAPI document: one object, one data key. None of them is real."""

from __future__ import annotations

NAME = "billing/api-key"
VALUE = "correct horse battery staple"
CONTEXT = {"organization_id": "org_acme", "resource_type": "api_key"}

OBJECT_ID = "secret_0A1B2C3D4E5F60718293A4B5C6D7E8F9"
ENVIRONMENT_ID = "environment_01J8Z3K5N7Q9S1T3V5X7Z9B1D3"
UUID = "6f0c1d3e-8a4b-4c5d-9e6f-7a8b9c0d1e2f"
KEY_ID = "2b7e1516-28ae-4d2a-abf7-158809cf4f3c"
MOMENT = "2026-01-31T12:00:00.000Z"

DATA_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ENCRYPTED_KEYS = "U0xSRwEAAgHh4eHh4eHh4eHh4eE="  # a real one is longer

DEK_ID = "dek_7Hq2LmX9a"
ENCRYPTED = "CGQSDAABAgMEBQYHCAkKCxoQAAECAwQFBgcICQoLDA0ODyINZGVrXzdIcTJMbVg5YQ=="
