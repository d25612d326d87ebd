"""Every use case asks for its permission itself, before it touches anything: here it has nothing to touch."""

import inspect
from typing import get_args, get_type_hints

import pytest

from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.keyrings import Keyring
from sealring.domain.limits import unlimited
from sealring.domain.portal import Intent, Link, PortalSession
from sealring.domain.principal import Caller, Permission, Principal
from sealring.errors import Forbidden
from sealring.http.app import Services
from sealring.services.bindings import Bindings, NewBinding
from sealring.services.data_keys import DataKeys
from sealring.services.explanations import Explanations
from sealring.services.items import Items
from sealring.services.keyring_rules import KeyringRules
from sealring.services.keyrings import Keyrings
from sealring.services.limits import Usages
from sealring.services.listing import ListOptions, Lists
from sealring.services.object_batches import ObjectBatches
from sealring.services.objects import ObjectLimits, Objects
from sealring.services.operations import Operations
from sealring.services.portal import Portal, WantedLink
from sealring.services.versions import Versions

CONTEXT = KeyContext.of({"organization_id": "org_acme"})
RING = Keyring("org_acme/payments")
ID = "secret_" + 32 * "0"
WANTED = WantedLink(OrgId("org_acme"), Intent.BRING_YOUR_OWN_KEY)
NEW = NewBinding(org=OrgId("org_acme"), match=CONTEXT, provider="x", key="x")
OURS = {"verified", "external_id"}  # of Bindings; no route leads to them: housekeeping, and part of others
OF_THE_PORTAL = {"seen", "begin", "session", "end"}  # whoever has a link or a session needs no token

# fmt: off
USE_CASES = {
    (Objects, "create"): ("vault:objects:create", {"name": "x", "value": "x", "context": CONTEXT}),
    (Objects, "read"): ("vault:objects:read", {"text_id": ID}),
    (Objects, "read_by_name"): ("vault:objects:read", {"name": "x", "org": None}),
    (Objects, "read_property"): ("vault:objects:read", {"name": "x", "org": OrgId("org_acme"), "member": "x"}),
    (Objects, "describe"): ("vault:objects:read", {"text_id": ID}),
    (Objects, "update"): ("vault:objects:update", {"text_id": ID, "value": "x", "version_check": None, "contexts": ()}),
    (Objects, "delete"): ("vault:objects:delete", {"text_id": ID, "version_check": None}),
    (Objects, "restore"): ("vault:objects:restore", {"text_id": ID}),
    (Versions, "list"): ("vault:objects:read", {"text_id": ID}),
    (Versions, "read"): ("vault:objects:read", {"text_id": ID, "version_id": "x"}),
    (Lists, "list"): ("vault:objects:list", {"options": ListOptions()}),
    (Operations, "find"): ("vault:objects:read", {"name": "x"}),
    (Bindings, "create"): ("vault:bindings:manage", {"new": NEW, "activate": False}),
    (Bindings, "list"): ("vault:bindings:manage", {"org": OrgId("org_acme")}),
    (Bindings, "uses"): ("vault:bindings:manage", {"org": OrgId("org_acme"), "bindings": ()}),
    (Bindings, "read"): ("vault:bindings:manage", {"text_id": ID}),
    (Bindings, "validate"): ("vault:bindings:manage", {"text_id": ID}),
    (Bindings, "activate"): ("vault:bindings:manage", {"text_id": ID}),
    (Bindings, "suspend"): ("vault:bindings:manage", {"text_id": ID}),
    (Bindings, "retire"): ("vault:bindings:manage", {"text_id": ID}),
    (Bindings, "delete"): ("vault:bindings:manage", {"text_id": ID}),
    (Bindings, "checked"): ("vault:bindings:manage", {"new": NEW}),
    (Bindings, "setup"): ("vault:bindings:manage", {"provider": "x", "org": OrgId("org_acme")}),
    (Explanations, "explain"): ("vault:objects:read", {"text_id": ID}),
    (Portal, "generate_link"): ("vault:portal:link", {"wanted": WANTED}),
    (Usages, "read"): ("vault:usage:read", {"org": OrgId("org_acme")}),
    (Keyrings, "encrypt"): ("vault:keyrings:use", {"ring": RING, "data": b"x"}),
    (Keyrings, "encrypt_all"): ("vault:keyrings:use", {"ring": RING, "items": {}}),
    (Keyrings, "decrypt"): ("vault:keyrings:use", {"ring": RING, "encrypted": b"x"}),
    (Keyrings, "decrypt_all"): ("vault:keyrings:use", {"ring": RING, "items": {}}),
    (Keyrings, "decrypt_each"): ("vault:keyrings:use", {"ring": RING, "items": {}}),
    (Keyrings, "re_encrypt"): ("vault:keyrings:use", {"ring": RING, "encrypted": b"x", "key_id": None}),
    (Keyrings, "rotate"): ("vault:keyrings:use", {"ring": RING}),
    (DataKeys, "create"): ("vault:keys:use", {"context": CONTEXT}),
    (DataKeys, "decrypt"): ("vault:keys:use", {"wrapped": b"x"}),
    (DataKeys, "rekey"): ("vault:keys:use", {"wrapped": b"x", "context": CONTEXT}),
    (Items, "encrypt"): ("vault:keys:use", {"items": ()}),
    (Items, "decrypt"): ("vault:keys:use", {"blobs": {}}),
    (ObjectBatches, "create"): ("vault:objects:create", {"new": {}}),
    (ObjectBatches, "read"): ("vault:objects:read", {"wanted": {}}),
}
# fmt: on

