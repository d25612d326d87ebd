"""The key of a backup: fresh for each file, wrapped by the same KEK as the store key."""

from __future__ import annotations

from sealring.crypto.data_key import DataKey
from sealring.domain.backup import BackupHead, FileKind, backup_aad
from sealring.domain.layout import STORE_CONTEXT, Layout
from sealring.domain.pin import Pin
from sealring.errors import BackupRefused, IntegrityFailure, SettingsInvalid
from sealring.keys.references import managed_key
from sealring.keys.store_key import check_pinned
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring_plugin import Purpose, WrapContext, WrappedKey


def make_head(gateway: Gateway, layout: Layout, dek: DataKey, kind: FileKind, created_at: int) -> BackupHead:
    """Return the head of a file whose chunks `dek` seals. Raises KeyFailure."""
    call = call_for(request_id="backup", purpose=Purpose.STORE)
    context = _context(layout, kind, created_at)
    (wrapped,) = gateway.wrap([Wrapping(managed_key(layout.kek), dek.secret, context)], call)
    return BackupHead(kind, created_at, layout, wrapped.alg, wrapped.blob)


def open_backup_key(gateway: Gateway, head: BackupHead, pin: Pin) -> DataKey:
    """Return the key of a backup's file, to be used in a with-block.

    The head is not authenticated, as the layout of a store is not (keys/store_key.py). Raises KeyFailure; BackupRefused
    if the head is not of the pinned store, or if the backup was made with other managed keys.
    """
    try:
        check_pinned(gateway, head.layout, pin)
    except SettingsInvalid as error:
        raise BackupRefused(f"the backup is not of the pinned store: {error}") from error
    call = call_for(request_id="restore", purpose=Purpose.STORE)
    wrapped = WrappedKey(head.alg, head.wrapped_key)
    unwrapping = Unwrapping(managed_key(head.layout.kek), wrapped, _context(head.layout, head.kind, head.created_at))
    try:
        (secret,) = gateway.unwrap([unwrapping], call)
    except IntegrityFailure as error:
        raise BackupRefused(
            f"the backup was made with other keys of '{head.layout.kek.provider}', or was altered: "
            "restore the root key that its store had, or take another copy of the file"
        ) from error
    return DataKey(secret)


def _context(layout: Layout, kind: FileKind, created_at: int) -> WrapContext:
    return WrapContext(STORE_CONTEXT.as_dict(), backup_aad(kind, layout.store_id, created_at))
