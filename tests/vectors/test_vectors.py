"""The vectors of format 1, read by the server and by a reader that shares no code with it."""

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given

from sealring.crypto.blob_mac import genuine
from sealring.crypto.data_key import DataKey
from sealring.crypto.items import ItemKeys
from sealring.crypto.seal import check_commitment, open_sealed
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.aad import wrap_aad
from sealring.domain.codec import ItemReader, encode_envelope, parse_data_key, parse_envelope
from sealring.domain.envelope import Combine
from sealring.errors import IntegrityFailure
from support import reader
from support.envelopes import envelopes

VECTORS = json.loads(Path(__file__).with_name("envelope-v1.json").read_text(encoding="utf-8"))
KEKS = {bytes.fromhex(kek_id): bytes.fromhex(kek) for kek_id, kek in VECTORS["keks"].items()}


STORE_KEY = bytes.fromhex(VECTORS["store_key"])
KEYS = StoreKeys(STORE_KEY)


def by_the_server(vector):
    raw = bytes.fromhex(vector["envelope"])
    if vector["kind"] == "item":
        return _item(ItemReader().read(genuine(KEYS, raw)), vector)
    envelope = parse_envelope(raw) if vector["kind"] == "object" else parse_data_key(genuine(KEYS, raw))
    dek = _dek(envelope)
    if vector["kind"] == "object":
        return open_sealed(envelope, dek).decode()
    check_commitment(dek, envelope.header, envelope.commitment)
    return dek.hex()


def by_the_other_reader(vector):
    raw = bytes.fromhex(vector["envelope"])
    if vector["kind"] == "object":
        return reader.read_object(raw, KEKS).decode()
    if vector["kind"] == "item":
        index, plaintext = reader.read_item(raw, KEKS, STORE_KEY)
        assert index == vector["index"]
        return plaintext.hex()
    return reader.read_data_key(raw, KEKS, STORE_KEY).hex()


def _item(item, vector):
    key = item.head.key
    dek = _dek(key)
    check_commitment(dek, key.header, key.commitment)
    plaintext = ItemKeys(dek, item.head).open(item)
    assert item.index == vector["index"]
    return plaintext.hex()


def _dek(envelope):
    shares = [bytearray(_unwrap(wrap, envelope.header)) for wrap in envelope.wraps]
    return DataKey.joined(shares).secret if envelope.header.combine is Combine.ALL else shares[0]


def _unwrap(wrap, header):
    aad = wrap_aad(header, kek_id=wrap.kek_id, kek_version=wrap.kek_version, share_index=wrap.share_index)
    cipher = AESGCM(HKDFExpand(SHA256(), 32, b"sealring-local/v1/dek" + aad).derive(KEKS[wrap.kek_id]))
    return cipher.decrypt(wrap.blob[:12], wrap.blob[12:], None)


def named(vectors):
    return [pytest.param(vector, id=f"{vector['kind']}: {vector['name']}") for vector in vectors]


@pytest.mark.parametrize("vector", named(VECTORS["accept"]))
def test_the_server_opens_what_is_to_be_accepted(vector):
    assert by_the_server(vector) == vector["plaintext"]


@pytest.mark.parametrize("vector", named(VECTORS["accept"]))
def test_the_other_reader_opens_what_is_to_be_accepted(vector):
    assert by_the_other_reader(vector) == vector["plaintext"]


@pytest.mark.parametrize("vector", named(VECTORS["refuse"]))
def test_the_server_refuses_what_is_to_be_refused(vector):
    with pytest.raises((ValueError, IntegrityFailure, InvalidTag)):
        by_the_server(vector)


@pytest.mark.parametrize("vector", named(VECTORS["refuse"]))
def test_the_other_reader_refuses_what_is_to_be_refused(vector):
    with pytest.raises((reader.Refused, ValueError)):
        by_the_other_reader(vector)


def test_a_reader_without_the_store_key_opens_an_item_and_verifies_no_origin():
    (vector,) = (each for each in VECTORS["accept"] if each["kind"] == "item" and each["name"] == "one KEK")
    forged = bytes.fromhex(vector["envelope"])[:-1] + b"\0"

    assert reader.read_item(forged, KEKS, None) == (0, b"value")
    with pytest.raises(reader.Refused, match="MAC"):
        reader.read_item(forged, KEKS, STORE_KEY)


def test_a_reader_without_the_store_key_opens_a_data_key_and_verifies_no_origin():
    (vector,) = (each for each in VECTORS["accept"] if each["kind"] == "data key" and each["name"] == "one KEK")
    forged = bytes.fromhex(vector["envelope"])[:-1] + b"\0"

    assert reader.read_data_key(forged, KEKS, None).hex() == vector["plaintext"]
    with pytest.raises(reader.Refused, match="MAC"):
        reader.read_data_key(forged, KEKS, STORE_KEY)


@given(envelopes())
def test_both_readers_see_the_same_header(envelope):
    head = reader.header(reader.Bytes(encode_envelope(envelope)))

    assert head["H"] == envelope.header.encoded
    assert (head["org"], head["object_id"]) == (envelope.header.org, envelope.header.object_id)
