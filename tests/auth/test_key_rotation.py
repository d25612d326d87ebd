"""Rotating the local signing key: whatever happens on the way, what is signed is taken."""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from auth.kit import NOW
from auth.rotation_kit import VALIDITY_S, is_taken, kid, prune, published, rotate, signed
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


def test_a_new_key_signs_and_the_former_verifies(keys):
    former, old = kid(keys.signing_key_file), signed(keys)

    said = rotate(keys)

    new = kid(keys.signing_key_file)
    assert new != former
    assert published(keys) == {former: NOW + VALIDITY_S, new: None}
    assert is_taken(keys, old)
    assert is_taken(keys, signed(keys))
    assert said == [
        f"{new} signs from now on",
        f"{former} verifies until 2027-01-15T08:16:40Z; then run `sealring token-key prune`",
    ]


def test_the_new_key_is_for_its_owner_alone_and_the_set_for_all(keys):
    former = os.umask(0)
    try:
        rotate(keys)
    finally:
        os.umask(former)

    assert stat.S_IMODE(keys.signing_key_file.stat().st_mode) == 0o600
    assert sorted(path.name for path in keys.jwks_file.parent.iterdir()) == ["token-jwks.json", "token-key.pem"]


def test_the_set_keeps_its_mode(keys):
    keys.jwks_file.chmod(0o640)

    rotate(keys)

    assert stat.S_IMODE(keys.jwks_file.stat().st_mode) == 0o640


def test_nothing_is_signed_with_the_new_key_before_servers_have_read_the_set(keys):
    former = kid(keys.signing_key_file)
    waited = []

    def wait(seconds):
        waited.append((seconds, kid(keys.signing_key_file), len(published(keys))))

    rotate(keys, wait=wait)

    assert waited == [(2.0, former, 2)]


def test_keys_of_others_in_the_set_stay_as_they_are(keys):
    document = json.loads(keys.jwks_file.read_text())
    others = [{"kty": "oct", "kid": "odd"}, {"kty": "EC", "kid": "ours", "use": "enc"}]
    keys.jwks_file.write_text(json.dumps({"keys": [*others, *document["keys"]]}))

    rotate(keys)

    assert json.loads(keys.jwks_file.read_text())["keys"][:2] == others


def test_each_rotation_leaves_the_ends_of_the_earlier_ones(keys):
    first = kid(keys.signing_key_file)
    rotate(keys)
    second = kid(keys.signing_key_file)
    rotate(keys, NOW + 10)

    assert published(keys) == {
        first: NOW + VALIDITY_S,
        second: NOW + VALIDITY_S + 10,
        kid(keys.signing_key_file): None,
    }


# --- cut short


class CutShort(BaseException):
    """The process ends here."""


class Steps:
    """Counts what changes files, and ends the process before one of these."""

    def __init__(self, monkeypatch, last):
        self.left = last
        for owner, name in ((os, "open"), (os, "fsync"), (Path, "replace"), (Path, "unlink"), (os, "fchmod")):
            monkeypatch.setattr(owner, name, self.counted(getattr(owner, name)))

    def counted(self, function):
        def count(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise CutShort
            return function(*arguments, **options)

        return count


def test_a_rotation_may_be_cut_short_anywhere_and_run_again(keys, monkeypatch):
    old, former = signed(keys), kid(keys.signing_key_file)
    files = {path: path.read_bytes() for path in (keys.signing_key_file, keys.jwks_file)}
    for last in range(1_000):
        for path in keys.jwks_file.parent.iterdir():
            path.unlink()
        for path, content in files.items():
            path.touch(0o600)
            path.write_bytes(content)
        with monkeypatch.context() as patched:
            steps = Steps(patched, last)
            with suppress(CutShort):
                rotate(keys)
        if steps.left > 0:
            break

        assert is_taken(keys, old)
        assert is_taken(keys, signed(keys))
        prune(keys, NOW + 10 * VALIDITY_S)
        assert is_taken(keys, signed(keys))
        rotate(keys, NOW + 500)
        assert kid(keys.signing_key_file) != former
        assert is_taken(keys, signed(keys))
        assert not keys.new_key_file.exists()

    assert 10 < last < 100


def test_a_key_that_goes_on_signing_after_a_rotation_was_cut_short_gets_a_later_end(keys, monkeypatch):
    former = kid(keys.signing_key_file)

    def end(_seconds):
        raise CutShort

    with pytest.raises(CutShort):
        rotate(keys, wait=end)
    new = kid(keys.new_key_file)
    assert published(keys) == {former: NOW + VALIDITY_S, new: None}

    rotate(keys, NOW + 500)

    assert published(keys) == {former: NOW + 500 + VALIDITY_S, new: None}
    assert kid(keys.signing_key_file) == new


# --- lost files


def test_a_key_of_another_installation_is_taken_into_no_set(keys):
    own = kid(keys.signing_key_file)
    keys.signing_key_file.unlink()
    create_signing_key(keys.signing_key_file)
    foreign = kid(keys.signing_key_file)

    rotate(keys)

    assert foreign not in published(keys)
    assert published(keys) == {own: None, kid(keys.signing_key_file): None}
    assert is_taken(keys, signed(keys))


@pytest.mark.parametrize("lost", ["jwks_file", "signing_key_file"])
def test_a_set_or_a_key_that_is_lost_is_made_anew(keys, lost):
    old = signed(keys)
    getattr(keys, lost).unlink()

    rotate(keys)

    assert is_taken(keys, old)
    assert is_taken(keys, signed(keys))


def test_a_set_that_cannot_be_read_changes_nothing(keys):
    keys.jwks_file.write_text("<html>")
    former = keys.signing_key_file.read_bytes()

    with pytest.raises(SettingsInvalid, match="is refused: not JSON"):
        rotate(keys)

    assert keys.jwks_file.read_text() == "<html>"
    assert keys.signing_key_file.read_bytes() == former


def test_a_set_that_would_be_too_large_is_refused(keys):
    (own,) = json.loads(keys.jwks_file.read_text())["keys"]
    keys.jwks_file.write_text(json.dumps({"keys": [own, {"kid": "x" * 65_200}]}))

    with pytest.raises(SettingsInvalid, match="over 64 KiB; run `sealring token-key prune` first"):
        rotate(keys)

    assert is_taken(keys, signed(keys))
