"""What makes the causes of alerts."""

import pytest

from sealring.providers.gateway import Wrapping, call_for
from sealring.store.audit import RedisAudit
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from sealring.store.tombs import RedisTombs
from sealring_plugin import CustomersKey, Purpose, WrapContext
from support.cmk import Key, gateway_to
from support.stores import KEYS, STORE_ID


def wrap_with(failure, raised):
    """Wrap under a customer's key whose provider raises this."""
    gateway = gateway_to({"key": Key(failure=failure)}, waits=True)
    call = call_for(tenant="org_acme", request_id="request-1", purpose=Purpose.ENCRYPT)
    with pytest.raises(raised):
        gateway.wrap([Wrapping(CustomersKey("cmk", "key", 1), bytearray(32), WrapContext({}, b"aad"))], call)


def tombs_of(links):
    keyspace = Keyspace(4, KEYS)
    markers = Markers(links, keyspace, KEYS, STORE_ID)
    audit = RedisAudit(links, keyspace, markers, KEYS)
    return RedisTombs(links, keyspace, markers, Records(KEYS, keyspace.home), audit)
