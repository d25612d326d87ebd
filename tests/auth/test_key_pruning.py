"""A former signing key goes from the set when no token that it signed can be valid."""

import json

import pytest

from auth.kit import NOW
from auth.rotation_kit import VALIDITY_S, is_taken, kid, prune, published, rotate, signed
from sealring.auth.jwks import KeySet
from sealring.auth.key_rotation import LocalKeys
from sealring.auth.signing import create_signing_key, public_jwks
from sealring.errors import SettingsInvalid


@pytest.fixture
def keys(tmp_path):
    """The files of a fresh installation."""
    made = LocalKeys(tmp_path / "token-key.pem", tmp_path / "token-jwks.json", VALIDITY_S)
    create_signing_key(made.signing_key_file)
    made.jwks_file.write_text(json.dumps(public_jwks(made.signing_key_file)))
    return made


def test_a_former_key_goes_when_none_of_its_tokens_can_be_valid(keys):
    former = kid(keys.signing_key_file)
    rotate(keys)

    assert prune(keys, NOW + VALIDITY_S - 1) == [f"{former} verifies until 2027-01-15T08:16:40Z"]
    assert former in published(keys)
    assert prune(keys, NOW + VALIDITY_S) == [f"removed {former}"]
    assert list(published(keys)) == [kid(keys.signing_key_file)]
    assert prune(keys, NOW + VALIDITY_S) == []


def test_all_former_keys_can_go_at_once(keys):
    """Where a key leaked."""
    old = signed(keys)
    rotate(keys)

    prune(keys, NOW, all_former=True)

    assert not is_taken(keys, old)
    assert is_taken(keys, signed(keys))
    assert KeySet.of(json.loads(keys.jwks_file.read_text())["keys"]).keys[0].kid == kid(keys.signing_key_file)


def test_a_folder_that_is_not_there_is_refused_in_one_line(tmp_path):
    nowhere = LocalKeys(tmp_path / "none" / "token-key.pem", tmp_path / "none" / "token-jwks.json", VALIDITY_S)

    for command in (rotate, prune):
        with pytest.raises(SettingsInvalid, match=rf"^{tmp_path}/none cannot be read \(No such file or directory\)$"):
            command(nowhere, NOW)


@pytest.mark.parametrize("command", [rotate, prune], ids=["rotate", "prune"])
def test_two_commands_at_once_are_one_and_a_refusal(keys, command):
    refused = []

    def beside(_seconds):
        with pytest.raises(SettingsInvalid, match="another `sealring token-key` runs in this folder"):
            command(keys, NOW)
        refused.append(command)

    rotate(keys, wait=beside)

    assert refused == [command]
    assert command(keys, NOW)  # afterwards, it is done
