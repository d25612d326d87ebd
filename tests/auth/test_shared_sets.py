"""A key set that one worker fetched is read by the others, and nothing that another user may have written."""

import json
import os
import stat

import pytest

from auth.kit import ISSUER, SetClock
from auth.shared_set_kit import NEW, RAW, URL, Lines
from sealring.auth.key_set_log import Told
from sealring.auth.shared_sets import SharedSet


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def now():
    return SetClock(1_000.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def shared(folder, lines, now):
    return SharedSet(folder, ISSUER, URL, Told(lines, ISSUER), now)


def file_in(folder):
    (path,) = folder.iterdir()
    return path


def test_what_one_worker_fetched_another_reads(shared, lines):
    shared.write(RAW, 990.0)

    found = shared.read()

    assert found.keys.key("old", "ES256").kid == "old"
    assert found.fetched_at == 990.0
    assert lines == []


def test_nothing_is_read_where_nothing_was_fetched(shared, folder, lines):
    assert shared.read() is None
    folder.mkdir(0o700)
    assert shared.read() is None
    assert lines == []


def test_the_file_and_its_folder_are_open_to_nobody_else(shared, folder):
    former = os.umask(0)
    try:
        shared.write(RAW, 990.0)
    finally:
        os.umask(former)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file_in(folder).stat().st_mode) == 0o600


def test_a_set_counts_for_an_hour(shared, now):
    shared.write(RAW, 1_000.0)

    now.now = 4_599.9
    assert shared.read() is not None
    now.now = 4_600.0
    assert shared.read() is None


def test_a_set_of_the_future_does_not_count(shared, now):
    shared.write(RAW, 1_000.0)

    now.now = 999.9

    assert shared.read() is None


def test_the_last_set_is_the_one_that_is_read(shared, folder):
    shared.write(RAW, 990.0)
    shared.write(NEW, 995.0)

    assert [key.kid for key in shared.read().keys.keys] == ["new"]
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("of", [("https://b.example.com", URL), (ISSUER, "https://auth.example.com/other")])
def test_a_set_of_another_issuer_or_url_does_not_count(folder, now, of):
    lines = Lines()
    SharedSet(folder, *of, Told(lines, ISSUER), now).write(RAW, 990.0)
    mine = SharedSet(folder, ISSUER, URL, Told(lines, ISSUER), now)
    file_in(folder).rename(mine._path)

    assert mine.read() is None
    assert lines == [("jwks_not_shared", "of another issuer or URL")]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o750, 0o701])
def test_a_folder_that_is_open_to_others_counts_for_nothing(shared, folder, lines, mode):
    shared.write(RAW, 990.0)
    folder.chmod(mode)

    assert shared.read() is None
    shared.write(NEW, 995.0)
    folder.chmod(0o700)

    assert [key.kid for key in shared.read().keys.keys] == ["old"]
    assert lines == [("jwks_not_shared", "other users own it or its folder, or have access")]


@pytest.mark.parametrize("mode", [0o666, 0o660, 0o644, 0o602])
def test_a_file_that_is_open_to_others_does_not_count(shared, folder, lines, mode):
    shared.write(RAW, 990.0)
    file_in(folder).chmod(mode)

    assert shared.read() is None
    assert lines == [("jwks_not_shared", "other users own it or its folder, or have access")]


def test_what_belongs_to_somebody_else_does_not_count(shared, lines, monkeypatch):
    shared.write(RAW, 990.0)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    assert shared.read() is None
    assert lines == [("jwks_not_shared", "other users own it or its folder, or have access")]


def test_a_link_in_the_place_of_the_folder_is_not_followed(shared, folder, lines):
    shared.write(RAW, 990.0)
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")

    assert shared.read() is None
    assert [message for message, _ in lines] == ["jwks_not_shared"]


def test_a_link_in_the_place_of_the_file_is_not_followed(shared, folder, lines):
    shared.write(RAW, 990.0)
    path = file_in(folder)
    path.rename(folder / "elsewhere")
    path.symlink_to("elsewhere")

    assert shared.read() is None
    assert [message for message, _ in lines] == ["jwks_not_shared"]


def test_a_pipe_in_the_place_of_the_file_does_not_block(shared, folder, lines):
    shared.write(RAW, 990.0)
    path = file_in(folder)
    path.unlink()
    os.mkfifo(path, 0o600)

    assert shared.read() is None
    assert [message for message, _ in lines] == ["jwks_not_shared"]


@pytest.mark.parametrize(
    "member",
    [
        {"fetched_at": "990"},
        {"fetched_at": True},
        {"jwks": {"keys": []}},
        {"jwks": "<html>"},
        {"jwks": '{"keys": []}'},
        {"more": "x" * 300_000},
    ],
)
def test_a_damaged_member_makes_it_no_set(shared, folder, lines, member):
    shared.write(RAW, 990.0)
    path = file_in(folder)
    path.write_bytes(json.dumps(json.loads(path.read_bytes()) | member).encode())

    assert shared.read() is None
    assert [message for message, _ in lines] == ["jwks_not_shared"]


@pytest.mark.parametrize("left", [0, 1, 100])
def test_a_file_that_was_cut_short_is_no_set(shared, folder, lines, left):
    shared.write(RAW, 990.0)
    path = file_in(folder)
    path.write_bytes(path.read_bytes()[:left])

    assert shared.read() is None
    assert lines == [("jwks_not_shared", "damaged")]


def test_the_largest_set_can_be_shared(shared):
    largest = RAW + b"\n" * (65_536 - len(RAW))

    shared.write(largest, 990.0)

    assert shared.read().keys.key("old", "ES256").kid == "old"


def test_a_folder_that_cannot_be_made_is_told_once_and_no_failure(tmp_path, lines, now):
    shared = SharedSet(tmp_path / "missing" / "run", ISSUER, URL, Told(lines, ISSUER), now)

    shared.write(RAW, 990.0)
    shared.write(RAW, 995.0)

    assert shared.read() is None
    assert lines == [("jwks_not_shared", "No such file or directory")]


def test_a_write_that_fails_leaves_no_draft(shared, folder, monkeypatch, lines):
    shared.write(RAW, 990.0)
    file_in(folder).unlink()
    (folder / shared._path.name).mkdir()

    shared.write(NEW, 995.0)

    assert [path.name for path in folder.iterdir()] == [shared._path.name]
    assert [message for message, _ in lines] == ["jwks_not_shared"]
