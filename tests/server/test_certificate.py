"""TLS of the server itself: a renewed certificate is taken without losing a request, and one that is no good is not."""

import os
import shutil
import signal
import socket
import ssl
from contextlib import suppress

import pytest

from sealring.operator.embedded import EmbeddedValkey
from sealring.server.certificate import Certificate
from support.commands import run_installed
from support.live import Tls, is_ready, serving
from support.scraping import Metrics
from support.steady import steady
from support.tls import PrivateCa
from support.waiting import becomes_true

REFUSED = "the settings were not reloaded, and the former ones stay in force: "
TAKEN = "the settings were reloaded"


class Issuer:
    """An authority, and the files that a server reads, into which it issues certificates."""

    def __init__(self, folder):
        self._ca = PrivateCa(folder)
        self.tls = Tls(folder / "tls.crt", folder / "tls.key", self._ca.file)
        self.certificates = 0

    def issue(self):
        """As certificate managers do: each file replaces the former one in one step, one after the other."""
        self.certificates += 1
        certificate, key = self._ca.issue(f"number {self.certificates}")
        shutil.move(certificate, self.tls.certificate)
        shutil.move(key, self.tls.key)
        return f"number {self.certificates}"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def shared(issuer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    issuer.issue()
    with EmbeddedValkey(folder) as store, serving(folder, store.url, tls=issuer.tls) as live:
        yield live


@pytest.fixture
def live(shared):
    assert becomes_true(lambda: len(shared.workers) == 2 and is_ready(shared))
    shared.before = shared.log.stat().st_size
    return shared


def shown(live):
    """The name in the certificate that a new connection gets."""
    host, port = live.url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=live.ca)
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as tls,
    ):
        ((_, name),) = next(pairs for pairs in tls.getpeercert()["subject"] if pairs[0][0] == "commonName")
        return name


def all_show(live, name, tries=20):
    return {shown(live) for _ in range(tries)} == {name}


def said(live, text):
    return live.log.read_bytes()[live.before :].count(text.encode())


def test_a_renewed_certificate_is_served_without_losing_a_request(live, issuer):
    with steady(live, clients=4) as load:
        assert becomes_true(lambda: load.answered > 50)
        renewed = [issuer.issue()]
        assert becomes_true(lambda: all_show(live, renewed[-1]))
        renewed.append(issuer.issue())
        assert becomes_true(lambda: all_show(live, renewed[-1]))
        answered = load.answered
        assert becomes_true(lambda: load.answered > answered + 50)

    assert load.failed == []
    assert said(live, TAKEN) == 2


def test_a_certificate_without_its_key_is_not_taken_until_the_key_comes(live, issuer):
    before, former = shown(live), sorted(live.workers)
    key = issuer.tls.key.read_bytes()
    renewed = issuer.issue()
    new_key = issuer.tls.key.read_bytes()
    issuer.tls.key.write_bytes(key)

    assert becomes_true(lambda: said(live, REFUSED) == 1)
    assert said(live, "KEY_VALUES_MISMATCH") == 1
    assert (all_show(live, before), sorted(live.workers)) == (True, former)

    issuer.tls.key.write_bytes(new_key)
    assert becomes_true(lambda: all_show(live, renewed))
    assert said(live, REFUSED) == 1


def test_workers_that_start_while_the_files_are_no_good_serve_with_the_former_certificate(live, issuer):
    before, former = shown(live), set(live.workers)
    issuer.tls.certificate.write_text("nonsense")
    issuer.tls.key.write_text("nonsense")
    assert becomes_true(lambda: said(live, REFUSED) == 1)

    for worker in former:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)

    assert becomes_true(lambda: len(live.workers) == 2 and former.isdisjoint(live.workers) and is_ready(live))
    assert all_show(live, before)
    renewed = issuer.issue()
    assert becomes_true(lambda: all_show(live, renewed))


def test_a_reload_takes_a_renewed_certificate_at_once_and_only_once(live, issuer):
    former = set(live.workers)
    renewed = issuer.issue()
    live.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: all_show(live, renewed) and former.isdisjoint(live.workers))
    successors = sorted(live.workers)
    assert not becomes_true(lambda: sorted(live.workers) != successors, within_s=3)


