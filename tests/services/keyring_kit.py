"""A keyring of one organization, and who uses it."""

from sealring.domain.keyrings import Keyring, OwnedKeyring
from support import stores
from support.make import ACME, ENVIRONMENT, caller, gateway, services

ME = caller(ACME)
RING = Keyring(f"{ACME}/payments")
OWNED = OwnedKeyring(ENVIRONMENT, RING)
STORES = ["memory", "fakeredis", "bucket"]


def store_of(request):
    """The store that a parameter names; of a bucket, it keeps the keyrings."""
    if request.param == "bucket":
        return request.getfixturevalue("buckets").store(stores.on_fakeredis(), request.getfixturevalue("plain_bucket"))
    return stores.memory() if request.param == "memory" else stores.on_fakeredis()


def workers_of(store):
    """Return what makes a worker of one server: all have the same store and the same provider."""
    keys = gateway()
    return lambda **options: services(store, provider_gateway=keys, **options).keyrings