SERVICES = {
    Objects: Objects(None, None, None, ObjectLimits()),
    Versions: Versions(None, None, None),
    Lists: Lists(None, None),
    DataKeys: DataKeys(None, None, None, None),
    Items: Items(None, None, None, None),
    ObjectBatches: ObjectBatches(None, None),
    Operations: Operations(None, None),
    Bindings: Bindings(None, None, None, None, None),
    Explanations: Explanations(None, None, None, None),
    Portal: Portal(None, None),
    Usages: Usages(None, unlimited),
    Keyrings: Keyrings(None, None, None, KeyringRules()),
}


def caller_without(permission):
    return Caller(
        Principal(
            issuer="urn:test",
            subject="test",
            name="test",
            environment=EnvironmentId("environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"),
            organizations=frozenset({OrgId("org_acme")}),
            permissions=frozenset(Permission) - {permission},
        ),
        request_id="test",
    )


def test_every_service_is_in_the_table():
    assert {get_args(each)[0] if get_args(each) else each for each in get_type_hints(Services).values()} == set(
        SERVICES
    )


def test_every_use_case_is_in_the_table():
    methods = {
        (service, name)
        for service in SERVICES
        for name, _ in inspect.getmembers(service, inspect.isfunction)
        if not name.startswith("_") and name not in OURS | OF_THE_PORTAL
    }

    assert set(USE_CASES) == methods


@pytest.mark.parametrize(
    ("service", "method"), USE_CASES, ids=[f"{service.__name__}.{method}" for service, method in USE_CASES]
)
def test_a_use_case_is_forbidden_without_its_permission(service, method):
    permission, arguments = USE_CASES[service, method]
    caller = caller_without(Permission(permission))

    with pytest.raises(Forbidden, match=permission):
        getattr(SERVICES[service], method)(caller=caller, **arguments)


LINK = Link(
    bytes(16),
    EnvironmentId("environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"),
    OrgId("org_acme"),
    Intent.BRING_YOUR_OWN_KEY,
    "",
    "",
    1,
    2,
)
SESSION = PortalSession.of(LINK, bytes(16), 1, 2)


def in_a_session(service, method):
    """A session of the portal, as a caller of this use case."""
    return getattr(SERVICES[service], method)(caller=SESSION.caller("test"), **USE_CASES[service, method][1])


@pytest.mark.parametrize(
    ("service", "method"),
    [
        each
        for each, (permission, _) in USE_CASES.items()
        if permission not in {"vault:bindings:manage", "vault:usage:read"}
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_a_session_of_the_portal_is_forbidden_what_is_of_no_binding_and_no_usage(service, method):
    with pytest.raises(Forbidden, match=USE_CASES[service, method][0]):
        in_a_session(service, method)


def test_a_session_of_the_portal_has_two_permissions_for_one_organization():
    assert SESSION.principal.organizations == {"org_acme"}
    assert SESSION.principal.permissions == {"vault:bindings:manage", "vault:usage:read"}
    assert not SESSION.principal.everywhere
