"""Workers that keep keyrings in a bucket, and what lies there."""

import time
from dataclasses import replace

from sealring.domain.keyrings import Keyring
from support.make import ACME, caller, gateway, services

RING = Keyring(f"{ACME}/payments")
FOLDER = f"keyring/{RING.name}/"
LATEST = f"{FOLDER}LATEST"

KEYS = gateway()


def worker_on(store):
    """A worker of one server: all have the same store and the same provider."""
    return services(store, provider_gateway=KEYS).keyrings


def rings_of(plain_s3):
    return {key: body for key, body in plain_s3.objects.items() if key.startswith(FOLDER)}


def soon():
    return replace(caller(ACME), deadline=time.monotonic() + 2)
