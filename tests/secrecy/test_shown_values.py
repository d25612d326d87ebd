"""What a person may see of a value in a debugger, a log or a stack trace does not hold the secret inside."""

import base64
import dataclasses
import traceback
from pathlib import Path

import pytest

from sealring import settings
from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.auth.profiles import IssuerProfile
from sealring.auth.tokens import Claims
from sealring.crypto.data_key import DataKey
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.context import KeyContext
from sealring.domain.decision import Decision, Epoch
from sealring.domain.envelope import Combine, Envelope, Header, Suite
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import EnvironmentId, ObjectId, OrgId
from sealring.domain.kek import Kek
from sealring.domain.ports import Order, PageQuery, Row
from sealring.domain.principal import Caller, Permission, Principal
from sealring.domain.record import Author, ObjectRecord, State, Version
from sealring.services.data_keys import DataKeyPair
from sealring.services.items import PlainItem
from sealring.services.listing import Listing, ListOptions
from sealring.services.object_batches import NewObject, Wanted
from sealring.services.objects import OpenedObject
from sealring_local.roots import Roots
from sealring_local.wrap import LocalProvider
from sealring_plugin import DATA, ManagedKey, RootName, WrapContext, WrappedKey
from secrecy.canaries import leaks

CANARY = "Canary234567890123456789012345AB"  # 32 characters, so that it can stand for a key
SECRET = CANARY.encode()
ENVIRONMENT = EnvironmentId("environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3")
ORG = OrgId("org_acme")
CONTEXT = KeyContext.of({"organization_id": "org_acme"})
ID = ObjectId(bytes(16))

PRINCIPAL = Principal("urn:test", "sub", "name", ENVIRONMENT, frozenset({ORG}), frozenset(Permission))
HEADER = Header(
    suite=Suite.OBJECT,
    combine=Combine.ANY,
    message_id=bytes(32),
    environment=ENVIRONMENT,
    org=ORG,
    object_id=bytes(16),
    version_id=bytes(16),
    context_hash=CONTEXT.digest,
)
VERSION = Version(1, 0, Author("sub", "name"), Envelope(HEADER, (), bytes(32), bytes(12), bytes(16)))
RECORD = ObjectRecord(
    id=ID, name=CANARY, context=CONTEXT, state=State.LIVE, created_at=0, updated_at=0, revision=1, current=VERSION
)
PROFILE_TABLE = {
    "issuer": "urn:test",
    "jwks_file": "nowhere.json",
    "algorithms": ["ES256"],
    "audience": "x",
    "environment_id": ENVIRONMENT,
    "permissions": ["vault:objects:read"],
}
PROFILE = IssuerProfile.parse(PROFILE_TABLE, base=Path("/nowhere"))
ROW = Row(0, bytes(16), CANARY)
SETTINGS = f"""
[store]
url = "redis://user:{CANARY}@localhost/"
pin_file = "store-pin"
[keys]
managed = "local"
[plugins.local]
root_key_file = "{CANARY}"
[[issuers]]
issuer = "urn:test"
jwks_file = "nowhere.json"
algorithms = ["ES256"]
audience = "x"
environment_id = "{ENVIRONMENT}"
permissions = ["vault:objects:read"]
"""

HOLDERS = {
    "OpenedObject": OpenedObject(
        dataclasses.replace(RECORD, name="x"), CANARY, Decision(ENVIRONMENT, ORG, Epoch(bytes(8)), ())
    ),
    "PlainItem": PlainItem(0, CONTEXT, SECRET),
    "NewObject": NewObject(CANARY, CANARY, CONTEXT),
    "Wanted": Wanted(name=CANARY),
    "DataKeyPair": DataKeyPair("id", CONTEXT, SECRET, b"wrapped"),
    "DataKey": DataKey(bytearray(SECRET)),
    "StoreKeys": StoreKeys(SECRET),
    "Kek": Kek(bytes(16), 1, "local", "key", b"scope", SECRET),
    "ManagedKey": ManagedKey("local", "key", 1, b"scope", RootName(DATA, 1), SECRET),
    "WrappedKey": WrappedKey("a256gcm", SECRET),
    "WrapContext": WrapContext({"organization_id": CANARY}, SECRET),
    "LocalProvider": LocalProvider(Roots({RootName(DATA, 1): SECRET})),
    "Claims": Claims(PROFILE, "sub", 1, 1, "", {"jti": CANARY}),
    "Call body": AdmittedRequest(Caller(PRINCIPAL, "id"), {}, {}, {"value": CANARY}),
    "Call query": AdmittedRequest(Caller(PRINCIPAL, "id"), {}, {"search": CANARY}, {}),
    "Call path": AdmittedRequest(Caller(PRINCIPAL, "id"), {"name": CANARY}, {}, {}),
    "Reply": Reply.json(200, {"value": CANARY}),
    "ObjectRecord": RECORD,
    "Row": ROW,
    "Listing": Listing((ROW,), None, None),
    "ListOptions": ListOptions(search=CANARY),
    "PageQuery": PageQuery(
        environment=ENVIRONMENT, orgs=None, order=Order.ASCENDING, limit=1, search=CANARY.casefold()
    ),
    "Event": Event(Action.OBJECT_READ, ENVIRONMENT, ORG, Origin("issuer", "subject", "request"), name=CANARY),
}

NEEDLES = {"canary": SECRET, "folded canary": CANARY.casefold().encode(), "numbers": str(list(SECRET))[1:-1].encode()}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=list(HOLDERS))
@pytest.mark.parametrize(
    "shown", [repr, str, "{!r:>10}".format, lambda value: repr([value])], ids=["repr", "str", "format", "nested"]
)
def test_a_value_does_not_show_the_secret_inside(holder, shown):
    found = leaks(shown(holder).encode(), NEEDLES)

    assert found == []


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=list(HOLDERS))
def test_a_stack_trace_that_quotes_a_value_does_not_show_the_secret_inside(holder):
    error = LookupError("not there", holder)

    text = "".join(traceback.format_exception(error))

    assert leaks(text.encode(), NEEDLES) == []


def test_settings_do_not_show_the_secrets_inside(tmp_path):
    path = tmp_path / "sealring.toml"
    path.write_text(SETTINGS)

    shown = repr(settings.load(path))

    assert leaks(shown.encode(), NEEDLES) == []


def test_the_same_check_finds_a_value_that_shows_its_secret():
    shown = repr(Author("sub", CANARY))

    assert leaks(shown.encode(), NEEDLES) == ["canary (raw)"]


def test_the_same_check_finds_bytes_as_base64():
    shown = repr(base64.b64encode(b"x" + SECRET))

    assert leaks(shown.encode(), NEEDLES) == ["canary (base64-1)"]
