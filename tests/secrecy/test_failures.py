"""Failures carry what is wrong, never what was sent: not in their text, nor in the text of what caused them."""

import base64
import traceback

import pytest

from sealring.auth.tokens import TokenVerifier, bearer_token
from sealring.crypto.blob_mac import signed
from sealring.crypto.seal import open_sealed, seal
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine, Header, Suite
from sealring.domain.ids import NO_ORG, EnvironmentId, ObjectId
from sealring.domain.principal import Caller, Permission, Principal
from sealring.errors import SealringError
from sealring.http.timestamps import parse_moment
from sealring.services.cursors import Cursors
from sealring.services.data_keys import DataKeys
from sealring.services.objects import ObjectLimits, Objects
from sealring.store.schema.records import Records
from secrecy.canaries import leaks
from support.memory import home

CANARY = "Canary234567890123456789012345AB"
SECRET = CANARY.encode()
ENVIRONMENT = EnvironmentId("environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3")
PRINCIPAL = Principal("urn:test", "sub", "name", ENVIRONMENT, frozenset(), frozenset(Permission))
CALLER = Caller(PRINCIPAL, "id")
KEYS = StoreKeys(bytes(32))
HEADER = Header(
    suite=Suite.OBJECT,
    combine=Combine.ANY,
    message_id=bytes(32),
    environment=ENVIRONMENT,
    org=NO_ORG,
    object_id=bytes(16),
    version_id=bytes(16),
    context_hash=bytes(32),
)
SEALED = seal(SECRET, dek=bytearray(SECRET), header=HEADER, wraps=())


def json64(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


ISSUER_CLAIM = json64('{"iss":"%s"}' % CANARY)  # noqa: UP031

CALLS = {
    "context: long value": lambda: KeyContext.of({"x": CANARY * 50}),
    "context: long key": lambda: KeyContext.of({CANARY * 5: "x"}),
    "context: surrogate": lambda: KeyContext.of({"x": f"{CANARY}\ud800"}),
    "context: organization": lambda: KeyContext.of({"organization_id": f"{CANARY}!"}),
    "context: organizations": lambda: KeyContext.of({"organization_id": CANARY, "organizationId": "x"}),
    "context: number": lambda: KeyContext.of({"x": [CANARY]}),
    "timestamp": lambda: parse_moment(CANARY),
    "timestamp with T": lambda: parse_moment(f"2026-01-01T{CANARY}"),
    "cursor": lambda: Cursors(KEYS).decode(CANARY, PRINCIPAL),
    "cursor: not ASCII": lambda: Cursors(KEYS).decode(f"{CANARY}é", PRINCIPAL),
    "blob": lambda: DataKeys(None, None, None, KEYS).decrypt(CALLER, SECRET),
    "blob: magic": lambda: DataKeys(None, None, None, KEYS).decrypt(
        CALLER, signed(KEYS, b"SLRG\x01\x00\x03\x01" + bytes(32) + b"\x00\x20" + SECRET)
    ),
    "record": lambda: Records(KEYS, home).decode_object(ObjectId(bytes(16)), SECRET * 10),
    "large value": lambda: Objects(None, None, None, ObjectLimits(max_value_bytes=1)).create(
        CALLER, name=CANARY, value=CANARY, context=KeyContext.of({"x": "y"})
    ),
    "sealed: other DEK": lambda: open_sealed(SEALED, bytearray(32)),
    "token: opaque": lambda: TokenVerifier([], {}).verify(CANARY),
    "token: header": lambda: TokenVerifier([], {}).verify(f"{json64(CANARY)}.{CANARY}.{CANARY}"),
    "token: issuer": lambda: TokenVerifier([], {}).verify(f"{json64('{}')}.{ISSUER_CLAIM}.{CANARY}"),
    "authorization: two": lambda: bearer_token([f"Bearer {CANARY}", f"Bearer {CANARY}"]),
    "authorization: scheme": lambda: bearer_token([f"{CANARY} x"]),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_failure_does_not_quote_what_was_sent(call):
    with pytest.raises(SealringError) as raised:
        call()

    shown = "".join(traceback.format_exception_only(raised.value)) + repr(raised.value.__dict__) + repr(raised.value)
    assert leaks(shown.encode(), {"canary": SECRET}) == []


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_the_causes_of_a_failure_do_not_quote_what_was_sent(call):
    with pytest.raises(SealringError) as raised:
        call()

    shown = "".join(traceback.format_exception(raised.value))
    assert leaks(shown.encode(), {"canary": SECRET}) == []
