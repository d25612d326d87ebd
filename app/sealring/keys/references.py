"""References of KEKs for their providers, with one type for managed keys and one for customers' keys."""

from __future__ import annotations

from functools import lru_cache

from sealring.domain.kek import Kek
from sealring.errors import IntegrityFailure
from sealring_plugin import CustomersKey, ManagedKey, RootName


@lru_cache(2000)
def key_ref(kek: Kek) -> ManagedKey | CustomersKey:
    return managed_key(kek) if kek.bound is None else customers_key(kek)


def managed_key(kek: Kek) -> ManagedKey:
    """Raises IntegrityFailure for a customer's key."""
    if kek.bound is not None:
        raise IntegrityFailure("a customer's key in the place of a managed one")
    root = RootName(kek.root_domain, kek.root_epoch)
    return ManagedKey(kek.provider, kek.provider_key_id, kek.version, kek.scope, root, kek.material)


def customers_key(kek: Kek) -> CustomersKey:
    """Raises IntegrityFailure for a managed key."""
    if kek.bound is None:
        raise IntegrityFailure("a managed key in the place of a customer's")
    return CustomersKey(kek.provider, kek.provider_key_id, kek.version, kek.scope, kek.bound.options)


def kek_of(kek_id: bytes, key: ManagedKey, created_at: int) -> Kek:
    """Return the KEK of a managed key that was made at `created_at`, in microseconds."""
    return Kek(
        kek_id,
        key.version,
        key.provider,
        key.key_id,
        key.scope,
        key.material,
        root_domain=key.root.domain,
        root_epoch=key.root.epoch,
        created_at=created_at,
    )
