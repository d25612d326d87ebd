"""An organization whose records are altered, and where they lie."""

from sealring.services.listing import ListOptions
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from support.make import ACME, BETA, caller
from support.stores import KEYS

ME, THEM = caller(ACME), caller(BETA)
RECORDS = Records(KEYS, Keyspace(4, KEYS).home)


def key(kind, record):
    return b"s1:{0}:" + kind + b":" + record.id.raw


def listed(use):
    return use.lists.list(ME, ListOptions())
