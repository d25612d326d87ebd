"""Work on a whole store, for the command line: backing it up, restoring it, verifying it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sealring import wiring
from sealring.auth.scoping import operator
from sealring.crypto.data_key import DataKey
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Envelope
from sealring.domain.principal import Caller
from sealring.errors import BackupRefused
from sealring.keys.backup_key import make_head, open_backup_key
from sealring.keys.gateway import Gateway
from sealring.services.rounds import Alarms
from sealring.services.sealing import Sealing
from sealring.settings import Settings
from sealring.store.backup import Backup
from sealring.store.backup_file import BackupFile, write_backup
from sealring.store.counts import Counts
from sealring.store.object_sweep import Open
from sealring.store.opened import OpenedStore
from sealring.store.redis_layout import check_untouched, read_layout, write_layout
from sealring.store.restore import Restore, Survey
from sealring.store.sweep import Sweep

Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]  # a step's name, and how far it is to its end
Report = Callable[[str], None]  # a finding


def backup(settings: Settings, target: Path, progress: Progress) -> tuple[Counts, str]:
    """Write a backup of the store, and return what it holds and its SHA-256. Raises SealringError."""
    with wiring.reached(settings) as (gateway, links), DataKey.fresh() as dek:
        layout = wiring.require_layout(links)
        store = wiring.open_store(gateway, links, layout)
        head = make_head(gateway, layout, dek, time.time_ns() // 1000)
        with progress("backup", links.size()) as advance:
            reading = Backup(store, advance)
            sha256 = write_backup(target, head, dek, reading.entries())
        return reading.counts, sha256


def restore(settings: Settings, source: Path, progress: Progress, report: Report) -> Counts:
    """Write a backup into an empty store, report what is wrong there, and return what it holds. Raises SealringError.

    The layout comes last: a store that was restored in part is no store, and no server starts on it.
    """
    with BackupFile.opened(source) as file, wiring.reached(settings) as (gateway, links):
        check_untouched(links)
        with open_backup_key(gateway, file.head) as dek:
            store = wiring.open_store(gateway, links, file.head.layout)
            with progress("check", file.size) as advance:
                survey = Survey(file.entries(dek, advance), store.keyspace.partitions)
            with progress("restore", file.size) as advance:
                Restore(store, survey.replaced).write(file.entries(dek, advance))
        if _swept(settings, store, _leave_closed, progress, report) != survey.counts:
            raise BackupRefused("the store does not hold what was written to it; empty it, and restore again")
        if not write_layout(links, file.head.layout) and read_layout(links) != file.head.layout:
            raise BackupRefused("somebody made the store ready meanwhile; empty it, and restore again")
        return survey.counts


def time_of(source: Path) -> int:
    """Return when a backup was begun, in microseconds since 1970. Raises BackupRefused."""
    with BackupFile.opened(source) as file:
        return file.head.created_at


def verify(settings: Settings, progress: Progress, report: Report, *, unwrap: bool) -> Counts:
    """Look at all that the store holds, report what is wrong, and return how much it is. Raises SealringError."""
    with wiring.reached(settings) as (gateway, links):
        store = wiring.open_store(gateway, links, wiring.require_layout(links))
        return _swept(settings, store, _opener(settings, gateway, store) if unwrap else _leave_closed, progress, report)


def _swept(settings: Settings, store: OpenedStore, open_envelope: Open, progress: Progress, report: Report) -> Counts:
    with progress("verify", store.links.size()) as advance:
        sweep = Sweep(store, open_envelope, advance)
        for finding in sweep.findings():
            report(finding)
        for environment in settings.environments:
            if not store.links.call((b"EXISTS", store.keyspace.revocations(environment)))[0]:
                report(f"{environment}: it has no list of revocations")
        return sweep.counts


def _opener(settings: Settings, gateway: Gateway, store: OpenedStore) -> Open:
    """Opens an envelope, and drops the value."""
    sealing = Sealing(wiring.make_keyring(settings, gateway, wiring.Stores.on(store), Alarms()))

    def open_envelope(envelope: Envelope, context: KeyContext) -> None:
        sealing.open(envelope, context, Caller(operator(envelope.header.environment), "verify"))

    return open_envelope


def _leave_closed(_envelope: Envelope, _context: KeyContext) -> None:
    return None
