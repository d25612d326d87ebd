"""Every request of an organization that opens or closes something, made by the process that is watched.

Each takes an organization with what it has (an object and a data key), and returns the request.
"""

import pytest

from sealring.admission.problems import PROBLEMS
from sealring.domain.ids import uuid_text
from support.reader import Bytes, header, wraps


def read(org, record, _pair):
    return lambda: org.scene.watched.use.objects.read(org.caller, str(record.id)).value


def read_by_name(org, record, _pair):
    return lambda: org.scene.watched.use.objects.read_by_name(org.caller, record.name, None).value


def read_version(org, record, _pair):
    version = uuid_text(record.current.id)
    return lambda: org.scene.watched.use.versions.read(org.caller, str(record.id), version).value


def decrypt(org, _record, pair):
    return lambda: org.scene.watched.use.data_keys.decrypt(org.caller, pair.wrapped)


def rekey(org, _record, pair):
    return lambda: org.scene.watched.use.data_keys.rekey(org.caller, pair.wrapped, org.context())


def data_key(org, _record, _pair):
    return org.data_key


def create(org, _record, _pair):
    return org.object


def update(org, record, _pair):
    change = {"value": "new", "version_check": None, "contexts": ()}
    return lambda: org.scene.watched.use.objects.update(org.caller, str(record.id), **change)


OURS = "ours"
EVERY = (read, read_by_name, read_version, decrypt, rekey, data_key, create, update)

every_request = pytest.mark.parametrize("request_of", EVERY)
what_closes = pytest.mark.parametrize("request_of", [rekey, data_key, create, update])
what_begins_again = pytest.mark.parametrize("request_of", [read, read_by_name, read_version, decrypt, rekey, data_key])


def of_new_ones(org, request_of):
    """The request, on an object and a data key that are made now."""
    return request_of(org, org.object(), org.data_key())


def guards_of(answer):
    """The bindings that guard what was answered, an object or a data key: their ids, and OURS for a key of ours."""
    if hasattr(answer, "wrapped"):
        return guards_of_blob(answer.wrapped)
    return [_guard(wrap.provider, wrap.kek_id) for wrap in answer.current.envelope.wraps]


def guards_of_blob(blob):
    source = Bytes(blob)
    return [_guard(wrap["provider"], wrap["kek_id"]) for wrap in wraps(source, header(source)["combine"])]


def _guard(provider, kek_id):
    return OURS if provider == "local" else kek_id


def status_of(taken):
    """The HTTP status of what came of a request; 200 of any success."""
    return 200 if taken.failure is None else PROBLEMS[type(taken.failure)].status
