"""Construction of the pages of the portal, and the threads of the checks that they start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread

from sealring.admission.limits import Limiter
from sealring.admission.portal_limits import PortalLimiter
from sealring.http.app import Services
from sealring.observability.logs import Log
from sealring.portal.frame import PortalServices
from sealring.portal.look import Theme
from sealring.portal.pages import PortalPages
from sealring.providers.catalog import Catalog
from sealring.providers.gateway import Gateway
from sealring.providers.plugins import Loaded
from sealring.server.wiring import Stores
from sealring.services.key_checks import KeyChecks
from sealring.services.portal import Portal
from sealring.services.setups import Setups
from sealring_plugin import CustomersSpec

CHECKS_AT_ONCE = 4  # of a worker, and one of an organization


def make_pages(  # noqa: PLR0913, PLR0917  all that the pages need
    portal: Portal,
    theme: Theme,
    customers: Mapping[str, Loaded[CustomersSpec]],
    services: Services,
    gateway: Gateway,
    stores: Stores,
    limiter: Limiter,
    log: Log,
) -> PortalPages:
    later = Beside(gateway.beside_requests).do
    checks = KeyChecks(stores.checks, services.bindings, later, partial(log.fault, "a check of a key failed"))
    setups = Setups(Catalog(customers), services.bindings)
    return PortalPages(
        PortalServices(portal, services.bindings, setups, checks, services.usages), PortalLimiter(limiter), theme, log
    )


class Beside:
    """Threads that do work beside requests. They begin with the first of it."""

    def __init__(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        self._around = around
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = Lock()
        self._begun = False

    def do(self, work: Callable[[], None]) -> None:
        """Do it when a thread is free. It raises nothing."""
        self._waiting.put(work)
        with self._lock:
            begins, self._begun = not self._begun, True
        if begins:
            for _ in range(CHECKS_AT_ONCE):
                Thread(target=self._work, name="key-checks", daemon=True).start()

    def _work(self) -> None:
        with self._around():
            while True:
                self._waiting.get()()
