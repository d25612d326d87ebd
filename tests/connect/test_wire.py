"""What callers of vault.v1 count on, in both forms and with both kinds of envelope; what is corrupted is refused."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connect.calls import EVERYWHERE, INVALID
from connect.envelopes import opened, sealed
from connect.kit import token
from sealring.connect.messages import METHODS

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_keyring_keeps_its_key(calls, ring):
    assert len({calls.encrypt(ring, "x")["key_id"] for _ in range(10)}) == 1


def test_keyrings_have_keys_of_their_own(calls, ring):
    assert len({calls.encrypt(f"{ring}{number}", "x")["key_id"] for number in range(10)}) == 10


DATA = {
    "nothing": "",
    "a letter": "a",
    "NUL": "\x00",
    "a kibibyte": 1024 * "k",
    "ten mebibytes": (10 << 20) * "m",
    "line ends": "a\r\nb\nc\r",
    "emoji": "🔐👩‍👩‍👧",
    "SQL": "'; DROP TABLE secrets; --",
    "HTML": "<script>alert(1)</script>&amp;",
    "quotes": '"\\u0000\\"',
    "many scripts": "ägäis Ελλάδα עברית 漢字",
}


@pytest.mark.parametrize("data", DATA.values(), ids=list(DATA))
def test_a_text_comes_back_as_it_was(calls, ring, data):
    assert calls.decrypt(ring, calls.encrypt(ring, data)["encrypted"]) == data


RINGS = [
    "with-dash",
    "with_underscore",
    "123456",
    "with.dots",
    100 * "x",
    "0b9c-1d2e",
    "a/b/c",
    "/a",
    "a/",
    "a//b",
    "..",
    "../x",
    "LATEST",
    "p-q",
    "ä",
    "",
]


@pytest.mark.parametrize("name", RINGS)
def test_a_keyring_may_have_any_name_that_callers_use(calls, name):
    encrypted = calls.encrypt(name, "secret")["encrypted"]

    assert calls.decrypt(name, encrypted) == "secret"


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "\x7f", 513 * "x", 257 * "ä"])
def test_a_name_that_no_store_takes_is_an_invalid_argument(calls, name):
    assert calls.encrypt(name, "x") == INVALID


def test_decrypting_again_and_again_gives_the_same(calls, ring):
    encrypted = calls.encrypt(ring, "secret")["encrypted"]

    assert {calls.decrypt(ring, encrypted) for _ in range(100)} == {"secret"}


def test_fifty_keyrings_decrypt_in_reverse(calls, ring):
    made = [(f"{ring}{number}", str(number)) for number in range(50)]
    encrypted = [(name, data, calls.encrypt(name, data)["encrypted"]) for name, data in made]

    assert all(calls.decrypt(name, each) == data for name, data, each in reversed(encrypted))


def test_items_come_back_by_their_ids(calls, ring):
    items = {"one": "first", "two": "second", "": "third"}
    sealed_items = calls("EncryptBulk", keyring=ring, items=items)["items"]
    back = {name: each["encrypted"] for name, each in sealed_items.items()}

    assert sealed_items.keys() == items.keys()
    assert {each["key_id"] for each in sealed_items.values()} == {calls.encrypt(ring, "x")["key_id"]}
    assert calls("DecryptBulk", keyring=ring, items=back)["items"] == items


def test_no_items_give_no_items_and_make_no_key(calls, ring):
    before = len(calls.vault.services.keyrings._deks._store._rings)

    assert calls("EncryptBulk", keyring=ring, items={}) == {}
    assert calls("DecryptBulk", keyring=ring, items={}) == {}
    assert len(calls.vault.services.keyrings._deks._store._rings) == before


def test_items_fail_whole_with_the_code_of_a_single_one(calls, ring):
    good = calls.encrypt(ring, "x")["encrypted"]

    assert calls("DecryptBulk", keyring=ring, items={"good": good, "bad": "AAAA"}) == INVALID


def test_fifty_values_at_once_have_ciphertexts_of_their_own(calls, ring):
    calls.encrypt(ring, "x")
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda _: calls.encrypt(ring, "same")["encrypted"], range(50)))
        opened_again = list(threads.map(lambda each: calls.decrypt(ring, each), made))

    assert len(set(made)) == 50
    assert set(opened_again) == {"same"}


def test_encrypting_again_keeps_the_text_and_changes_the_envelope(calls, ring):
    first = calls.encrypt(ring, "secret")["encrypted"]
    seen = [first]
    for _ in range(10):
        seen.append(calls.re_encrypt(ring, seen[-1])["encrypted"])

    assert len(set(seen)) == 11
    assert {calls.decrypt(ring, each) for each in seen} == {"secret"}


def test_another_keyring_opens_nothing(calls, ring):
    encrypted = calls.encrypt(ring, "secret")["encrypted"]
    calls.encrypt(f"{ring}2", "x")

    assert calls.decrypt(f"{ring}2", encrypted) == INVALID
    assert calls.decrypt("never was", encrypted) == INVALID
    assert calls.re_encrypt(f"{ring}2", encrypted) == INVALID


# --- corruption


@pytest.fixture
def envelope(calls, ring):
    return opened(calls.encrypt(ring, "a secret of some length")["encrypted"])


def test_no_bit_of_a_ciphertext_may_change(calls, ring, envelope):
    raw = envelope.ciphertext
    flipped = [raw[: at // 8] + bytes([raw[at // 8] ^ 1 << at % 8]) + raw[at // 8 + 1 :] for at in range(8 * len(raw))]

    assert {calls.decrypt(ring, sealed(envelope, ciphertext=each)) for each in flipped} == {INVALID}


def test_no_ciphertext_may_be_cut_or_grow(calls, ring, envelope):
    raw = envelope.ciphertext
    changed = [*(raw[:size] for size in range(len(raw))), raw + b"\x00", raw + raw, b"\x00" + raw]

    assert {calls.decrypt(ring, sealed(envelope, ciphertext=each)) for each in changed} == {INVALID}


def test_no_nonce_may_change(calls, ring, envelope):
    nonce = envelope.nonce
    flipped = [nonce[:at] + bytes([nonce[at] ^ 0x80]) + nonce[at + 1 :] for at in range(12)]
    changed = [*flipped, bytes(12), 12 * b"\xff", nonce[:11], nonce + b"\x00", b""]

    assert {calls.decrypt(ring, sealed(envelope, nonce=each)) for each in changed} == {INVALID}


def test_ciphertexts_cannot_be_swapped(calls, ring, envelope):
    other = opened(calls.encrypt(ring, "another secret, as long")["encrypted"])

    assert calls.decrypt(ring, sealed(envelope, ciphertext=other.ciphertext)) == INVALID
    assert calls.decrypt(ring, sealed(other, ciphertext=envelope.ciphertext)) == INVALID


def test_no_key_id_but_the_own_opens_a_value(calls, ring, envelope):
    """Those that lead to another keyring's key are in test_bypasses.py."""
    key_id = envelope.encryption_key_id
    tried = ["", "dek_never", f"{key_id}x", key_id[:-1], "LATEST", "..", ".", f"{key_id}/", "-", "/", 1000 * "k"]

    assert {calls.decrypt(ring, sealed(envelope, encryption_key_id=each)) for each in tried} == {INVALID}


