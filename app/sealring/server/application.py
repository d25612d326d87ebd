"""Construction of a worker's application from the settings, the store and the providers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock

from sealring import fibers
from sealring.admission.guard import Guard
from sealring.admission.limits import Limiter
from sealring.admission.turns import Turns
from sealring.archive.opened import OpenedBucket
from sealring.auth.revoked import RevokedTokens
from sealring.auth.scoping import Authenticator
from sealring.auth.service_token import WARNING, Authenticates, ServiceToken, WithServiceToken
from sealring.auth.token_reviews import token_reviews
from sealring.auth.tokens import TokenVerifier
from sealring.connect.front import ConnectFront
from sealring.connect.vault import vault_front
from sealring.http.app import Services, Surroundings, make_server
from sealring.http.dispatch import Server
from sealring.http.health.views import Readiness
from sealring.keys.decisions import Decisions
from sealring.observability import metrics, traces
from sealring.observability.logs import Log
from sealring.observability.requests import Telling
from sealring.observability.trail import Layer, waited
from sealring.providers.gateway import THREADS, Gateway
from sealring.server import sampling, wiring
from sealring.server.housekeeping import Housekeeper
from sealring.server.inheritance import Inheritance
from sealring.server.keyring_wiring import keyring_store, make_keyrings, open_bucket
from sealring.server.portal_wiring import make_pages
from sealring.server.renewal import Renewal
from sealring.server.sampling import Sampler
from sealring.server.wiring import Stores
from sealring.services.cursors import Cursors
from sealring.services.data_keys import DataKeys
from sealring.services.explanations import Explanations
from sealring.services.health_checks import FailedKeys, HealthChecks
from sealring.services.items import Items
from sealring.services.limits import RENEW_S, LimitsInForce, Usages
from sealring.services.listing import Lists
from sealring.services.object_batches import ObjectBatches
from sealring.services.objects import Objects
from sealring.services.operations import Operations
from sealring.services.portal import Portal
from sealring.services.sealing import Sealing
from sealring.services.versions import Versions
from sealring.settings import Settings, WorkerKind
from sealring.store.connection.durability import Durability, require_durability
from sealring.store.layout import check_writable
from sealring.store.opened import OpenedStore

_CACHED, _VERIFIED = (metrics.CACHE.of(cache="tokens", outcome=outcome) for outcome in ("hit", "miss"))


def make_app(inherited: Inheritance, log: Log, threads: int = THREADS, workers: int = 1) -> Server:
    """Build the application of one of `workers` workers, with `threads` threads.

    Raises SettingsInvalid, StoreError, KeyFailure.
    """
    settings = inherited.settings
    gateway = wiring.gateway_to(inherited.plugins, threads)
    links = wiring.make_links(settings)
    layout = wiring.require_layout(links)
    durability = require_durability(links, settings.durability)
    log.notice(f"durability: {durability.value}")
    metrics.DURABILITY.of(durability=durability.value).set(1)
    store = wiring.open_store(gateway, links, layout, inherited.pin)
    _announce(gateway, settings, log)
    stores, failed_keys = Stores.on(store), FailedKeys()
    for line in wiring.lacking_revocations(settings, stores):
        log.notice(line)
    limits, bucket = wiring.make_limits(settings, stores), open_bucket(settings, log)
    services = _services(inherited, gateway, stores, bucket, failed_keys, log, limits)
    health_checks = HealthChecks(stores.bindings, services.bindings, failed_keys)
    purging = wiring.make_purging(stores, settings)
    Housekeeper(purging, health_checks, stores.tombs.lease, log).start(gateway.beside_requests)
    Renewal(limits.renew, RENEW_S, log).start()
    limiter = _limiter(settings, limits, threads, workers)
    authenticator = make_authenticator(inherited, stores, log, threads)
    around = _around(inherited, gateway, store, stores, bucket, durability, limiter, authenticator, log)
    if settings.observability.metrics_bind is not None:
        _sampler(inherited, gateway, store, stores, around.readiness, log).start()
    server = make_server(services, around)
    server.mount(_vault(services, around, settings.service_token))
    if services.portal is not None and inherited.theme is not None:
        customers = inherited.plugins.customers
        pages = make_pages(services.portal, inherited.theme, customers, services, gateway, stores, limiter, log)
        server.show(pages)
    return server


def _announce(gateway: Gateway, settings: Settings, log: Log) -> None:
    """Build the providers of keys of ours, and log their announcements."""
    for provider in settings.providers_in_use:
        if (said := gateway.announcement(provider)) is not None:
            log.notice(f"keys: {provider}: {said}")


def _vault(services: Services, around: Surroundings, service_token: ServiceToken | None) -> ConnectFront:
    """Only vault.v1 knows the service token."""
    authenticator: Authenticates = around.authenticator
    if service_token is not None:
        around.log.notice(WARNING)
        authenticator = WithServiceToken(service_token, around.authenticator)
    guard = Guard(authenticator, around.fingerprint, around.limiter)
    return vault_front(services.keyrings, guard, around.log)


def _sampler(  # noqa: PLR0913, PLR0917  all that is sampled
    inherited: Inheritance, gateway: Gateway, store: OpenedStore, stores: Stores, readiness: Readiness, log: Log
) -> Sampler:
    samples: list[sampling.Sample] = [
        *sampling.readiness(readiness.checks),
        partial(stores.audit.look_again, partial(check_writable, store)),
        sampling.memory_of(store.links),
        sampling.age_of(inherited.key_sources.values()),
        gateway.count_circuits,
    ]
    return Sampler(samples, log)


def _limiter(settings: Settings, limits: LimitsInForce, threads: int, workers: int) -> Limiter:
    """With threads, each request that waits for its turn waits in gunicorn's queue: the threads are all places.

    On a loop, whoever is alone leaves some places, so that another organization can come.
    """
    fairness, early = settings.fairness, settings.worker is WorkerKind.THREADS
    share = max(1, threads * fairness.concurrency_percent // 100)
    turns = Turns(threads, share=share, alone=threads if early else threads - threads // 16)
    return Limiter(fairness.rates, limits.of, turns, workers=workers, early=early)


def _check_keys(gateway: Gateway, providers: Sequence[str]) -> None:
    for each in providers:
        gateway.check(each)


def make_authenticator(inherited: Inheritance, stores: Stores, log: Log, threads: int) -> Authenticator:
    issuers = inherited.settings.issuers
    verifier = TokenVerifier(issuers, inherited.key_sources)
    reviews = token_reviews(issuers, log, threads)
    revoked = RevokedTokens(stores.revocations, wait=_wait_for_the_store)
    return Authenticator(verifier, revoked, reviews=reviews, observe=_count_lookup)


def _wait_for_the_store(lock: Lock) -> None:
    waited(Layer.STORE, partial(fibers.acquire, lock))


def _telling(settings: Settings, log: Log) -> Telling:
    """Raises SettingsInvalid if traces are wanted and their libraries are not installed."""
    wanted = settings.observability
    begin = None if wanted.traces is None else traces.tracer(wanted.traces)
    return Telling(log, wanted.access, wanted.slow_ms / 1000, begin)


def _count_lookup(cached: bool) -> None:  # noqa: FBT001  as an Authenticator calls it
    (_CACHED if cached else _VERIFIED).add()


def _services(  # noqa: PLR0913, PLR0917  all that the services share
    inherited: Inheritance,
    gateway: Gateway,
    stores: Stores,
    bucket: OpenedBucket | None,
    failed_keys: FailedKeys,
    log: Log,
    limits: LimitsInForce,
) -> Services:
    settings, bound = inherited.settings, Decisions(stores.bindings)
    keyring = wiring.make_keyring(settings, gateway, stores, failed_keys, log, limits.of)
    sealing = Sealing(keyring, bound)
    for forget in (bound.forget, keyring.forget):
        stores.markers.when_renewed(forget)
    objects, audit = stores.objects, stores.audit
    of_one = Objects(objects, sealing, audit, settings.limits, limits.of)
    return Services(
        objects=of_one,
        object_batches=ObjectBatches(of_one, audit),
        versions=Versions(objects, sealing, audit),
        lists=Lists(objects, Cursors(stores.keys)),
        data_keys=DataKeys(keyring, bound, audit, stores.keys),
        items=Items(keyring, bound, audit, stores.keys),
        operations=Operations(stores.idempotency, objects),
        bindings=wiring.make_bindings(inherited.plugins, gateway, stores),
        explanations=Explanations(objects, keyring, bound, audit),
        usages=Usages(stores.usage, limits.of),
        keyrings=make_keyrings(
            settings, gateway, stores, keyring_store(settings, stores, bucket), keyring, bound, limits.of
        ),
        portal=None if settings.portal is None else Portal(stores.portal, settings.portal),
    )


def _around(  # noqa: PLR0913, PLR0917  all that Surroundings needs
    inherited: Inheritance,
    gateway: Gateway,
    store: OpenedStore,
    stores: Stores,
    bucket: OpenedBucket | None,
    durability: Durability,
    limiter: Limiter,
    authenticator: Authenticator,
    log: Log,
) -> Surroundings:
    settings = inherited.settings
    checks: dict[str, Callable[[], None]] = {
        "store": partial(check_writable, store),
        "keys": partial(_check_keys, gateway, settings.providers_in_use),
        "revocations": partial(wiring.check_revocations, settings, stores),
    }
    if bucket is not None:
        checks["keyrings"] = bucket.check
    return Surroundings(
        authenticator=authenticator,
        limiter=limiter,
        fingerprint=store.keys.fingerprint,
        readiness=Readiness(checks, durability.value, inherited.reload_refused),
        log=log,
        max_value_bytes=settings.limits.max_value_bytes,
        telling=_telling(settings, log),
    )
