"""The ways by which other servers of vault.v1 were led to another keyring's key, and what is corrupted in other calls.

With keys in the cache, because it was one: both keyrings are in use.
"""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connect.calls import INVALID
from connect.envelopes import opened, sealed

SECRET = "a secret of the other keyring"
NAMES = st.text("ab-/.%", max_size=8)


@pytest.mark.parametrize(
    ("other", "ring", "key_id"),
    [
        ("p-q", "p", "q-{}"),  # one cache key for both: keyring, dash, key id
        ("p-q-r", "p-q", "r-{}"),
        ("p-q-r", "p", "q-r-{}"),
        ("p-", "p", "-{}"),
        ("-", "", "-{}"),
        ("a/b", "a", "b/{}"),  # one object key for both: keyring, slash, key id
        ("a/b/c", "a", "b/c/{}"),
        ("a/", "a", "/{}"),
        ("/", "", "/{}"),
        ("other", "ring", "../other/{}"),  # a path out of the keyring
        ("other", "ring/x", "../../other/{}"),
        ("other", "ring", "x/../../other/{}"),
        ("other", "ring", "..%2Fother%2F{}"),
        ("other", "ring", "..\\other\\{}"),
        ("other", "ring", "/other/{}"),
        ("other", "ring", "other/{}"),
        ("other", "ring", "{}"),
        ("other", "ring", "LATEST"),
        ("other", "ring", "../other/LATEST"),
        ("other/LATEST", "other", "LATEST/{}"),
        ("other", "other", "LATEST"),
        ("other", "other", "./{}"),
        ("other", "other", "{}\x00"),
        ("other", "other", " {}"),
    ],
    ids=ascii,
)
def test_no_key_id_leads_to_another_keyring(calls, other, ring, key_id):
    envelope = opened(calls.encrypt(other, SECRET)["encrypted"])
    calls.encrypt(ring, "mine")
    wrong = sealed(envelope, encryption_key_id=key_id.format(envelope.encryption_key_id))

    assert calls.decrypt(ring, wrong) == calls.re_encrypt(ring, wrong) == INVALID
    assert calls("DecryptBulk", keyring=ring, items={"a": wrong}) == INVALID
    assert calls.decrypt(other, sealed(envelope)) == SECRET


@given(other=NAMES, separator=st.sampled_from("-/"), data=st.data())
def test_no_other_division_into_keyring_and_key_id_opens_a_value(calls, other, separator, data):
    envelope = opened(calls.encrypt(other, SECRET)["encrypted"])
    whole = other + separator + envelope.encryption_key_id
    places = [place for place, each in enumerate(whole) if each in "-/" and place != len(other)]
    assume(places)
    place = data.draw(st.sampled_from(places))
    ring, key_id = whole[:place], whole[place + 1 :]
    calls.encrypt(ring, "mine")

    assert calls.decrypt(ring, sealed(envelope, encryption_key_id=key_id)) == INVALID


@given(
    other=NAMES, ring=NAMES, before=st.sampled_from(["", "../", "./", "/", "..%2F", "-"]), between=st.sampled_from("-/")
)
def test_no_path_to_another_keyring_opens_a_value(calls, other, ring, before, between):
    assume(ring != other)
    envelope = opened(calls.encrypt(other, SECRET)["encrypted"])
    calls.encrypt(ring, "mine")
    tried = f"{before}{other}{between}{envelope.encryption_key_id}"

    assert calls.decrypt(ring, sealed(envelope, encryption_key_id=tried)) == INVALID
    assert calls.decrypt(ring, sealed(envelope)) == INVALID


# --- corrupted, in calls that encrypt again or open several


@pytest.fixture
def envelope(calls, ring):
    return opened(calls.encrypt(ring, SECRET)["encrypted"])


def corrupted(envelope):
    raw, nonce, ciphertext = envelope.SerializeToString(), envelope.nonce, envelope.ciphertext
    yield from (base64.b64encode(raw[:size]).decode() for size in range(len(raw) - 7))  # the time is the last field
    yield from (
        sealed(envelope, ciphertext=ciphertext[:at] + bytes([ciphertext[at] ^ 1]) + ciphertext[at + 1 :])
        for at in range(len(ciphertext))
    )
    yield from (sealed(envelope, nonce=nonce[:at] + bytes([nonce[at] ^ 1]) + nonce[at + 1 :]) for at in range(12))
    yield from (
        sealed(envelope, encryption_key_id=each) for each in ("", "dek_never", f"{envelope.encryption_key_id}x")
    )


@pytest.mark.parametrize("method", ["Decrypt", "ReEncrypt"])
def test_what_is_corrupted_or_cut_off_is_refused(calls, ring, envelope, method):
    answers = [calls(method, keyring=ring, encrypted=each) for each in corrupted(envelope)]

    assert len(answers) > 130
    assert [each for each in answers if each != INVALID] == []


def test_a_bulk_with_one_corrupted_value_is_refused_whole(calls, ring, envelope):
    good = sealed(envelope)

    answers = [calls("DecryptBulk", keyring=ring, items={"good": good, "bad": each}) for each in corrupted(envelope)]

    assert [each for each in answers if each != INVALID] == []


@given(data=st.text(st.characters(exclude_categories=["Cs"]), max_size=40), times=st.integers(1, 5))
def test_any_text_comes_back_however_often_it_is_encrypted_again(calls, data, times):
    seen = [calls.encrypt("again", data)["encrypted"]]
    for _ in range(times):
        seen.append(calls.re_encrypt("again", seen[-1])["encrypted"])

    assert [calls.decrypt("again", each) for each in seen] == [data] * (times + 1)
    assert len(set(seen)) == times + 1
    assert calls.re_encrypt("another", seen[-1]) == INVALID
