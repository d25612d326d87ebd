"""Operations on a whole store for the command line: backup, restore and verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sealring.archive.opened import OpenedBucket
from sealring.archive.verify import findings as bucket_findings
from sealring.auth.scoping import operator
from sealring.crypto.data_key import DataKey
from sealring.domain.backup import BackupHead, FileKind
from sealring.domain.clock import now_us
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Envelope
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.domain.principal import Caller
from sealring.errors import BackupRefused
from sealring.keys.backup_key import make_head, open_backup_key
from sealring.keys.decisions import Decisions
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.store_key import pin_of
from sealring.observability.logs import Log
from sealring.providers.gateway import Gateway
from sealring.server import wiring
from sealring.server.root_of_trust import trust
from sealring.services.health_checks import FailedKeys
from sealring.services.sealing import Sealing
from sealring.settings import Settings
from sealring.store.backup.claim import Claim
from sealring.store.backup.entries import is_of_data, is_of_keys
from sealring.store.backup.file import BackupFile, BackupWriter
from sealring.store.backup.reader import Backup
from sealring.store.backup.restore import Restore, Survey
from sealring.store.layout import check_untouched
from sealring.store.opened import OpenedStore
from sealring.store.schema.counts import Counts
from sealring.store.verify.keyrings import OpenDek
from sealring.store.verify.objects import Open
from sealring.store.verify.sweep import Sweep

Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]  # the name of a step, and its total of advances
Report = Callable[[str], None]  # a finding


@dataclass(frozen=True, slots=True)
class BackupFiles:
    """The two files of a backup: the data, and the key records that decrypt it."""

    data: Path
    keys: Path


@dataclass(frozen=True, slots=True)
class Written:
    """What a backup holds, and the SHA-256 of each file in hex."""

    counts: Counts
    data_sha256: str
    keys_sha256: str


def backup(settings: Settings, files: BackupFiles, progress: Progress, output: IO[bytes] | None = None) -> Written:
    """Write a backup of the store, its data to `output` instead of a file if that is given. Raises SealringError."""
    pin = wiring.trust_files(settings).pin()
    with wiring.reached(settings) as (gateway, links):
        layout = wiring.require_layout(links)
        store, now = wiring.open_store(gateway, links, layout, pin), now_us()

        def writing(target: Path, kind: FileKind) -> AbstractContextManager[BackupWriter]:
            dek = opened.enter_context(DataKey.fresh())
            head = make_head(gateway, layout, dek, kind, now)
            if output is not None and kind is FileKind.DATA:
                return BackupWriter.streaming(output, head, dek)
            return BackupWriter.writing(target, head, dek)

        with ExitStack() as opened:
            data = opened.enter_context(writing(files.data, FileKind.DATA))
            keys = opened.enter_context(writing(files.keys, FileKind.KEYS))  # renamed into place before the data
            advance = opened.enter_context(progress("backup", links.size()))
            reading = Backup(store, advance)
            for entry in reading.entries():
                if is_of_data(entry):
                    data.add(entry)
                if is_of_keys(entry):
                    keys.add(entry)
            of_data, of_keys = reading.of_data, reading.of_keys
            return Written(of_data + of_keys, data.end(of_data), keys.end(of_keys))


def restore(
    settings: Settings, files: BackupFiles, progress: Progress, report: Report, *, trusting: bool = False
) -> Counts:
    """Write a backup into an empty store, report findings, and return the counts. Raises SealringError.

    `trusting`: if no store is pinned yet, the operator says to trust the backup. The layout is written last: no server
    starts on a store that was only restored in part.
    """
    trusted = wiring.trust_files(settings)
    with (
        BackupFile.opened(files.data, FileKind.DATA) as data,
        BackupFile.opened(files.keys, FileKind.KEYS) as keys,
        wiring.reached(settings) as (gateway, links),
    ):
        _check_together(data.head, keys.head)
        check_untouched(links)
        layout = keys.head.layout
        pin = (trusted.found_pin() or pin_of(gateway, layout)) if trusting else trusted.pin()
        with open_backup_key(gateway, data.head, pin) as data_dek, open_backup_key(gateway, keys.head, pin) as keys_dek:
            store = wiring.open_store(gateway, links, layout, pin)
            trust(gateway, trusted, layout, trusting=trusting)
            both = ((keys, keys_dek), (data, data_dek))
            with progress("check", data.size + keys.size) as advance:
                surveys = [Survey(file.entries(dek, advance), store.keyspace.partitions) for file, dek in both]
            claim = Claim(links, store.keyspace)
            claim.take()
            with progress("restore", data.size + keys.size) as advance:
                for (file, dek), survey in zip(both, surveys, strict=True):
                    Restore(store, claim, survey.replaced).write(file.entries(dek, advance))
        counts = surveys[0].counts + surveys[1].counts
        if _swept(settings, store, _CLOSED, progress, report) != counts:
            raise BackupRefused("the store does not contain what was written to it; empty it, and restore again")
        claim.fulfil(store.markers.anew(), layout)
        return counts


def _check_together(data: BackupHead, keys: BackupHead) -> None:
    if data.layout.store_id != keys.layout.store_id:
        raise BackupRefused("the two files belong to different stores")
    if keys.created_at < data.created_at:
        raise BackupRefused("the key records are older than the data: use those made with the data, or later ones")


def time_of(source: Path) -> int:
    """Return when the backup of the data began, in microseconds since 1970. Raises BackupRefused."""
    with BackupFile.opened(source, FileKind.DATA) as file:
        return file.head.created_at


def verify(settings: Settings, progress: Progress, report: Report, *, unwrap: bool) -> Counts:
    """Check everything in the store, report findings, and return the counts. Raises SealringError."""
    pin = wiring.trust_files(settings).pin()
    with wiring.reached(settings) as (gateway, links):
        store = wiring.open_store(gateway, links, wiring.require_layout(links), pin)
        for partition in store.markers.lacking():
            report(f"partition {partition}: its marker is missing, or belongs to another store")
        opening = _opener(settings, gateway, store) if unwrap else _CLOSED
        counts = _swept(settings, store, opening, progress, report)
        for finding in _wrong_in_bucket(settings, store, opening):
            report(finding)
        return counts


def _swept(settings: Settings, store: OpenedStore, opening: _Opening, progress: Progress, report: Report) -> Counts:
    with progress("verify", store.links.size()) as advance:
        sweep = Sweep(store, opening.envelope, advance, opening.dek)
        for finding in sweep.findings():
            report(finding)
        for environment in settings.environments:
            if not store.links.call((b"EXISTS", store.keyspace.revocations(environment)))[0]:
                report(f"{environment}: it has no list of revocations")
        return sweep.counts


def _wrong_in_bucket(settings: Settings, store: OpenedStore, opening: _Opening) -> Iterator[str]:
    """Check the keyrings that are in a bucket, if any are."""
    if settings.bucket is None:
        return
    (environment,) = settings.environments
    with closing(OpenedBucket.at(settings.bucket)) as bucket:
        keyrings = bucket.keyrings(wiring.Stores.on(store).keyring_log, environment)
        yield from bucket_findings(keyrings, environment, opening.dek)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What opens envelopes and DEKs of keyrings, and drops what was in them."""

    envelope: Open
    dek: OpenDek


_CLOSED = _Opening(lambda _envelope, _context: None, lambda _ring, _dek_id, _record: None)


def _opener(settings: Settings, gateway: Gateway, store: OpenedStore) -> _Opening:
    stores = wiring.Stores.on(store)
    bound, keyring = Decisions(stores.bindings), wiring.make_keyring(settings, gateway, stores, FailedKeys(), Log())
    sealing, deks = Sealing(keyring, bound), KeyringDeks(keyring, gateway, settings.keyrings.master)

    def open_envelope(envelope: Envelope, context: KeyContext) -> None:
        caller = Caller(operator(envelope.header.environment), "verify")
        sealing.open(envelope, context, caller, sealing.decision(envelope))

    def open_dek(ring: OwnedKeyring, dek_id: DekId, record: bytes) -> None:
        caller, decision = Caller(operator(ring.environment), "verify"), bound.decision(ring.environment, ring.org)
        with deks.unwrap(ring, dek_id, record, decision, caller):
            pass

    return _Opening(open_envelope, open_dek)
