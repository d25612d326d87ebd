"""The store key: made once for a store, stored only as a wrapped key, unwrapped once in each process.

The layout holds the wrapped key. It is in the store and not authenticated: an attacker who can write to the store can
name another provider or another key there. So the provider must be a managed one before it is called, and the unwrapped
key must be the one that is pinned outside the store.
"""

from __future__ import annotations

from sealring.crypto.store_keys import StoreKeys, new_store_key
from sealring.domain.ids import new_uuid, uuid_text
from sealring.domain.layout import STORE_CONTEXT, STORE_SCOPE, Layout, layout_aad
from sealring.domain.pin import Pin
from sealring.errors import IntegrityFailure, SettingsInvalid
from sealring.keys.references import kek_of, managed_key
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring_plugin import KEEP, Purpose, WrapContext, WrappedKey


def make_layout(gateway: Gateway, provider: str, partitions: int) -> Layout:
    """Make the layout of a new store, with a store key of its own. Raises KeyFailure."""
    kek_id, store_id = new_uuid(), new_uuid()
    call = call_for(request_id="init", purpose=Purpose.STORE)
    key = gateway.create_key(provider, uuid_text(kek_id), STORE_SCOPE.encoded, KEEP, call)
    context = WrapContext(STORE_CONTEXT.as_dict(), layout_aad(partitions, store_id, kek_id))
    (wrapped,) = gateway.wrap([Wrapping(key, bytearray(new_store_key()), context)], call)
    return Layout(partitions, store_id, kek_of(kek_id, key, 0), wrapped.alg, wrapped.blob)


def open_store_keys(gateway: Gateway, layout: Layout, pin: Pin) -> StoreKeys:
    """Raises KeyFailure; SettingsInvalid if the store is not the pinned one, or if our keys cannot unwrap its key."""
    check_pinned(gateway, layout, pin)
    keys = _opened(gateway, layout)
    if not pin.is_of_key(keys.pin):
        raise SettingsInvalid(
            "the store's key is not the pinned one: somebody wrote another layout to the store, or pin_file belongs to "
            "another store; restore a backup, or point [store] to the store of the pin"
        )
    return keys


def check_pinned(gateway: Gateway, layout: Layout, pin: Pin) -> None:
    """Run the checks that need no key. Raises SettingsInvalid."""
    if not pin.is_of_store(layout.store_id):
        raise SettingsInvalid(
            f"this is store {uuid_text(layout.store_id)}, but pin_file belongs to store {uuid_text(pin.store_id)}: "
            "point [store] to the store of the pin, or pin_file to the pin of this store"
        )
    _check_provider(gateway, layout)


def pin_of(gateway: Gateway, layout: Layout) -> Pin:
    """Return the pin of a store that is trusted for the first time. Raises KeyFailure; SettingsInvalid."""
    _check_provider(gateway, layout)
    return Pin(layout.store_id, _opened(gateway, layout).pin)


def _check_provider(gateway: Gateway, layout: Layout) -> None:
    provider = layout.kek.provider
    if not gateway.manages(provider):
        raise SettingsInvalid(
            f"the store's layout names '{provider}' as the provider of its key, but [keys] managed and "
            "managed_readable do not: if the store was made with it, list it there; otherwise somebody else wrote the "
            "layout: do not trust the store"
        )


def _opened(gateway: Gateway, layout: Layout) -> StoreKeys:
    context = WrapContext(STORE_CONTEXT.as_dict(), layout_aad(layout.partitions, layout.store_id, layout.kek.kek_id))
    call = call_for(request_id="start", purpose=Purpose.STORE)
    try:
        wrapped = WrappedKey(layout.alg, layout.wrapped_store_key)
        (store_key,) = gateway.unwrap([Unwrapping(managed_key(layout.kek), wrapped, context)], call)
    except IntegrityFailure as error:
        raise SettingsInvalid(
            f"the store was made with other keys of '{layout.kek.provider}': restore its root key, or use its own store"
        ) from error
    return StoreKeys(bytes(store_key))
