"""A data key's blob was made by us, whoever can wrap under the key that guards it.

Attacks "Binding" (SECURITY.md) and docs/byok.md: with an RSA key anybody who has its public half can wrap, and with a
key of any kind its owner can. What they wrap is a key of their choice: a client that opens their blob encrypts for them.
"""

import pytest

from adversary.forging import FORGERIES, Forger, PublicKey, PublicKeyProvider
from adversary.scene import scene_on
from sealring.errors import CiphertextRejected
from support import cmk

CHOSEN = b"a key that the attacker knows...".ljust(32)

each_forgery = pytest.mark.parametrize("forgery", FORGERIES)


@pytest.fixture(params=["anybody, with the public key", "the owner of the key"])
def org(request, valkey, monkeypatch):
    """An organization with a bound key, under which the attacker can wrap."""
    anybody = request.param == "anybody, with the public key"
    if anybody:
        monkeypatch.setattr(cmk, "CmkProvider", PublicKeyProvider)
    with scene_on(valkey) as scene:
        scene.watched.kms["key_one"] = PublicKey() if anybody else cmk.Key()
        org = scene.organization()
        org.bind("key_one")
        yield org


@pytest.fixture
def forger(org):
    kms = org.scene.watched.kms
    return Forger(cmk.CmkProvider(kms), "key_one", org.data_key().wrapped)


def test_a_blob_of_ours_opens(org):
    pair = org.data_key()

    assert org.scene.watched.use.data_keys.decrypt(org.caller, pair.wrapped).secret == pair.secret


@each_forgery
def test_a_forged_blob_does_not_open(org, forger, forgery):
    with pytest.raises(CiphertextRejected):
        org.scene.watched.use.data_keys.decrypt(org.caller, forgery(forger, CHOSEN))


@each_forgery
def test_a_forged_blob_is_not_rekeyed(org, forger, forgery):
    with pytest.raises(CiphertextRejected):
        org.scene.watched.use.data_keys.rekey(org.caller, forgery(forger, CHOSEN), org.context())


@each_forgery
def test_the_keys_owner_is_not_even_asked_about_a_forged_blob(org, forger, forgery):
    forged, log = forgery(forger, CHOSEN), org.scene.watched.kms["key_one"].log
    log.clear()

    with pytest.raises(CiphertextRejected):
        org.scene.watched.use.data_keys.decrypt(org.caller, forged)

    assert log == []


def test_a_blob_says_alike_to_everybody_that_it_is_refused(org, forger):
    failures = []
    for blob in (b"", b"garbage", forger.seen[:-1], *(forgery(forger, CHOSEN) for forgery in FORGERIES)):
        with pytest.raises(CiphertextRejected) as refused:
            org.scene.watched.use.data_keys.decrypt(org.caller, blob)
        failures.append(str(refused.value))

    assert len(set(failures)) == 1
