"""Objects past their time, and who purges them."""

from dataclasses import replace

from sealring.domain.events import Action
from sealring.domain.ports import Change
from sealring.services.visibility import event_of
from sealring.store.audit import RedisAudit
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from sealring.store.tombs import RedisTombs
from support.make import ACME, caller
from support.stores import KEYS, STORE_ID

ME = caller(ACME)
DAY_S = 86_400


def tombs_of(links):
    keyspace = Keyspace(4, KEYS)
    markers = Markers(links, keyspace, KEYS, STORE_ID)
    audit = RedisAudit(links, keyspace, markers, KEYS)
    return RedisTombs(links, keyspace, markers, Records(KEYS, keyspace.home), audit)


def past_its_time(use, store, record):
    use.objects.delete(ME, str(record.id), version_check=None)

    def decide(current, _now):
        return Change(replace(current, purge_at=1), event_of(Action.OBJECT_DELETED, current, ME))

    return store.objects.amend(record.id, decide, None)


def keys_of(links, record):
    return [key for key in links.call((b"KEYS", b"s1:*"))[0] if record.id.raw in key]
