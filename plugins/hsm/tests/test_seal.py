"""The seal of the root by a token: a key of its own, beside the roots of managed keys."""

import shutil

import pytest

from sealring_hsm import softhsm
from sealring_hsm.seal_spec import SEAL
from sealring_plugin import CiphertextRejected, ConfigInvalid, RootLost
from sealring_plugin.conformance import SealConformance

MODULE = softhsm.find_module()
SECRET, AAD = bytes(range(32)), b"aad"


@pytest.mark.skipif(MODULE is None, reason="SoftHSM2 is not installed")
class TestHsmSeal(SealConformance):
    spec = SEAL

    @pytest.fixture(autouse=True)
    def _token(self, pattern, sealing_folder):
        if not (sealing_folder / "hsm").exists():
            shutil.copytree(pattern, sealing_folder / "hsm")
            softhsm.write_conf(sealing_folder / "hsm" / "softhsm2.conf", sealing_folder / "hsm" / "tokens")

    def settings(self):
        return {"module": str(MODULE), "pin_file": "hsm/pin", "conf_file": "hsm/softhsm2.conf"}

    def another_key(self, folder):
        config = SEAL.parse_config({**self.settings(), "key": "another"}, folder)
        SEAL.initialise(config)
        return SEAL.build(config)


@pytest.fixture
def make_seal(config):
    def make_seal(key="sealring-seal", *, made=True):
        table = {
            "key": key,
            "module": str(MODULE),
            "pin_file": str(config.pin_file),
            "conf_file": str(config.conf_file),
        }
        parsed = SEAL.parse_config(table, config.pin_file.parent)
        if made:
            SEAL.initialise(parsed)
        return SEAL.build(parsed)

    return make_seal


def test_a_key_is_made_once(make_seal, call):
    first = make_seal()
    sealed = first.seal(SECRET, AAD, call)

    said = first.initialise()

    assert said == "key sealring-seal (kept as it is)"
    assert first.open(sealed, AAD, call) == SECRET


def test_a_missing_key_is_a_fault_and_none_is_made(make_seal, call):
    seal = make_seal("lost", made=False)

    for _ in range(2):
        with pytest.raises(RootLost, match="the token has no key lost: restore the token from its backup"):
            seal.seal(SECRET, AAD, call)


def test_the_key_cannot_be_read_wrapped_or_changed(make_seal, run, call):
    make_seal().seal(SECRET, AAD, call)

    found = run(
        """
        from pkcs11 import Attribute
        (key,) = token_session().get_objects({Attribute.LABEL: "sealring-seal"})
        print({name: key[getattr(Attribute, name)] for name in ("SENSITIVE", "EXTRACTABLE", "MODIFIABLE", "PRIVATE")})
        """
    )

    assert found == ["{'SENSITIVE': True, 'EXTRACTABLE': False, 'MODIFIABLE': False, 'PRIVATE': True}"]


def test_a_seal_of_another_token_is_rejected(make_seal, call):
    sealed = bytearray(make_seal().seal(SECRET, AAD, call))
    sealed[-1] ^= 1

    with pytest.raises(CiphertextRejected):
        make_seal().open(bytes(sealed), AAD, call)


def test_a_label_that_is_none_is_refused(make_seal):
    with pytest.raises(ConfigInvalid, match="key must be the label of a key"):
        make_seal("x" * 33, made=False)
