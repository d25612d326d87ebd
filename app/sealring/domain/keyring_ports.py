"""The interfaces of stored keyrings. Adapters: store/ (Redis, Valkey), archive/ (S3), and one in memory for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId
from sealring.domain.kek import KekUse
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.domain.limits import NO_LIMITS, Limits

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class StoredDek:
    """A wrapped DEK as it is stored: the bytes of an EncryptedDataEncryptionKey (domain/keyring_codec.py).

    `version` belongs to the adapter, as an ETag does: it changes with each write of the place that was read. It is
    empty for a DEK that was not read.
    """

    id: DekId
    record: bytes = field(repr=False)
    version: bytes = b""


@dataclass(frozen=True, slots=True)
class KeyringChange:
    """What is stored together with a change of a keyring: its event, and the uses of KEKs to count.

    `limits` are those of the keyring's organization: a new DEK that would exceed a quota is refused. `epoch` is that of
    the decision by which the DEK was wrapped: nothing is stored if the organization has another by now. None: any.
    `moves_epoch`: what workers have cached of the organization's keyrings is outdated. `most_deks`: a new DEK is
    refused if the keyring has so many already, if the store keeps them in one record; 0: it is never refused for that.
    """

    event: Event
    uses: Sequence[KekUse] = ()
    limits: Limits = NO_LIMITS
    epoch: Epoch | None = None
    moves_epoch: bool = False
    most_deks: int = 0


@dataclass(frozen=True, slots=True)
class KeyringSummary:
    """A keyring, and the ids of its DEKs in no particular order."""

    ring: OwnedKeyring
    deks: Sequence[DekId]


@dataclass(frozen=True, slots=True)
class KeyringPage:
    """Some keyrings, and what to pass as `after` for the next ones; None: there are no more.

    `altered` are keyrings of which nobody knows the names, so that they may be of any environment: digests of those
    that somebody else has altered, and what a bucket lists instead of a name that it cannot list.
    """

    keyrings: Sequence[KeyringSummary]
    after: bytes | None
    altered: Sequence[str] = ()


class KeyringStore(Protocol):
    """The wrapped DEKs of keyrings. Raises StoreError; IntegrityFailure for a record that nobody could have written.

    Only an answer that says so means that a DEK or a keyring does not exist: each failure to find out is a StoreError.
    `until`, by time.monotonic(), is when the request ends; an adapter with shorter deadlines of its own ignores it.
    """

    beside_log: bool
    """Whether the KeyringLog sees the DEKs in its own round trip, and can tell of one that is gone."""

    def load(self, ring: OwnedKeyring, dek_id: DekId, until: float = FOREVER) -> StoredDek | None:
        """Return a DEK."""

    def latest(self, ring: OwnedKeyring, until: float = FOREVER) -> StoredDek | None:
        """Return the newest DEK, with the version of the pointer to it; None: the keyring does not exist."""

    def add(
        self,
        ring: OwnedKeyring,
        dek: StoredDek,
        expected: StoredDek | None,
        change: KeyringChange,
        until: float = FOREVER,
    ) -> bool:
        """Store a new DEK, and make it the newest. Move the organization's epoch if another DEK preceded it.

        Return False if the newest DEK is not the `expected` one (as `latest` returned it; None: there is none), if the
        epoch has moved, or if the id exists: the new DEK is not, and was never, the newest. A DEK with a lost reply is
        recognised by its record. Raises QuotaExceeded.
        """

    def replace(self, ring: OwnedKeyring, old: StoredDek, record: bytes, change: KeyringChange) -> bool:
        """Replace the record of a DEK by another wrapping of the same DEK.

        Where the pointer to the newest DEK is a copy of its record, replace it as well if it is of this DEK. Never
        change which DEK is the newest. Return False if the epoch has moved, or if the stored record is not the `old`
        one, as `load`, `latest` or `deks` returned it. `latest` may differ from `load` after a crash: then only that
        copy is replaced.
        """

    def deks(self, ring: OwnedKeyring) -> Sequence[StoredDek]:
        """Return all DEKs of a keyring; none: it does not exist."""

    def page(self, environment: EnvironmentId, after: bytes | None = None) -> KeyringPage:
        """Return some keyrings, in an order that does not change. `after` is empty or from the page before.

        A keyring that exists all the time is on exactly one page; a large one may be on several, each with other DEKs.
        """

    def destroy(self, ring: OwnedKeyring, event: Event) -> int:
        """Delete the keyring with all its DEKs and their versions, move the organization's epoch; return how many."""


@dataclass(frozen=True, slots=True)
class Used:
    """The events of a use are stored. `epoch`: of the keyring's organization; `counts`: encryptions by DEK, in all.

    `lost`: expected DEKs that the store does not have any more, and that have no counts: nobody else opens what they
    encrypted.
    """

    epoch: Epoch | None
    counts: Mapping[DekId, int]
    lost: Sequence[DekId] = ()


class KeyringLog(Protocol):
    """The events and counts of keyrings, wherever their DEKs are stored. Raises StoreError."""

    def used(
        self,
        ring: OwnedKeyring,
        events: Sequence[Event],
        encryptions: Mapping[DekId, int],
        expected: Sequence[DekId] = (),
    ) -> Used:
        """Append events durably, and count encryptions. Return the epoch, read in the same round trip.

        `expected` are DEKs of a KeyringStore that is `beside_log`, if they have to be there.
        """

    def changed(self, ring: OwnedKeyring, change: KeyringChange, *, moves_epoch: bool) -> None:
        """Append the event of a change that is stored elsewhere, and count its uses of KEKs.

        `moves_epoch`: what workers have cached of the keyring's organization is outdated.
        """

    def counts(self, ring: OwnedKeyring) -> Mapping[DekId, int]:
        """Return the encryptions that were counted, by DEK."""

    def forget(self, ring: OwnedKeyring) -> None:
        """Delete the counts of a keyring that was destroyed elsewhere, and move the organization's epoch."""
