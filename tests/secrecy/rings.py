"""Canaries driven through vault.v1 and the routes of keyrings, with success and with everything that is refused."""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import quote

from sealring.auth.scoping import operator
from sealring.connect.messages import METHODS
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.domain.principal import Caller
from sealring.observability.logs import Log
from sealring.server.keyring_wiring import opened_keyrings
from secrecy.bad_bodies import bad_bodies
from secrecy.drive import Driver
from secrecy.driven import Driven
from support.live import LiveServer

SERVICE = "/vault.v1.VaultService"
CALLS = ("Encrypt", "Decrypt", "EncryptBulk", "DecryptBulk", "ReEncrypt")
ROUTES = ("encrypt", "decrypt", "rotate")
PROTO = {"Content-Type": "application/proto"}


@dataclass(frozen=True)
class Ring:
    """A keyring whose name is a canary, and a value that it encrypted."""

    name: str
    encrypted: str

    @property
    def path(self) -> str:
        return f"/sealring/v1/keyrings/{quote(self.name, safe='')}"


def use_keyrings(driver: Driver) -> Ring:
    """Every method and every route, with success. Return the keyring."""
    driven, name = driver.driven, f"org_acme/{driver.driven.name('of a ring')}"
    values = [driven.value(f"of a ring {number}") for number in range(3)]
    ids = [driven.name(f"of an item {number}") for number in range(3)]
    sealed = driven.keep("Encrypt", _call(driver, "Encrypt", keyring=name, data=values[0])).json["encrypted"]
    ring = Ring(name, sealed)
    driver.carry("Decrypt", _call(driver, "Decrypt", keyring=name, encrypted=sealed))
    driven.keep("ReEncrypt", _call(driver, "ReEncrypt", keyring=name, encrypted=sealed))
    driven.keep("Liveness", _call(driver, "Liveness"))
    items = dict(zip(ids, values, strict=True))
    bulk = driven.keep("EncryptBulk", _call(driver, "EncryptBulk", keyring=name, items=items)).json["items"]
    back = {each: bulk[each]["encrypted"] for each in ids}
    driver.carry("DecryptBulk", _call(driver, "DecryptBulk", keyring=name, items=back))
    made = driven.keep("encrypt with a ring", driver.ask("POST", f"{ring.path}/encrypt", {"items": items})).json[
        "items"
    ]
    back = {each: made[each]["encrypted"] for each in ids} | {driven.name("a bad item"): driven.value("a bad item")}
    driver.carry("decrypt with a ring", driver.ask("POST", f"{ring.path}/decrypt", {"items": back}))
    driven.deks["of a ring"] = dek_of(driver.live, name)
    driven.keep("rotate", driver.ask("POST", f"{ring.path}/rotate"))
    _in_proto(driver, ring, values[1])
    return ring


