"""Entries of the audit stream that tell everything."""

from dataclasses import replace

from sealring.domain.context import KeyContext
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.store.schema.audit_entry import AuditEntry
from support.envelopes import ENVIRONMENT

EVERYTHING = AuditEntry(
    event=Event(
        action=Action.OBJECT_REFUSED,
        environment=EnvironmentId(ENVIRONMENT),
        org=OrgId("org_acme"),
        origin=Origin("urn:test", "alice", "request-1", bytes(range(16)), 3, "token-1", "loopback"),
        target="secret_00",
        name="name",
        context=KeyContext.of({"organization_id": "org_acme"}),
        keys=((bytes(16), 1), (bytes(range(16)), 2)),
        refused=True,
        reason="record MAC",
        provider="AWS_KMS",
        detail="verified",
    ),
    boot=b"12345678",
    counter=5,
    refused=(3, 4),
)

OF_ITEMS = replace(EVERYTHING, items=((0, 7), (256, 300)))
