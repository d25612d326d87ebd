"""Checks of the keyrings in a bucket: each record is its own, each newest key is there, and if wanted, each opens.

Findings call an object by its key, which is all that the bucket shows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sealring.archive.keyrings import BucketKeyrings
from sealring.archive.layout import id_in, key_of, latest_of
from sealring.domain.ids import EnvironmentId
from sealring.domain.keyring_ports import KeyringSummary
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.errors import IntegrityFailure, KeyFailure

OpenDek = Callable[[OwnedKeyring, DekId, bytes], object]  # raises IntegrityFailure; KeyFailure


def findings(keyrings: BucketKeyrings, environment: EnvironmentId, open_dek: OpenDek) -> Iterator[str]:
    """Raises StoreError; IntegrityFailure for an object that no server of vault.v1 could have made."""
    after: bytes | None = None
    while True:
        page = keyrings.page(environment, after)
        for name in page.altered:
            yield f"keyring/{name}: the bucket cannot list its name, and nobody knows it"
        for each in page.keyrings:
            yield from _wrong_with(keyrings, each, open_dek)
        after = page.after
        if after is None:
            return


def _wrong_with(keyrings: BucketKeyrings, found: KeyringSummary, open_dek: OpenDek) -> Iterator[str]:
    try:
        keyrings.latest(found.ring)
    except IntegrityFailure as failure:
        yield f"{latest_of(found.ring)}: {failure.reason}"
    for dek_id in found.deks:
        stored = keyrings.load(found.ring, dek_id)
        try:
            if stored is None:  # it was destroyed meanwhile
                continue
            if id_in(stored.record) != dek_id:
                raise IntegrityFailure("the DEK of another id")  # noqa: TRY301  it is one finding
            open_dek(found.ring, dek_id, stored.record)
        except (IntegrityFailure, KeyFailure) as failure:
            reason = failure.reason if isinstance(failure, IntegrityFailure) else type(failure).__name__
            yield f"{key_of(found.ring, dek_id)}: it does not open ({reason})"
