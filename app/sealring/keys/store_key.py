"""The store key: made once for a store, kept only wrapped by the managed provider, unwrapped once in each process."""

from __future__ import annotations

from sealring.crypto.store_keys import StoreKeys, new_store_key
from sealring.domain.ids import new_uuid, uuid_text
from sealring.domain.layout import STORE_CONTEXT, STORE_SCOPE, Layout, layout_aad
from sealring.errors import IntegrityFailure, SettingsInvalid
from sealring.keys.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring.keys.references import kek_of, managed_key
from sealring_plugin import KEEP, Purpose, WrapBinding, WrappedKey


def make_layout(gateway: Gateway, provider: str, partitions: int) -> Layout:
    """Make the layout of a new store, with a store key of its own. Raises KeyFailure."""
    kek_id, store_id = new_uuid(), new_uuid()
    call = call_for(request_id="init", purpose=Purpose.STORE)
    key = gateway.create_key(provider, uuid_text(kek_id), STORE_SCOPE.encoded, KEEP, call)
    binding = WrapBinding(STORE_CONTEXT.as_dict(), layout_aad(partitions, store_id))
    (wrapped,) = gateway.wrap([Wrapping(key, bytearray(new_store_key()), binding)], call)
    return Layout(partitions, store_id, kek_of(kek_id, key, 0), wrapped.alg, wrapped.blob)


def open_store_keys(gateway: Gateway, layout: Layout) -> StoreKeys:
    """Raises KeyFailure; SettingsInvalid where the managed keys are not those that the store was made with."""
    binding = WrapBinding(STORE_CONTEXT.as_dict(), layout_aad(layout.partitions, layout.store_id))
    call = call_for(request_id="start", purpose=Purpose.STORE)
    try:
        wrapped = WrappedKey(layout.alg, layout.wrapped_store_key)
        (store_key,) = gateway.unwrap([Unwrapping(managed_key(layout.kek), wrapped, binding)], call)
    except IntegrityFailure as error:
        raise SettingsInvalid(
            f"the store was made with other keys of '{layout.kek.provider}': restore its root key, or use its own store"
        ) from error
    return StoreKeys(bytes(store_key))