def _in_proto(driver: Driver, ring: Ring, value: str) -> None:
    request, _ = METHODS["Encrypt"]
    sent = gzip.compress(request.message(keyring=ring.name, data=value).SerializeToString())
    headers = {**PROTO, "Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    driver.driven.keep("Encrypt in proto", driver.ask("POST", f"{SERVICE}/Encrypt", raw_body=sent, headers=headers))
    request, _ = METHODS["Decrypt"]
    sent = request.message(keyring=ring.name, encrypted=ring.encrypted).SerializeToString()
    driver.carry("Decrypt in proto", driver.ask("POST", f"{SERVICE}/Decrypt", raw_body=sent, headers=PROTO))


def dek_of(live: LiveServer, name: str) -> bytes:
    """The newest DEK of a keyring, as nobody outside should ever see it."""
    config = live.settings
    caller = Caller(operator(config.environments[0]), "test", deadline=float("inf"))
    ring = OwnedKeyring(config.environments[0], Keyring(name))
    with opened_keyrings(config, Log()) as opened:
        care = opened.care
        found = care._store.latest(ring)
        decision = care._bound.renewed(ring.environment, ring.org)
        with care._keys.unwrap(ring, found.id, found.record, decision, caller) as key:
            return bytes(key.secret)


# --- what is refused


def misuse_keyrings(driver: Driver, ring: Ring) -> None:
    driven, places = driver.driven, _places(ring)
    for (what, path), (kind, raw) in product(places.items(), [*bad_bodies(driven), *_bad_messages(driven)]):
        driven.keep(f"{what}: {kind}", driver.ask("POST", path, raw_body=raw))
    for what, path in places.items():
        sent = driven.value(f"sent to {what}").encode()
        for number, headers in enumerate(_bad_headers(driven, what)):
            driven.keep(f"{what}: headers {number}", driver.ask("POST", path, raw_body=sent, headers=headers))
        driven.keep(f"{what}: PATCH", driver.ask("PATCH", path, {"data": driven.value(f"patch {what}")}))
        token = driven.token(f"for {what}")
        driven.keep(f"{what}: token", driver.ask("POST", path, {"data": driven.value(f"token {what}")}, token=token))
    _misuse_names(driver, ring)
    _misuse_envelopes(driver, ring)


def _places(ring: Ring) -> Mapping[str, str]:
    return {
        **{method: f"{SERVICE}/{method}" for method in CALLS},
        **{f"{route} with a ring": f"{ring.path}/{route}" for route in ROUTES},
    }


def _bad_messages(driven: Driven) -> list[tuple[str, bytes]]:
    value, name = driven.value("of a message").encode(), driven.name("of a message").encode()
    return [
        ("a list for a text", b'{"keyring":["%s"],"data":["%s"],"encrypted":["%s"]}' % (name, value, value)),
        ("a text for items", b'{"keyring":"org_acme","items":"%s"}' % value),
        ("a list of items", b'{"keyring":"org_acme","items":["%s"]}' % value),
        ("an item that is no text", b'{"keyring":"org_acme","items":{"%s":{"%s":1}}}' % (name, value)),
        ("both spellings", b'{"keyring":"org_acme","encrypted":"%s","keyId":"%s","key_id":"x"}' % (value, name)),
        ("a control", b'{"keyring":"org_acme/%s\\u0000","data":"%s","encrypted":"","items":{}}' % (name, value)),
        ("a long name", b'{"keyring":"org_acme/%s","data":"%s","encrypted":""}' % (name * 20, value)),
        ("a foreign ring", b'{"keyring":"org_beta/%s","data":"%s","encrypted":"x"}' % (name, value)),
        ("no envelope", b'{"keyring":"org_acme/%s","encrypted":"%s"}' % (name, value)),
        ("no envelopes", b'{"keyring":"org_acme/%s","items":{"%s":"%s"}}' % (name, name, value) * 2),
    ]


def _bad_headers(driven: Driven, what: str) -> list[dict[str, str]]:
    return [
        {"Content-Type": f"text/{driven.name(f'type {what}')}"},
        {"Content-Encoding": driven.name(f"coding {what}")},
        {"Content-Encoding": "gzip"},
        {"Connect-Timeout-Ms": driven.name(f"timeout {what}")},
        {"Connect-Protocol-Version": driven.name(f"version {what}")},
        PROTO,
    ]


def _misuse_names(driver: Driver, ring: Ring) -> None:
    driven, ask = driver.driven, driver.ask
    body = {"items": {"one": driven.value("for another")}}
    for what in ("org_beta/", "", "org_acme%00", "org_acme%2F%FF", "org_acme/../"):
        path = f"/sealring/v1/keyrings/{what}{driven.name(f'ring {what}')}/encrypt"
        driven.keep(f"ring {what}", ask("POST", path, body))
    driven.keep("a method", ask("POST", f"{SERVICE}/{driven.name('a method')}", {"data": driven.value("a method")}))
    driven.keep("a service", ask("POST", f"/vault.v1.{driven.name('a service')}/Encrypt", {}))
    driven.keep("a query", ask("POST", f"{ring.path}/rotate?x={driven.name('a query')}"))


def _misuse_envelopes(driver: Driver, ring: Ring) -> None:
    raw = base64.b64decode(ring.encrypted)
    for place in (0, 3, 10, 30, len(raw) // 2, len(raw) - 1):
        changed = base64.b64encode(raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]).decode()
        for method in ("Decrypt", "ReEncrypt"):
            answer = _call(driver, method, keyring=ring.name, encrypted=changed)
            driver.driven.keep(f"{method} of a changed envelope {place}", answer)


def alter_dek(driver: Driver, ring: Ring) -> None:
    """What is stored of a keyring is not what was written: everything is refused, until it is again."""
    with driver.live.store as store:
        for key in list(store.scan_iter(match=b"*:y:*")):
            before = store.hgetall(key)
            for field, record in before.items():
                store.hset(key, field, record[:-1] + bytes((record[-1] ^ 1,)))
            _ask_for(driver, ring, "an altered ring")
            store.hset(key, mapping=before)


def lose_store_of_keyrings(driver: Driver, ring: Ring) -> None:
    _ask_for(driver, ring, "a ring without a store")


def _ask_for(driver: Driver, ring: Ring, what: str) -> None:
    driven, value = driver.driven, driver.driven.value(what)
    fresh = f"org_acme/{driven.name(what)}"
    for number, (method, members) in enumerate(
        (
            ("Encrypt", {"keyring": fresh, "data": value}),
            ("Encrypt", {"keyring": ring.name, "data": value}),
            ("Decrypt", {"keyring": fresh, "encrypted": ring.encrypted}),
            ("ReEncrypt", {"keyring": ring.name, "encrypted": ring.encrypted}),
            ("EncryptBulk", {"keyring": ring.name, "items": {driven.name(f"item {what}"): value}}),
        )
    ):
        driven.keep(f"{what} {number}", _call(driver, method, **members))
    driven.keep(f"{what} rotated", driver.ask("POST", f"{ring.path}/rotate"))


def _call(driver: Driver, method: str, **members: Any) -> Any:
    return driver.ask("POST", f"{SERVICE}/{method}", members)