def test_a_key_that_others_can_read_is_not_taken(live, issuer):
    before = shown(live)
    issuer.issue()
    issuer.tls.key.chmod(0o644)

    assert becomes_true(lambda: said(live, f"keyfile {issuer.tls.key} is open to others; run: chmod 600") >= 1)
    assert all_show(live, before)

    issuer.tls.key.chmod(0o600)
    live.process.send_signal(signal.SIGHUP)
    assert becomes_true(lambda: said(live, TAKEN) == 1)


RETRIES_SOON = """
from sealring.server import certificate
from sealring.server.serving import *
certificate.RETRY_S = 2.0
"""


def test_a_good_pair_is_taken_when_what_else_prevented_its_reload_is_gone(tmp_path):
    issuer, port, config = Issuer(tmp_path), Metrics(), tmp_path / "gunicorn.conf.py"
    first = issuer.issue()
    config.write_text(RETRIES_SOON)
    with (
        EmbeddedValkey(tmp_path) as store,
        serving(tmp_path, store.url, 1, gunicorn_config=config, more=port.settings, tls=issuer.tls) as live,
    ):
        settings = live.folder / "sealring.toml"
        good, live.before = settings.read_text(), 0
        assert becomes_true(lambda: port.answers() and port.value("sealring_reload_refused") == 0)
        expires = port.value("sealring_certificate_expiry_timestamp_seconds")
        settings.write_text(f"{good}\nnonsense")
        renewed = issuer.issue()

        assert becomes_true(lambda: port.value("sealring_reload_refused") == 1)
        assert shown(live) == first
        assert port.value("sealring_certificate_expiry_timestamp_seconds") == expires
        settings.write_text(good)

        assert becomes_true(lambda: all_show(live, renewed))
        assert becomes_true(lambda: port.value("sealring_reload_refused") == 0)
        assert port.value("sealring_certificate_expiry_timestamp_seconds") > expires


# --- what changed


@pytest.fixture
def files(tmp_path):
    paths = (tmp_path / "tls.crt", tmp_path / "tls.key")
    for path in paths:
        path.write_text("one")
    return paths


def changed(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_files_that_stay_as_they_are_are_no_renewal(files):
    certificate = Certificate(files)

    assert [certificate.is_renewed() for _ in range(3)] == [False, False, False]


def test_a_change_is_told_once_and_after_a_second_look(files):
    certificate = Certificate(files)
    changed(files[0], "two")

    assert [certificate.is_renewed() for _ in range(4)] == [False, True, False, False]


def test_changes_one_after_the_other_are_one_renewal(files):
    certificate = Certificate(files)
    changed(files[0], "two")
    first = certificate.is_renewed()
    changed(files[1], "two")

    assert [first, *(certificate.is_renewed() for _ in range(3))] == [False, False, True, False]


def looks(certificate, count=4):
    return [certificate.is_renewed() for _ in range(count)]


@pytest.fixture
def at_once(monkeypatch):
    """Nothing waits before it is tried again."""
    monkeypatch.setattr("sealring.server.certificate.RETRY_S", 0.0)


def test_a_pair_whose_reload_failed_for_another_reason_is_tried_again(tmp_path, at_once):
    issuer = Issuer(tmp_path)
    issuer.issue()
    certificate = Certificate((issuer.tls.certificate, issuer.tls.key))
    issuer.issue()

    assert looks(certificate) == [False, True, True, True]


def test_a_pair_whose_reload_failed_for_another_reason_is_not_tried_all_the_time(tmp_path):
    issuer = Issuer(tmp_path)
    issuer.issue()
    certificate = Certificate((issuer.tls.certificate, issuer.tls.key))
    issuer.issue()

    assert looks(certificate) == [False, True, False, False]


def test_a_pair_that_is_no_good_is_not_tried_again(files, at_once):
    certificate = Certificate(files)
    changed(files[0], "two")

    assert looks(certificate) == [False, True, False, False]


def test_a_server_without_tls_has_nothing_that_is_renewed():
    certificate = Certificate(())
    certificate.require_usable()

    assert not certificate.is_renewed()


def test_a_certificate_without_a_key_is_refused_by_the_command(tmp_path):
    (tmp_path / "tls.crt").write_text("")

    refused = run_installed("serve", "--certfile", tmp_path / "tls.crt")

    assert refused.returncode == 2
    assert "--certfile and --keyfile belong together" in refused.stderr
