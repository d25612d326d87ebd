"""The audit events of keyrings."""

from __future__ import annotations

from sealring.domain.events import Action, Event
from sealring.domain.keyrings import OwnedKeyring
from sealring.domain.principal import Caller
from sealring.keys.recent_deks import KnownDek


def event_of(  # noqa: PLR0913  what events differ in
    action: Action,
    ring: OwnedKeyring,
    caller: Caller,
    dek: KnownDek | None = None,
    *,
    target: str = "",
    detail: str = "",
    refused: str = "",
) -> Event:
    """Return an event of a keyring, and of one of its DEKs; `refused` is the reason of a refusal."""
    return Event(
        action=action,
        environment=ring.environment,
        org=ring.org,
        origin=caller.origin,
        target=target if dek is None else dek.id,
        name=ring.ring.name,
        keys=() if dek is None else dek.keks,
        refused=bool(refused),
        reason=refused,
        detail=detail,
    )
