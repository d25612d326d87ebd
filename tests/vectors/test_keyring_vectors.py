"""The bytes of keyrings never change: ours read what a second writer made, and a second reader what we make."""

import base64
import json
from pathlib import Path

import pytest

from sealring.crypto.keyring_cipher import KeyringCipher
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.envelope import NONCE_BYTES
from sealring.domain.events import Action, Event
from sealring.domain.ids import EnvironmentId
from sealring.domain.keyring_codec import Algorithm, parse_envelope
from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource
from sealring.services.keyring_rules import KeyringRules
from sealring.store.schema.keyring_codec import KeyringCodec, KeyringHead
from sealring.store.schema.keyspace import Keyspace
from sealring_local.wrap import LocalProvider
from sealring_masterkey.keys import MasterKeys
from sealring_masterkey.wrap import MasterKeyProvider
from support import stores
from support.make import caller, services
from support.roots import roots_of
from vectors import keyring_reader as second
from vectors.make_keyring_vectors import vectors

VECTORS = json.loads(Path(__file__).with_name("keyrings-v1.json").read_text())
RING = OwnedKeyring(EnvironmentId(VECTORS["environment"]), Keyring(VECTORS["keyring"]))
DEKS = {each["id"]: bytes.fromhex(each["dek"]) for each in VECTORS["deks"]}
MASTER_KEYS = "\n".join(each["master_key"] for each in VECTORS["deks"])
ME = caller()


def test_the_vectors_are_those_that_the_second_writer_makes():
    assert vectors() == VECTORS


@pytest.mark.parametrize(
    "each", VECTORS["envelopes"], ids=lambda each: f"{each['algorithm']} {each['key_id']} {len(each['value'])}"
)
def test_our_reader_opens_the_envelopes(each):
    envelope, key_id = parse_envelope(bytes.fromhex(each["bytes"]))

    assert key_id == each["key_id"]
    assert KeyringCipher(RING, key_id, bytearray(DEKS[key_id])).open(envelope) == each["value"].encode()


@pytest.mark.parametrize("algorithm", [Algorithm.AES_256_GCM, Algorithm.AES_256_GCM_BOUND])
def test_the_second_reader_opens_our_envelopes(algorithm):
    key_id = DekId("dek_AbCdEfGhI")
    raw = KeyringCipher(RING, key_id, bytearray(DEKS[key_id])).seal(b"a value", algorithm, 1_700_000_000_000)

    assert second.opened(raw, DEKS[key_id], RING.environment, RING.ring.name) == b"a value"
    assert len(parse_envelope(raw)[0].nonce) == NONCE_BYTES


def test_a_server_with_the_master_keys_opens_what_the_second_writer_stored():
    use, store = under_master_keys()
    for number, each in enumerate(VECTORS["deks"]):
        add(store, each["id"], bytes.fromhex(each["record"]), first=number == 0)

    for each in VECTORS["envelopes"]:
        assert use.keyrings.decrypt(RING.ring, bytes.fromhex(each["bytes"]), ME) == each["value"].encode()


def test_the_second_reader_opens_what_a_server_with_the_master_keys_stores():
    use, store = under_master_keys()
    sealed = use.keyrings.encrypt(RING.ring, b"a value", ME)
    masters = MasterKeys.parse(MASTER_KEYS).keys

    key_id, dek = second.unwrapped(store.keyrings.latest(RING).record, masters)

    assert key_id == sealed.key_id
    assert second.opened(sealed.encrypted, dek, RING.environment, RING.ring.name) == b"a value"
    assert len(store.keyrings.latest(RING).record) == 134  # as short as those of other servers


def test_a_key_of_another_length_is_refused_when_it_is_read():
    for each in VECTORS["refused_master_keys"]:
        assert base64.b64decode(each)
        with pytest.raises(ValueError, match="line 1"):
            MasterKeys.parse(each)


def test_the_records_in_the_store_are_those_of_the_vectors():
    keys = StoreKeys(bytes.fromhex(VECTORS["store_key"]))
    codec, digest = KeyringCodec(keys), Keyspace(1, keys).keyring_digest(RING)
    newest = VECTORS["deks"][0]
    head = KeyringHead(RING, DekId(newest["id"]), 2)

    assert digest.hex() == VECTORS["digest"]
    assert codec.encode_head(digest, head).hex() == VECTORS["head"]
    assert codec.decode_head(digest, bytes.fromhex(VECTORS["head"])) == head
    record = bytes.fromhex(newest["record"])
    assert codec.encode_dek(digest, DekId(newest["id"]), record).hex() == VECTORS["stored_dek"]
    assert codec.decode_dek(digest, DekId(newest["id"]), bytes.fromhex(VECTORS["stored_dek"])) == record


def under_master_keys():
    store = stores.memory()
    sources = {
        "local": ManagedSource(lambda: LocalProvider(roots_of(bytes(32))), waits=False, max_wraps=None),
        "masterkey": ManagedSource(lambda: MasterKeyProvider(MasterKeys.parse(MASTER_KEYS)), False, max_wraps=None),
    }
    rules = KeyringRules(master="masterkey", algorithm=Algorithm.AES_256_GCM)
    return services(store, provider_gateway=Gateway(sources, {}), keyring_rules=rules), store


def add(store, key_id, record, *, first):
    event = Event(Action.KEYRING_DEK_CREATED, RING.environment, RING.org, ME.origin, name=RING.ring.name)
    expected = None if first else store.keyrings.latest(RING)
    assert store.keyrings.add(RING, StoredDek(DekId(key_id), record), expected, KeyringChange(event))
