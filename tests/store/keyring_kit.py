"""DEKs of a keyring, and changes that store them."""

from sealring.domain.events import Action, Event
from sealring.domain.keyring_codec import WrappedDek
from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring
from support.make import ACME, ENVIRONMENT, caller

RING = OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/payments"))
ONE_ID, TWO_ID = DekId("dek_one"), DekId("dek_two")


def record(key_id, content=b"first"):
    """What a store may hold as a DEK: only an id has to be in it."""
    return WrappedDek(key_id, 1, content).encode()


def dek(key_id):
    return StoredDek(DekId(key_id), record(key_id))


ONE, TWO, THREE = (dek(each) for each in (ONE_ID, TWO_ID, "dek_three"))


def event(ring=RING, action=Action.KEYRING_DEK_CREATED):
    return Event(action, ring.environment, ring.org, caller(ACME).origin, name=ring.ring.name)


def change(ring=RING, **options):
    return KeyringChange(event(ring), **options)


def epoch(store, ring=RING):
    return store.bindings.load(ring.environment, ring.org).epoch
