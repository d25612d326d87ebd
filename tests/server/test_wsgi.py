"""What a worker that cannot start says to its master by its exit status."""

import pytest

from sealring import settings
from sealring.domain.pin import Pin
from sealring.errors import KeyDeadlineExceeded, KeyUnavailable, SettingsInvalid
from sealring.observability.logs import Log
from sealring.operator import installation
from sealring.server import application, inheritance, variables, wsgi
from sealring.server.inheritance import Inheritance
from sealring.server.trust_files import TrustFiles
from support.ports import free_port

ENDS_THE_SERVER_IF_NO_WORKER_SERVES = 3  # gunicorn's Arbiter.WORKER_BOOT_ERROR
TRIED_AGAIN = 1


@pytest.fixture(autouse=True)
def left(monkeypatch, tmp_path):
    """What the master left to the worker: the settings of a store that is away."""
    monkeypatch.setenv(variables.THREADS_VARIABLE, "3")
    monkeypatch.setenv(variables.WORKERS_VARIABLE, "2")
    list(installation.create_files(tmp_path, f"redis://127.0.0.1:{free_port()}", "local"))
    TrustFiles(tmp_path / "store-pin").keep_pin(Pin(bytes(16), bytes(32)))
    read = Inheritance.of(settings.load(tmp_path / installation.SETTINGS_FILE), Log())
    monkeypatch.setattr(inheritance, "_left", [read])
    return read


def status_of_a_worker():
    with pytest.raises(SystemExit) as ended:
        wsgi.create_app()
    return ended.value.code


def test_a_store_that_is_away_does_not_end_the_server():
    assert status_of_a_worker() == TRIED_AGAIN


@pytest.mark.parametrize("failure", [KeyUnavailable("away"), KeyDeadlineExceeded("late")])
def test_a_key_provider_that_is_away_does_not_end_the_server(monkeypatch, failure):
    monkeypatch.setattr(application, "make_app", raising(failure))

    assert status_of_a_worker() == TRIED_AGAIN


def test_what_does_not_pass_may_end_the_server(monkeypatch):
    monkeypatch.setattr(application, "make_app", raising(SettingsInvalid("best effort")))

    assert status_of_a_worker() == ENDS_THE_SERVER_IF_NO_WORKER_SERVES


def raising(failure):
    def make_app(*_):
        raise failure

    return make_app


def test_the_app_learns_what_the_master_left_and_how_many_threads_and_workers_there_are(monkeypatch, left):
    learnt = []
    monkeypatch.setattr(application, "make_app", lambda inherited, _log, *numbers: learnt.extend((inherited, *numbers)))

    wsgi.create_app()

    assert learnt == [left, 3, 2]
