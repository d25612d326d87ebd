"""The whole server with its keys in a token of SoftHSM."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.live import is_ready, live_server
from support.mixed_load import drive
from support.waiting import becomes_true

MODULE = "libsofthsm2"


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    with live_server(tmp_path_factory.mktemp("hsm"), workers=2, threads=8, keys="hsm") as server:
        yield server


def maps(pid):
    return Path(f"/proc/{pid}/maps").read_text()


def test_mixed_requests_of_sixteen_clients_are_all_answered_right(hsm):
    before = hsm.workers

    outcome = drive(hsm, clients=16, requests=800)

    assert outcome.wrong == []
    assert outcome.requests >= 800
    assert hsm.workers == before  # none crashed and was started anew


@pytest.mark.torture
def test_twenty_thousand_requests_are_all_answered_right(hsm):
    before = hsm.workers

    outcome = drive(hsm, clients=16, requests=20_000)

    assert outcome.wrong == []
    assert outcome.requests >= 20_000
    assert hsm.workers == before


def test_the_module_is_loaded_in_the_workers_and_never_in_the_master(hsm):
    drive(hsm, clients=16, requests=200)

    assert MODULE not in maps(hsm.process.pid)
    assert [MODULE in maps(worker) for worker in hsm.workers] == [True, True]


def test_no_key_is_in_the_store_in_clear(hsm):
    drive(hsm, clients=1, requests=8)

    keks = [hsm.store.get(key) for key in hsm.store.scan_iter(b"s1:*:k:*")]

    assert keks
    assert all(b"hsm" in kek for kek in keks)


CHANGE_PIN = """
import sys, pkcs11
module, old, new = sys.argv[1:]
pkcs11.lib(module).get_token(token_label="sealring").open(rw=True, user_pin=old).set_pin(old, new)
"""


def test_a_changed_pin_is_taken_at_a_reload(hsm):
    before, pin = hsm.workers, hsm.folder / "hsm" / "pin"
    module = hsm.settings.plugins["hsm"]["module"]
    old, new = pin.read_text().strip(), secrets.token_hex(16)
    command = [sys.executable, "-c", CHANGE_PIN, module, old, new]
    subprocess.run(command, env={**os.environ, "SOFTHSM2_CONF": str(pin.with_name("softhsm2.conf"))}, check=True)

    pin.write_text(new)
    hsm.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: is_ready(hsm) and len(hsm.workers) == 2 and set(before).isdisjoint(hsm.workers))
    assert drive(hsm, clients=4, requests=80).wrong == []
