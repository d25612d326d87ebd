"""What a worker that cannot start says to gunicorn's master by its exit status."""

import pytest

from sealring import installation, serving, wiring, wsgi
from sealring.domain.pin import Pin
from sealring.errors import KeyDeadlineExceeded, KeyUnavailable
from sealring.trust_files import TrustFiles
from support.ports import free_port

STOPS_THE_SERVER = {3, 4}  # gunicorn's Arbiter.WORKER_BOOT_ERROR and APP_LOAD_ERROR


def status_of_a_worker(monkeypatch, settings):
    monkeypatch.setenv(serving.SETTINGS_VARIABLE, str(settings))
    with pytest.raises(SystemExit) as left:
        wsgi.create_app()
    return left.value.code


def test_a_store_that_is_away_does_not_stop_the_server(monkeypatch, tmp_path):
    """A worker that is started anew while the store restarts must not take the others with it."""
    list(installation.create_files(tmp_path, f"redis://127.0.0.1:{free_port()}", "local"))
    TrustFiles(tmp_path / "store-pin").keep_pin(Pin(bytes(16), bytes(32)))

    assert status_of_a_worker(monkeypatch, tmp_path / installation.SETTINGS_FILE) not in {0, *STOPS_THE_SERVER}


def test_settings_that_cannot_be_used_stop_the_server(monkeypatch, tmp_path):
    assert status_of_a_worker(monkeypatch, tmp_path / "nothing.toml") in STOPS_THE_SERVER


@pytest.mark.parametrize("failure", [KeyUnavailable("away"), KeyDeadlineExceeded("late")])
def test_a_key_provider_that_is_away_does_not_stop_the_server(monkeypatch, tmp_path, failure):
    def unavailable(*_):
        raise failure

    list(installation.create_files(tmp_path, "redis://127.0.0.1:1", "local"))
    monkeypatch.setattr(wiring, "make_app", unavailable)

    assert status_of_a_worker(monkeypatch, tmp_path / installation.SETTINGS_FILE) not in {0, *STOPS_THE_SERVER}


@pytest.mark.parametrize(("told", "expected"), [("3", 3), (None, 16)])
def test_the_app_learns_how_many_threads_its_worker_has(monkeypatch, tmp_path, told, expected):
    learnt = []
    list(installation.create_files(tmp_path, "redis://127.0.0.1:1", "local"))
    monkeypatch.setenv(serving.SETTINGS_VARIABLE, str(tmp_path / installation.SETTINGS_FILE))
    monkeypatch.delenv(serving.THREADS_VARIABLE, raising=False)
    if told is not None:
        monkeypatch.setenv(serving.THREADS_VARIABLE, told)
    monkeypatch.setattr(wiring, "make_app", lambda _settings, _log, threads: learnt.append(threads))

    wsgi.create_app()

    assert learnt == [expected]
