"""Every alert fires if its cause goes on, and not before: each cause is made, and promtool evaluates what was told."""

import asyncio
import io
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from auth.kit import ec_key, jwk, jwks_bytes
from docs.markdown import ROOT
from observability.alert_kit import tombs_of, wrap_with
from sealring.auth.key_set_log import Told
from sealring.auth.shared_sets import SharedSet
from sealring.auth.url_keys import UrlKeys
from sealring.crypto.certificate import expiry_of
from sealring.errors import KeyDisabled, KeyUnavailable, OutcomeUnknown, WriteContention
from sealring.fibers import Fibers
from sealring.observability import metrics
from sealring.observability.exposition import exposition
from sealring.observability.logs import Log
from sealring.observability.series import MEMORY, is_level
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import sampling
from sealring.server.certificate import Certificate
from sealring.server.counting import Counting
from sealring.server.housekeeping import Housekeeper
from sealring.server.loop_watch import HELD_S, Watchdog
from sealring.services.health_checks import FailedKeys, HealthChecks
from sealring.services.purging import Purging
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import Keyspace
from sealring.store.transaction import Commit, transact
from sealring_local.wrap import LocalProvider
from sealring_plugin import KeyDisabled as ProviderKeyDisabled
from sealring_plugin import Unavailable
from support import promtool
from support.clock import Clock
from support.live import serving
from support.make import ACME, caller, context, on_provider, services
from support.roots import roots_of
from support.scraping import Metrics, samples
from support.stores import KEYS, memory, on_links
from support.tls import PrivateCa
from support.waiting import becomes_true

RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
ALERTS = [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
ME = caller(ACME)
KEY = b"s1:{0}:o:one"


def here():
    """What this process would tell."""
    return samples(exposition([MEMORY.numbers()], "")[0].decode())


@pytest.fixture
def quiet():
    """A process whose levels are those of no earlier test, and that tells its version."""
    for place, name in enumerate(MEMORY.numbers()):
        if is_level(name):
            MEMORY.values[place] = float("nan")
    metrics.VERSIONS.add("0.1.0")
    metrics.BUILD.of(version="0.1.0").set(1)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A server of two workers that tells metrics."""
    folder, port = tmp_path_factory.mktemp("alerts"), Metrics()
    with EmbeddedValkey(folder) as store, serving(folder, store.url, more=port.settings, worker="loop") as live:
        assert becomes_true(lambda: port.answers() and port.value("sealring_ready") == 3)
        assert becomes_true(lambda: port.value("sealring_workers") == 2)
        live.metrics = port
        yield live


@pytest.fixture
def fires(tmp_path):
    def fires(alert, before, after):
        return promtool.fires(tmp_path, RULES, alert, before, after, time.time())

    return fires


def test_promtool_knows_all_rules():
    assert f"SUCCESS: {len(ALERTS)} rules found" in promtool.check(RULES)


def test_every_alert_is_made_to_fire_here():
    assert set(re.findall(r'"(Sealring\w+)"', Path(__file__).read_text())) == set(ALERTS)


def test_a_server_that_is_not_there(told, fires):
    assert fires("SealringDown", told.metrics.samples(), {})


@pytest.fixture(scope="module")
def full(told):
    """What is told before the store is full, and while it is."""
    token, context = told.token("org_acme"), {"organization_id": "org_acme"}
    body = {"key_context": context, "name": "before", "value": "v"}
    path = f"/vault/v1/kv/{told.ask('POST', '/vault/v1/kv', token=token, body=body).json['id']}"
    assert told.ask("GET", path, token=token).status == 200
    before = told.metrics.samples()
    with told.store as store:
        store.config_set("maxmemory", 1)
        try:
            refused = told.ask("GET", path, token=token).status
            assert becomes_true(lambda: told.metrics.value("sealring_ready", check="store") == 0)
            assert becomes_true(lambda: ("sealring_store_memory_headroom_ratio", frozenset()) in told.metrics.samples())
            during = told.metrics.samples()
        finally:
            store.config_set("maxmemory", 0)
    assert refused == 507
    assert becomes_true(lambda: told.metrics.value("sealring_ready", check="store") == 1)
    return before, during


@pytest.mark.parametrize("alert", ["SealringNotReady", "SealringAuditBlocked", "SealringStoreMemoryLow"])
def test_a_store_that_is_full(full, fires, alert):
    assert fires(alert, *full)


def test_events_that_can_be_stored_again_are_told_without_a_read(full, told):
    assert becomes_true(lambda: told.metrics.value("sealring_audit_blocked") == 0)


def test_workers_that_end_by_themselves(told, fires):
    before = told.metrics.samples()
    for process in told.workers:
        if b"metrics_process" not in Path(f"/proc/{process}/cmdline").read_bytes():
            os.kill(process, signal.SIGKILL)
    assert becomes_true(lambda: told.metrics.value("sealring_worker_ends_total", cause="crashed") == 2)
    assert becomes_true(lambda: told.metrics.value("sealring_workers") == 2)

    assert fires("SealringWorkersCrash", before, told.metrics.samples())


def test_many_tokens_that_are_refused(told, fires):
    before = told.metrics.samples()
    for _ in range(80):
        assert told.ask("GET", "/vault/v1/kv", token="nonsense").status == 401
    for _ in range(20):
        assert told.ask("GET", "/vault/v1/kv", token=told.token("org_acme")).status == 200

    assert fires("SealringAuthFailures", before, told.metrics.samples())


@pytest.mark.parametrize("alert", ["SealringWaitShort", "SealringOutcomeUnknown"])
def test_a_write_that_no_replica_confirms(quiet, valkey, fires, alert):
    links, before = Links.to(valkey, replicas=1), here()

    def attempt(link, _lost):
        link.send((b"WATCH", KEY))
        return Commit([(b"SET", KEY, b"v")], None)

    with pytest.raises(OutcomeUnknown):
        transact(links, KEY, attempt)
    links.close()

    assert fires(alert, before, here())


def test_writers_that_hinder_each_other(quiet, links, fires):
    before, tries = here(), []

    def attempt(link, _lost):
        link.send((b"WATCH", KEY))
        tries.append(link)
        if len(tries) % 3:
            links.call((b"SET", KEY, b"a rival's"))
        return Commit([(b"SET", KEY, b"v")], None)

    for _ in range(5):
        with suppress(WriteContention):
            transact(links, KEY, attempt)

    assert fires("SealringConflicts", before, here())


def test_a_kms_that_does_not_answer(quiet, fires):
    before = here()

    wrap_with(Unavailable(), KeyUnavailable)

    assert fires("SealringKmsErrors", before, here())


def test_a_key_that_its_owner_has_disabled_alerts_nobody(quiet, fires):
    before = here()

    wrap_with(ProviderKeyDisabled(), KeyDisabled)

    assert not fires("SealringKmsErrors", before, here())


def test_a_managed_key_that_has_wrapped_often(quiet, fires):
    before, store = here(), memory()
    use = services(store, provider_gateway=on_provider(LocalProvider(roots_of(bytes(32))), max_wraps=100))
    for number in range(30):
        use.objects.create(ME, name=f"name-{number}", value="v", context=context())
    again = services(store, provider_gateway=on_provider(LocalProvider(roots_of(bytes(32))), max_wraps=100))
    again.objects.create(ME, name="in another process", value="v", context=context())

    assert fires("SealringKekWrapsNearLimit", before, here())


def test_an_issuer_whose_keys_are_old(quiet, tmp_path, fires):
    clock, told = Clock(), Told(Log(io.StringIO()), "https://auth.example.com")
    url = "https://auth.example.com/jwks"
    answers = [jwks_bytes(jwk(ec_key(), kid="kid"))]

    def fetch(_url):
        if not answers:
            raise TimeoutError
        return answers.pop()

    source = UrlKeys(url, told, SharedSet(tmp_path / "run", "issuer", url, told), fetch=fetch, clock=clock)
    assert source.key("kid", "ES256") is not None
    sample = sampling.age_of([source])
    sample()
    before = here()
    clock.now += 7200
    source.refresh()
    sample()

    assert fires("SealringJwksStale", before, here())


def test_a_certificate_that_expires(quiet, tmp_path, fires):
    before, (certificate, _) = here(), PrivateCa(tmp_path).issue("server")

    Counting(Log(io.StringIO())).note_loaded(Certificate((), expiry_of(certificate.read_bytes())))

    assert fires("SealringCertificateExpires", before, here())


def test_a_reload_that_is_refused(quiet, fires):
    counting = Counting(Log(io.StringIO()))
    counting.note_loaded(Certificate(()))
    before = here()

    counting.note_refused()

    assert fires("SealringReloadRefused", before, here())


def test_deleted_objects_that_stay(quiet, links, fires):
    store, tombs = on_links(links), tombs_of(links)
    checks = HealthChecks(store.bindings, services(store).bindings, FailedKeys())
    housekeeper = Housekeeper(Purging(tombs, audit_retention_s=60), checks, tombs.lease, Log(io.StringIO()))
    housekeeper.purge()
    before = here()
    links.call((b"SET", Keyspace(4, KEYS).tombstones(0), b"not a list"))
    housekeeper.purge()

    assert fires("SealringPurgeOverdue", before, here())


def test_purging_that_does_not_end(quiet, fires):
    metrics.PURGED_AT.of().set(time.time())
    before = here()
    metrics.PURGED_AT.of().set(time.time() - 3600)  # an hour passes

    assert fires("SealringPurgeOverdue", before, here())


def test_code_that_holds_up_an_event_loop(quiet, fires):
    before = here()

    async def run():
        fibers = Fibers(asyncio.get_running_loop())
        Watchdog(fibers, Log(io.StringIO())).start()
        for _ in range(5):
            fibers.start(lambda: time.sleep(5 * HELD_S))
        fibers.close()

    asyncio.run(run())

    assert fires("SealringLoopHeld", before, here())
