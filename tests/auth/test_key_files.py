"""Keys in a file are read again when it changes, and a bad file leaves the last good set."""

import os

import pytest

from auth.key_set_kit import BOTH, MIXED, NEW, NO_FOLDER, OLD, SAID, TOLD, Lines
from auth.kit import ISSUER, SetClock, ec_key, jwk, jwks_bytes, profile, sign
from sealring.auth import key_sources
from sealring.auth.key_set_log import Told
from sealring.auth.key_sources import FileKeys
from sealring.auth.key_sources import key_sources as sources_of
from sealring.auth.tokens import TokenVerifier
from sealring.errors import SettingsInvalid, Unauthenticated


@pytest.fixture
def clock():
    return SetClock(1_000.0)


# --- a file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(OLD)
    return path


def replace(path, raw):
    """The way to replace a file: a rename, which gives it another inode."""
    new = path.with_suffix(".new")
    new.write_bytes(raw)
    new.rename(path)


def test_a_new_file_is_read_after_two_seconds(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    replace(path, NEW)

    clock.now += 1.9
    assert source.key("old", "ES256") is not None
    assert source.key("new", "ES256") is None
    clock.now += 0.1
    assert source.key("new", "ES256") is not None
    assert source.key("old", "ES256") is None


def test_a_file_that_changes_in_place_is_read_again(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    path.write_bytes(BOTH)

    clock.now += 2.0

    assert source.key("new", "ES256") is not None


def test_a_file_of_the_same_size_is_read_again_when_its_time_changes(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    path.write_bytes(NEW)
    os.utime(path, ns=(1, 1))

    clock.now += 2.0

    assert len(NEW) == len(OLD)
    assert source.key("new", "ES256") is not None


def test_a_link_that_points_elsewhere_is_read_again(tmp_path, clock):
    for name, raw in (("a", OLD), ("b", NEW)):
        (tmp_path / name).write_bytes(raw)
        os.utime(tmp_path / name, ns=(1, 1))
    link = tmp_path / "keys.json"
    link.symlink_to("a")
    source = FileKeys(link, TOLD, clock=clock)

    link.unlink()
    link.symlink_to("b")
    clock.now += 2.0

    assert source.key("new", "ES256") is not None


def test_a_file_that_does_not_change_is_not_read_again(path, clock, monkeypatch):
    source = FileKeys(path, TOLD, clock=clock)
    reads = []
    monkeypatch.setattr(key_sources, "_read", reads.append)

    clock.now += 2.0
    source.key("old", "ES256")

    assert reads == []


@pytest.mark.parametrize("raw", [b"", b"{", b'{"keys": []}', NEW[:-10], NEW + b" " * 65_536])
def test_a_bad_new_file_leaves_the_last_good_set(path, clock, raw):
    lines = Lines()
    source = FileKeys(path, Told(lines, ISSUER), clock=clock)
    replace(path, raw)

    clock.now += 2.0
    assert source.key("old", "ES256") is not None
    assert [(message, about["path"]) for message, about in lines] == [("jwks_file_refused", str(path))]
    replace(path, NEW)
    clock.now += 2.0
    assert source.key("new", "ES256") is not None


def test_a_file_that_goes_away_leaves_the_last_good_set(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    path.unlink()

    clock.now += 2.0
    assert source.key("old", "ES256") is not None
    replace(path, NEW)
    clock.now += 2.0
    assert source.key("new", "ES256") is not None


@pytest.mark.parametrize("raw", [b"{", jwks_bytes(jwk(ec_key(), d="AA")), OLD + b" " * 65_536])
def test_a_bad_first_file_is_refused_with_its_path(path, clock, raw):
    path.write_bytes(raw)

    with pytest.raises(SettingsInvalid, match=r"keys\.json is refused"):
        FileKeys(path, TOLD, clock=clock)


def test_a_missing_first_file_is_refused(tmp_path, clock):
    with pytest.raises(SettingsInvalid, match="No such file"):
        FileKeys(tmp_path / "keys.json", TOLD, clock=clock)


def test_a_pipe_is_refused_and_does_not_block(tmp_path, clock):
    os.mkfifo(tmp_path / "keys.json")

    with pytest.raises(SettingsInvalid, match="not a regular file"):
        FileKeys(tmp_path / "keys.json", TOLD, clock=clock)


def test_rotation_through_a_file(path, clock):
    one = profile(jwks=None, jwks_file=str(path))
    verify = TokenVerifier([one], {ISSUER: FileKeys(path, TOLD, clock=clock)}, SetClock())
    old, new = sign(key=ec_key(1), kid="old"), sign(key=ec_key(2), kid="new")
    assert verify.verify(old).subject == "user_1"

    replace(path, NEW)
    clock.now += 2.0

    assert verify.verify(new).subject == "user_1"
    with pytest.raises(Unauthenticated):
        verify.verify(old)


# --- what is said of keys that cannot be used


def test_the_keys_of_a_file_that_cannot_be_used_are_told_once(path, clock):
    path.write_bytes(MIXED)
    lines = Lines()

    source = FileKeys(path, Told(lines, ISSUER), clock=clock)
    assert source.key("old", "ES256") is not None
    assert lines == [SAID]
    for raw in (MIXED + b" ", BOTH, MIXED):
        replace(path, raw)
        clock.now += 2.0
        assert source.key("old", "ES256") is not None

    assert lines == [SAID, ("jwks_keys_left_out", {"issuer": ISSUER, "unusable": {}}), SAID]


def test_a_key_set_that_anybody_may_write_is_refused(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_bytes(OLD)
    path.chmod(0o646)

    with pytest.raises(
        SettingsInvalid, match=rf"^jwks_file {path} is refused: every user can write it, and so could sign"
    ):
        sources_of([profile(jwks=None, jwks_file=str(path))], NO_FOLDER, Lines())