def test_an_unknown_algorithm_is_refused(calls, ring, envelope):
    others = {0, 7, 100, 101, -1} - {envelope.algorithm}

    assert {calls.decrypt(ring, sealed(envelope, algorithm=each)) for each in others} == {INVALID}


def test_what_follows_an_envelope_is_refused_unless_it_is_an_unknown_field(calls, ring, envelope):
    raw = envelope.SerializeToString()

    assert calls.decrypt(ring, text_of(raw + b"\xff")) == INVALID
    assert calls.decrypt(ring, text_of(raw + b"\x78\x01")) == "a secret of some length"


def text_of(raw):
    return base64.b64encode(raw).decode()


def test_base64_is_read_as_others_read_it(calls, ring, envelope):
    text = text_of(envelope.SerializeToString())
    lines = "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\n"
    refused = [
        "",
        "=",
        "====",
        "not base64",
        text.rstrip("=")[:-1],
        f" {text}",
        f"{text}=",
        text.replace("+", "-") + "-",
        f"{text}AAAA",
        "ä",
    ]

    assert calls.decrypt(ring, lines) == "a secret of some length"
    assert {calls.decrypt(ring, each) for each in refused} == {INVALID}


@given(data=TEXTS)
def test_any_text_comes_back(calls, data):
    encrypted = calls.encrypt("any text", data)["encrypted"]

    assert calls.decrypt("any text", encrypted) == data
    assert calls.encrypt("any text", data)["encrypted"] != encrypted


@given(name=TEXTS, other=TEXTS)
def test_similar_names_stay_apart(calls, name, other):
    assume(name != other)
    encrypted = calls.encrypt(name, "secret")

    assert encrypted == INVALID or calls.decrypt(name, encrypted["encrypted"]) == "secret"
    assert encrypted == INVALID or calls.decrypt(other, encrypted["encrypted"]) == INVALID


@given(text=TEXTS | st.binary(max_size=200).map(text_of))
def test_nothing_but_an_envelope_is_opened(calls, text):
    assert calls.decrypt("garbage", text) == INVALID
    assert calls.re_encrypt("garbage", text) == INVALID


@given(at=st.integers(0, 400), mask=st.integers(1, 255))
def test_no_byte_of_an_envelope_changes_the_text(calls, at, mask):
    raw = base64.b64decode(calls.encrypt("bytes", "the text")["encrypted"])
    at %= len(raw)

    answer = calls.decrypt("bytes", text_of(raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :]))

    assert answer in (INVALID, "the text")  # the time of a compatible envelope is bound to nothing


# --- any bytes at all


@given(raw=st.binary(max_size=300), coding=st.sampled_from([None, "gzip"]), method=st.sampled_from(sorted(METHODS)))
def test_any_bytes_are_answered_in_proto(vault, raw, coding, method):
    headers = {"content-type": "application/proto", "content-encoding": coding}

    assert_answered(vault.raw(method, raw, headers, bearer=token(None, EVERYWHERE)))


JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8)  # fmt: skip
NAMES = st.sampled_from(["keyring", "data", "encrypted", "items", "keyId", "key_id", "other"])


@given(members=st.dictionaries(NAMES, JSON, max_size=5), method=st.sampled_from(sorted(METHODS)))
def test_any_json_is_answered(vault, members, method):
    assert_answered(vault.raw(method, json.dumps(members).encode(), bearer=token(None, EVERYWHERE)))


def assert_answered(answer):
    """Whatever was sent is not a fault of ours."""
    assert answer.status == 200 or answer.refusal in {INVALID, (429, "resource_exhausted"), (403, "permission_denied")}
