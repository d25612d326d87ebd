"""Items of a batch: encrypted and decrypted for callers who keep them. The server stores nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import partial

from sealring.crypto.blob_mac import genuine, signed
from sealring.crypto.data_key import DataKey
from sealring.crypto.items import ItemKeys
from sealring.crypto.seal import checked, commitment
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.batch import Head, Item
from sealring.domain.codec import ItemReader, encode_item, head_of
from sealring.domain.context import KeyContext
from sealring.domain.decision import Decision
from sealring.domain.envelope import MESSAGE_ID_BYTES, NONCE_BYTES, DataKeyBlob, Header
from sealring.domain.events import Action, Event
from sealring.domain.ids import OrgId, new_uuid
from sealring.domain.kek import KekUse, Sealed
from sealring.domain.ports import AuditLog, ItemEvents
from sealring.domain.principal import Caller, Permission
from sealring.domain.values import value
from sealring.errors import CiphertextRejected, IntegrityFailure, SealringError
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring
from sealring.many import in_turns
from sealring.services.lots import Results, settle

# The time of a small item compares to that of encrypting so many bytes: to be read, and to be sealed or opened.
_READ_BYTES, _ITEM_BYTES = 512, 2_048
_MEMBER = "ciphertext"  # that clients send


@value
class PlainItem:
    """What is to be encrypted. `index` is its place in the request."""

    index: int
    context: KeyContext = field(repr=False)
    plaintext: bytes = field(repr=False)


class Items:
    """The use cases of items. Thread-safe.

    Each result is what was asked for, or the item's own failure. Raises StoreError if the events cannot be stored: then
    nothing is answered.
    """

    def __init__(self, keyring: Keyring, bound: Decisions, audit: AuditLog, keys: StoreKeys) -> None:
        self._vault = _Vault(keyring, bound, keys)
        self._bound = bound
        self._audit = audit

    def encrypt(self, caller: Caller, items: Sequence[PlainItem]) -> Results[bytes]:
        """Return the sealed items by index. Those with one key context have one data key, which nothing else has."""
        caller.principal.require(Permission.KEYS_USE)
        by_context: dict[bytes, list[PlainItem]] = {}
        for item in items:
            by_context.setdefault(item.context.digest, []).append(item)
        results: Results[bytes] = {}
        lots = [_Sealing(self._vault, same, results) for same in by_context.values()]
        settle(lots, caller, self._audit, self._bound)
        return results

    def decrypt(self, caller: Caller, blobs: Mapping[int, bytes]) -> Results[bytes]:
        """Return the plaintexts of sealed items, by their place in this request."""
        caller.principal.require(Permission.KEYS_USE)
        results: Results[bytes] = {}
        by_head: dict[bytes, dict[int, Item]] = {}
        read = self._vault.read(list(blobs.values()))
        for place, item in zip(blobs, read, strict=True):
            if isinstance(item, Item):
                by_head.setdefault(item.head.encoded, {})[place] = item
            else:
                results[place] = item
        lots = [_Opening(self._vault, same, results) for same in by_head.values()]
        settle(lots, caller, self._audit, self._bound)
        return results


class _Vault:
    """Seals and opens the items of one lot."""

    def __init__(self, keyring: Keyring, bound: Decisions, keys: StoreKeys) -> None:
        self._keyring = keyring
        self._bound = bound
        self._keys = keys

    def decision(self, caller: Caller, org: OrgId) -> Decision:
        return self._bound.decision(caller.principal.environment, org)

    def seal(
        self, caller: Caller, items: Sequence[PlainItem], message_id: bytes, decision: Decision
    ) -> tuple[Head, Sequence[bytes], Sequence[KekUse], Decision]:
        """Seal items of one context. Return also the KEK uses to count, and the decision that was used."""
        with DataKey.fresh() as dek:
            wrap = partial(self._wrapped, dek, message_id, items[0].context, caller)
            (head, uses), decision = self._bound.by(decision, wrap)
            weights = [_ITEM_BYTES + len(item.plaintext) for item in items]
            blobs = in_turns(items, weights, partial(self._blobs, ItemKeys(dek.secret, head)))
        return head, blobs, uses, decision

    def open(self, caller: Caller, items: Mapping[int, Item], decision: Decision) -> tuple[Results[bytes], Decision]:
        """Open items of one head, by place. Raises KeyFailure; CiphertextRejected if none of them can be opened."""
        head = _head_of(items)
        try:
            dek, decision = self._bound.by(decision, partial(self._unwrapped, head, caller))
        except IntegrityFailure as failure:
            raise CiphertextRejected(failure.reason, _MEMBER) from failure
        with dek:
            weights = [_ITEM_BYTES + len(item.ciphertext) for item in items.values()]
            opened = in_turns(list(items.values()), weights, partial(_opened, ItemKeys(dek.secret, head)))
        return dict(zip(items, opened, strict=True)), decision

    def read(self, blobs: Sequence[bytes]) -> Sequence[Item | SealringError]:
        """Return each item, or the same failure for garbage and an item of another server."""
        reader = ItemReader()
        weights = [_READ_BYTES + len(blob) for blob in blobs]
        return in_turns(blobs, weights, partial(self._items, reader))

    def _blobs(self, keys: ItemKeys, items: Sequence[PlainItem]) -> Sequence[bytes]:
        """Return items as their caller keeps them."""
        nonces = os.urandom(NONCE_BYTES * len(items))  # at once: each call of the system costs half a microsecond
        each_nonce = (nonces[at : at + NONCE_BYTES] for at in range(0, len(nonces), NONCE_BYTES))
        return [
            signed(self._keys, encode_item(keys.seal(item.index, nonce, item.plaintext)))
            for item, nonce in zip(items, each_nonce, strict=True)
        ]

    def _items(self, reader: ItemReader, blobs: Sequence[bytes]) -> Sequence[Item | SealringError]:
        items: list[Item | SealringError] = []
        for blob in blobs:
            try:
                items.append(reader.read(genuine(self._keys, blob)))
            except IntegrityFailure as failure:
                items.append(CiphertextRejected(failure.reason, _MEMBER))
            except ValueError:
                items.append(CiphertextRejected("format", _MEMBER))
        return items

    def _wrapped(
        self, dek: DataKey, message_id: bytes, context: KeyContext, caller: Caller, decision: Decision
    ) -> tuple[Head, Sequence[KekUse]]:
        keys = self._keyring.route(context, decision)
        header = Header.of_batch(keys.combine, message_id, decision.environment, context)
        wraps = self._keyring.wrap(dek, header, keys, context, caller)
        head = head_of(DataKeyBlob(header, wraps, commitment(dek.secret, header), context))
        return head, self._keyring.uses(keys, wraps, Sealed.DATA_KEY)

    def _unwrapped(self, head: Head, caller: Caller, decision: Decision) -> DataKey:
        key = head.key
        dek = self._keyring.unwrap(key.header, key.wraps, key.context, caller, decision)
        return checked(dek, key.header, key.commitment)


class _Sealing:
    """A lot of items to encrypt. Each attempt has a data key of its own, under the same id."""

    decision: Decision

    def __init__(self, vault: _Vault, same: Sequence[PlainItem], results: Results[bytes]) -> None:
        self.events: ItemEvents | None = None
        self._vault = vault
        self._same = same
        self._results = results
        self._message_id = new_uuid(MESSAGE_ID_BYTES)

    def admit(self, caller: Caller) -> None:
        org = self._same[0].context.organization
        caller.principal.require_organization(org)
        caller.items_for(org, len(self._same))
        self.decision = self._vault.decision(caller, org)

    def work(self, caller: Caller) -> None:
        head, blobs, uses, self.decision = self._vault.seal(caller, self._same, self._message_id, self.decision)
        indexes = [item.index for item in self._same]
        self._results.update(zip(indexes, blobs, strict=True))
        self.events = _events(Action.ITEM_ENCRYPTED, caller, head, list(zip(indexes, indexes, strict=True)), uses)

    def fail(self, failure: SealringError) -> None:
        self._results.update((item.index, failure) for item in self._same)


class _Opening:
    """A lot of items to decrypt."""

    decision: Decision

    def __init__(self, vault: _Vault, same: Mapping[int, Item], results: Results[bytes]) -> None:
        self.events: ItemEvents | None = None
        self._vault = vault
        self._same = same
        self._results = results

    def admit(self, caller: Caller) -> None:
        header = _head_of(self._same).header
        if not caller.principal.may_see(header.environment, header.org):
            raise CiphertextRejected("organization", _MEMBER)  # as for garbage
        caller.items_for(header.org, len(self._same))
        self.decision = self._vault.decision(caller, header.org)

    def work(self, caller: Caller) -> None:
        opened, self.decision = self._vault.open(caller, self._same, self.decision)
        self._results.update(opened)
        good = [(place, self._same[place].index) for place, result in opened.items() if isinstance(result, bytes)]
        self.events = _events(Action.ITEM_DECRYPTED, caller, _head_of(self._same), good) if good else None

    def fail(self, failure: SealringError) -> None:
        self._results.update(dict.fromkeys(self._same, failure))


def _head_of(items: Mapping[int, Item]) -> Head:
    return next(iter(items.values())).head


def _opened(keys: ItemKeys, items: Sequence[Item]) -> Sequence[bytes | SealringError]:
    opened: list[bytes | SealringError] = []
    for item in items:
        try:
            opened.append(keys.open(item))
        except IntegrityFailure as failure:
            opened.append(CiphertextRejected(failure.reason, _MEMBER))
    return opened


def _events(
    action: Action, caller: Caller, head: Head, items: Sequence[tuple[int, int]], uses: Sequence[KekUse] = ()
) -> ItemEvents:
    """Return the events of items with one head: each has its place in the request, and its index."""
    event = Event(
        action=action,
        environment=head.header.environment,
        org=head.header.org,
        origin=caller.origin,
        target=head.batch_id,
        context=head.key.context,
        keys=head.key.keys,
    )
    return ItemEvents(event, items, uses)
