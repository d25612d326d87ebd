import io
from dataclasses import dataclass
from typing import Any

import pytest

from portal.browser import Browser
from sealring.admission.guard import Guard
from sealring.admission.limits import Limiter, Rates
from sealring.admission.portal_limits import PortalLimiter
from sealring.admission.turns import Turns
from sealring.domain.ids import uuid_text
from sealring.domain.limits import unlimited
from sealring.http.bodies import Bodies
from sealring.http.dispatch import Server
from sealring.observability.logs import Log
from sealring.portal.frame import PortalServices
from sealring.portal.look import Theme
from sealring.portal.pages import PortalPages
from sealring.services.key_checks import KeyChecks
from sealring.services.portal import Portal
from sealring.services.portal_rules import Look, PortalRules
from sealring.services.setups import Setups
from support import stores
from support.clock import Clock
from support.cmk import CATALOG, Key, gateway_to
from support.make import ACME, caller, context, services
from support.portal import token_of

RULES = PortalRules("https://keys.example", return_hosts=frozenset({"app.example"}))


@dataclass
class World:
    """The pages in the server of this process, on fakeredis, with customers' keys in this process."""

    kms: dict[str, Key]
    store: Any
    use: Any
    portal: Portal
    server: Server
    later: list
    faults: list
    log: Any
    clock: Clock

    def browser(self):
        return Browser(self.server, self.clock)

    def link(self, org=ACME, **urls):
        return f"/portal?token={token_of(self.portal, org, **urls)}"

    def begun(self, org=ACME, **urls):
        """A browser whose session has begun."""
        browser = self.browser()
        browser.get(self.link(org, **urls))
        browser.send("/begin")
        return browser

    def bound(self, org=ACME, key="key_one"):
        """A browser with a session of an organization that has a key."""
        self.kms.setdefault(key, Key())
        browser = self.begun(org)
        browser.get("/portal/connect/cmk/key")
        browser.send("/key", key=key)
        self.work()
        return browser

    def work(self):
        """Do what was put off until later."""
        while self.later:
            self.later.pop(0)()

    def bindings(self, org=ACME):
        return self.use.bindings.list(caller(org), org)

    def binding(self, org=ACME):
        (found,) = self.bindings(org)
        return found

    def path(self, org=ACME):
        return f"/portal/keys/{uuid_text(self.binding(org).id)}"

    def seal(self, org=ACME, name="name"):
        return self.use.objects.create(caller(org), name=name, value="secret", context=context(organization_id=org))

    def open(self, record):
        return self.use.objects.read(caller(record.org), str(record.id)).value


@pytest.fixture
def make_world():
    def make(catalog=CATALOG, gateway=None, look=None, kms=None):
        kms = {} if kms is None else kms
        store = stores.on_fakeredis()
        use = services(store, provider_gateway=gateway or gateway_to(kms), catalog=catalog)
        portal = Portal(store.portal, RULES)
        later, faults, stream, clock = [], [], io.StringIO(), Clock()
        checks = KeyChecks(store.checks, use.bindings, later.append, faults.append)
        wanted = PortalServices(portal, use.bindings, Setups(catalog, use.bindings), checks, use.usages)
        limiter = Limiter(Rates(), unlimited, Turns(16, share=8, alone=16), workers=1)
        pages = PortalPages(wanted, PortalLimiter(limiter, clock), Theme.of(look or Look()), Log(stream))
        server = Server(Guard(None, bytes, limiter), Bodies(1 << 20), [], [], Log(stream))
        server.show(pages)
        return World(kms, store, use, portal, server, later, faults, stream, clock)

    return make


@pytest.fixture
def world(make_world):
    return make_world()
