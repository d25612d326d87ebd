"""The registry of KEKs: of a scope there is one KEK, whoever makes it."""

from dataclasses import replace

from sealring.domain.ids import new_uuid, uuid_text
from sealring.domain.kek import KekScope
from sealring.store.audit import RedisAudit
from store.every_use import event, filled
from support.make import ACME, ENVIRONMENT, context

SCOPE = KekScope(ENVIRONMENT, ACME, context(organization_id=ACME, kind="of a race"))


def test_of_two_who_make_the_kek_of_a_scope_at_once_the_second_takes_the_one_of_the_first(links, monkeypatch):
    """The first stores it just before the second does, which has seen that there is none."""
    there = filled(links)
    keks = there.stores.keks
    first, second = (replace(there.kek, kek_id=new_uuid(), scope=SCOPE.encoded) for _ in range(2))
    entry, rivals = RedisAudit.entry, [first]

    def overtaken(audit, of):
        if rivals:
            keks.publish(SCOPE, rivals.pop(), event(target=uuid_text(first.kek_id)))
        return entry(audit, of)

    monkeypatch.setattr(RedisAudit, "entry", overtaken)
    used = keks.publish(SCOPE, second, event(target=uuid_text(second.kek_id)))

    assert used.active.kek_id == first.kek_id
    assert keks.find(SCOPE).active.kek_id == first.kek_id
