"""All routes, listed by noun, and the WSGI application that serves them."""

from __future__ import annotations

from dataclasses import dataclass

from sealring.admission.guard import Guard
from sealring.admission.idempotency import Fingerprint
from sealring.admission.limits import Limiter
from sealring.admission.routes import Route
from sealring.auth.scoping import Authenticator
from sealring.http.batches.views import BatchViews
from sealring.http.bindings.views import BindingViews
from sealring.http.bodies import Bodies
from sealring.http.data_keys.views import DataKeyViews
from sealring.http.description import DescriptionViews
from sealring.http.dispatch import Server
from sealring.http.health.compatible import CompatibleHealthViews
from sealring.http.health.views import HealthViews, Readiness
from sealring.http.keyrings.views import KeyringViews
from sealring.http.objects.views import ObjectViews
from sealring.http.operations.views import OperationViews
from sealring.http.portal.views import PortalViews
from sealring.http.usage.views import UsageViews
from sealring.observability.logs import Log
from sealring.observability.requests import Telling
from sealring.services.bindings import Bindings
from sealring.services.data_keys import DataKeys
from sealring.services.explanations import Explanations
from sealring.services.items import Items
from sealring.services.keyrings import Keyrings
from sealring.services.limits import Usages
from sealring.services.listing import Lists
from sealring.services.object_batches import ObjectBatches
from sealring.services.objects import Objects
from sealring.services.operations import Operations
from sealring.services.portal import Portal
from sealring.services.versions import Versions


@dataclass(frozen=True, slots=True)
class Services:
    objects: Objects
    versions: Versions
    lists: Lists
    data_keys: DataKeys
    items: Items
    object_batches: ObjectBatches
    operations: Operations
    bindings: Bindings
    explanations: Explanations
    usages: Usages
    keyrings: Keyrings
    portal: Portal | None  # None: it is off, and has no route


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that the HTTP server needs besides the services."""

    authenticator: Authenticator
    limiter: Limiter
    fingerprint: Fingerprint  # of requests that clients may repeat
    readiness: Readiness
    log: Log
    max_value_bytes: int
    telling: Telling | None = None  # of each request, beside the metrics


def make_server(services: Services, around: Surroundings) -> Server:
    routes = guarded_routes(services)
    views = HealthViews(around.readiness)
    health = (*views.routes(), *CompatibleHealthViews(views).routes())
    open_routes = (*health, *DescriptionViews(routes, health).routes())
    guard = Guard(around.authenticator, around.fingerprint, around.limiter)
    # JSON may need six bytes (\\u0001) for one byte of a value; names and contexts fit in the rest.
    bodies = Bodies(6 * around.max_value_bytes + (64 << 10))
    return Server(guard, bodies, routes, open_routes, around.log, telling=around.telling)


def guarded_routes(services: Services) -> tuple[Route, ...]:
    return (
        *ObjectViews(services.objects, services.versions, services.lists).routes(),
        *DataKeyViews(services.data_keys).routes(),
        *BatchViews(services.items, services.object_batches).routes(),
        *OperationViews(services.operations).routes(),
        *BindingViews(services.bindings, services.explanations).routes(),
        *UsageViews(services.usages).routes(),
        *KeyringViews(services.keyrings).routes(),
        *(() if services.portal is None else PortalViews(services.portal).routes()),
    )
