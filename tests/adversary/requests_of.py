"""Every request of an organization that opens or closes something, made by the process that is watched.

Each takes an organization with what it has (an object and a data key), and returns the request.
"""

import itertools
from dataclasses import dataclass

import pytest

from sealring.admission.problems import PROBLEMS
from sealring.domain.ids import uuid_text
from sealring.domain.keyring_codec import parse_encrypted, parse_wrapped_dek, parse_wraps
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import SealringError
from sealring.services.items import PlainItem
from sealring.services.object_batches import NewObject, Wanted
from support.make import ENVIRONMENT
from support.reader import Bytes, header, wraps

_numbers = itertools.count(1)


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


def encrypt_items(org, _record, _pair):
    return lambda: last_of(org.scene.watched.use.items.encrypt(org.caller, plain_items(org)))


def decrypt_items(org, _record, _pair):
    blobs = org.scene.watched.use.items.encrypt(org.caller, plain_items(org))
    return lambda: last_of(org.scene.watched.use.items.decrypt(org.caller, blobs))


def read_batch(org, record, _pair):
    wanted = {0: Wanted(str(record.id)), 1: Wanted(name=record.name, org=record.org)}
    return lambda: last_of(org.scene.watched.use.object_batches.read(org.caller, wanted)).value


def create_batch(org, record, _pair):
    def create():
        name = record.name + str(next(_numbers))
        new = {number: NewObject(f"{name} {number}", "secret", org.context()) for number in range(2)}
        return last_of(org.scene.watched.use.object_batches.create(org.caller, new))

    return create


def encrypt_value(org, _record, _pair):
    encrypted(org)
    return lambda: under(org, org.scene.watched.use.keyrings.encrypt(ring_of(org), b"secret", org.caller).key_id)


def encrypt_values(org, _record, _pair):
    items = {str(number): b"secret" for number in range(2)}

    def encrypt():
        sealed = org.scene.watched.use.keyrings.encrypt_all(ring_of(org), items, org.caller)
        (key_id,) = {each.key_id for each in sealed.values()}
        return under(org, key_id)

    return encrypt


def re_encrypt_value(org, _record, _pair):
    value = encrypted(org)
    return lambda: under(org, org.scene.watched.use.keyrings.re_encrypt(ring_of(org), value, None, org.caller).key_id)


def rotate_ring(org, _record, _pair):
    encrypted(org)
    return lambda: under(org, org.scene.watched.use.keyrings.rotate(ring_of(org), org.caller).id)


def decrypt_value(org, _record, _pair):
    value = encrypted(org)
    return lambda: org.scene.watched.use.keyrings.decrypt(ring_of(org), value, org.caller)


def decrypt_values(org, _record, _pair):
    items = {str(number): encrypted(org) for number in range(2)}
    return lambda: org.scene.watched.use.keyrings.decrypt_all(ring_of(org), items, org.caller)


def try_values(org, _record, _pair):
    items = {str(number): encrypted(org) for number in range(2)}
    return lambda: org.scene.watched.use.keyrings.decrypt_each(ring_of(org), items, org.caller)


def ring_of(org):
    return Keyring(f"{org.id}/ring")


def encrypted(org):
    """A value that the watched process encrypted with the organization's keyring, which it knows since."""
    return org.scene.watched.use.keyrings.encrypt(ring_of(org), b"secret", org.caller).encrypted


@dataclass(frozen=True)
class Under:
    """The DEK of a keyring that an answer names: what is stored of it."""

    record: bytes


def under(org, key_id):
    """As the other process finds it, which is no step."""
    return Under(org.scene.rival.store.keyrings.load(OwnedKeyring(ENVIRONMENT, ring_of(org)), key_id).record)


def plain_items(org):
    return [PlainItem(number, org.context(type=str(number)), b"secret") for number in range(2)]


def last_of(results):
    """The last result of a batch whose items all came to something. Raises the failure of an item."""
    for result in results.values():
        if isinstance(result, SealringError):
            raise result
    return results[len(results) - 1]


OURS = "ours"
EVERY = (
    read, read_by_name, read_version, decrypt, rekey, data_key, create, update,
    encrypt_items, decrypt_items, read_batch, create_batch,
    encrypt_value, encrypt_values, re_encrypt_value, rotate_ring, decrypt_value, decrypt_values, try_values,
)  # fmt: skip

every_request = pytest.mark.parametrize("request_of", EVERY)
_CLOSING_RINGS = (encrypt_value, encrypt_values, re_encrypt_value, rotate_ring)
what_closes = pytest.mark.parametrize(
    "request_of", [rekey, data_key, create, update, encrypt_items, create_batch, *_CLOSING_RINGS]
)
what_begins_again = pytest.mark.parametrize(
    "request_of",
    [
        *(read, read_by_name, read_version, decrypt, rekey, data_key, encrypt_items, decrypt_items, read_batch),
        *(*_CLOSING_RINGS, decrypt_value, decrypt_values, try_values),
    ],
)


def of_new_ones(org, request_of):
    """The request, on an object and a data key that are made now."""
    return request_of(org, org.object(), org.data_key())


def guards_of(answer):
    """The bindings that guard what was answered, an object, a data key or a DEK: their ids, and OURS for a key of ours."""
    if isinstance(answer, Under):
        encrypted = parse_encrypted(parse_wrapped_dek(answer.record).encrypted)
        return [_guard(wrap.provider, wrap.kek_id) for wrap in parse_wraps(encrypted.ciphertext).wraps]
    if hasattr(answer, "wrapped"):
        return guards_of_blob(answer.wrapped)
    if isinstance(answer, bytes):
        return guards_of_blob(answer)
    return [_guard(wrap.provider, wrap.kek_id) for wrap in answer.current.envelope.wraps]


def guards_of_blob(blob):
    source = Bytes(blob)
    return [_guard(wrap["provider"], wrap["kek_id"]) for wrap in wraps(source, header(source)["combine"])]


def _guard(provider, kek_id):
    return OURS if provider == "local" else kek_id


def status_of(taken):
    """The HTTP status of what came of a request; 200 of any success."""
    return 200 if taken.failure is None else PROBLEMS[type(taken.failure)].status
