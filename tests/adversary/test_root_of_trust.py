"""Attacks SECURITY.md, "Control over the store": whoever can write to the store, and owns a key that a plugin can use.

The attacker knows no secret of ours. They write whatever they like to Redis, and may use a key of their own in the KMS
that the plugin `example` of this server reaches with the server's credentials.
"""

import os
import signal
from contextlib import closing
from dataclasses import replace

import pytest

from adversary.rooted import NOT_OURS, THEIR_STORE_KEY, another_layout, context_of, forged, their_kek, unseen
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import KekRecord, KekScope
from sealring.errors import IntegrityFailure, KeyMisconfigured, SettingsInvalid
from sealring.keys.references import key_ref
from sealring.observability.logs import Log
from sealring.operator import whole_store
from sealring.operator.whole_store import BackupFiles
from sealring.providers.gateway import Unwrapping, Wrapping, call_for
from sealring.server import application, wiring
from sealring.server.inheritance import Inheritance
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout
from sealring.store.schema.keyspace import LAYOUT
from sealring.store.schema.records import Records
from sealring_plugin import Purpose, WrapContext, WrappedKey
from support.live import live_server
from support.waiting import becomes_true


def test_a_layout_that_names_another_provider_is_refused_before_any_key_is_asked(attacked):
    attacked.write_layout(attacked.forged_layout())

    with pytest.raises(SettingsInvalid, match=NOT_OURS):
        attacked.use()

    assert attacked.kms.asked == []


@pytest.mark.parametrize(
    "open_it",
    [
        lambda config, folder: application.make_app(Inheritance.of(config, Log()), Log()),
        lambda config, folder: list(wiring.check(config)),
        lambda config, folder: wiring.initialise_store(config, 4),
        lambda config, folder: wiring.initialise_store(config, 4, trusting=True),
        lambda config, folder: whole_store.verify(config, unseen, print, unwrap=False),
        lambda config, folder: whole_store.backup(config, BackupFiles(folder / "data", folder / "keys"), unseen),
    ],
    ids=["serve", "check-config", "init", "init --trust-store", "verify", "backup"],
)
def test_everything_that_opens_a_store_refuses_it(attacked, tmp_path, open_it):
    attacked.write_layout(attacked.forged_layout())

    with pytest.raises(SettingsInvalid, match=NOT_OURS):
        open_it(attacked.config, tmp_path)

    assert attacked.kms.asked == []


def test_a_worker_that_starts_after_the_attack_does_not_serve(tmp_path):
    with live_server(tmp_path, workers=1) as server:
        with closing(Links.to(server.store_url)) as links:
            was = read_layout(links)
            planted = forged(was, server.kms)
            links.call((b"SET", LAYOUT, planted.encode()))

        os.kill(server.workers[0], signal.SIGKILL)

        refusal = "cannot start: the store's layout names 'example' as the provider of its key"
        assert becomes_true(lambda: server.log.read_text().count(refusal) >= 2)  # however often it is tried


# --- the right provider, and another key


def test_the_layout_of_another_store_of_the_same_keys_is_refused(attacked):
    attacked.write_layout(another_layout(attacked))

    with pytest.raises(
        SettingsInvalid, match=r"^this is store [0-9a-f-]{36}, but pin_file belongs to store [0-9a-f-]{36}: "
    ):
        attacked.use()


def test_another_store_key_under_the_same_id_is_refused(attacked, monkeypatch):
    was = attacked.layout
    monkeypatch.setattr("sealring.keys.store_key.new_uuid", lambda: was.store_id)
    attacked.write_layout(another_layout(attacked))
    assert attacked.layout.store_id == was.store_id

    with pytest.raises(SettingsInvalid, match="^the store's key is not the pinned one"):
        attacked.use()


def test_the_store_key_wrapped_anew_is_still_the_pinned_one(attacked):
    """As a roll of the root does."""
    was = attacked.layout
    with closing(wiring.make_gateway(attacked.config)) as gateway:
        context = context_of(was, was.kek)
        call = call_for(request_id="roll", purpose=Purpose.STORE)
        (key,) = gateway.unwrap(
            [Unwrapping(key_ref(was.kek), WrappedKey(was.alg, was.wrapped_store_key), context)], call
        )
        (wrapped,) = gateway.wrap([Wrapping(key_ref(was.kek), key, context)], call)
    attacked.write_layout(replace(was, wrapped_store_key=wrapped.blob))

    attacked.use()

    assert wrapped.blob != was.wrapped_store_key


def test_the_pin_of_another_store_opens_nothing(attacked):
    pin = attacked.config.pin_file.read_text()
    attacked.config.pin_file.write_text(other_pin(pin))

    with pytest.raises(SettingsInvalid, match="^this is store "):
        attacked.use()


def other_pin(text):
    lines = text.splitlines(keepends=True)
    return lines[0] + "store 00000000-0000-4000-8000-000000000000\n" + lines[2]


# --- managed KEKs: behind the store key's MACs, and all the same


def test_a_managed_kek_that_names_a_customers_provider_is_asked_nothing(attacked):
    scope = KekScope(EnvironmentId("environment_1"), OrgId("org_acme"), KeyContext.of({"organization_id": "org_acme"}))
    planted = their_kek(scope.encoded)
    context = WrapContext({}, b"aad")
    call = call_for(tenant="org_acme", request_id="read", purpose=Purpose.DECRYPT)

    with closing(wiring.make_gateway(attacked.config)) as gateway:
        with pytest.raises(KeyMisconfigured, match="names the provider 'example', which .keys. managed"):
            gateway.wrap([Wrapping(key_ref(planted), bytearray(32), context)], call)
        with pytest.raises(KeyMisconfigured, match="names the provider 'example', which .keys. managed"):
            gateway.unwrap([Unwrapping(key_ref(planted), WrappedKey("example-v1", b"blob"), context)], call)

    assert attacked.kms.asked == []


def test_a_record_that_was_re_macced_under_the_attackers_store_key_is_none_of_ours(attacked):
    """What is written under the attacker's store key means nothing under ours, which the pin holds fast."""
    with wiring.opened_stores(attacked.config) as (_, stores), pytest.raises(IntegrityFailure):
        environment, org = EnvironmentId("environment_1"), OrgId("org_acme")
        planted = their_kek(KekScope.owner(environment, org))
        forged_record = Records(StoreKeys(THEIR_STORE_KEY), stores.keks._keyspace.home).encode_kek(
            KekRecord((planted,))
        )
        with attacked.links() as links:
            keyspace = stores.keks._keyspace
            links.call((b"SET", keyspace.kek(environment, org, planted.kek_id), forged_record))
        stores.keks.get(environment, org, planted.kek_id)


# --- the first time


def test_an_attackers_store_is_never_pinned_silently(attacked):
    """They are there first: between the making of the settings and `init`, or after the pin was lost."""
    attacked.config.pin_file.unlink()
    attacked.write_layout(another_layout(attacked))

    with pytest.raises(SettingsInvalid, match="the store is not trusted: .* `sealring init --trust-store` once"):
        wiring.initialise_store(attacked.config, 4)

    assert not attacked.config.pin_file.exists()


def test_a_store_that_was_emptied_is_not_made_ready_again_as_if_it_were_new(attacked):
    with attacked.links() as links:
        links.call((b"FLUSHALL",))

    with pytest.raises(
        SettingsInvalid, match="the store is empty, but .* pins a store that had data: find out what emptied"
    ):
        wiring.initialise_store(attacked.config, 4)
    with pytest.raises(SettingsInvalid, match="the store is empty"):
        attacked.use()


def test_without_a_pin_no_store_is_trusted(attacked):
    attacked.config.pin_file.unlink()

    with pytest.raises(SettingsInvalid, match="is missing, and without it no store is trusted"):
        attacked.use()


def test_a_pin_that_others_can_write_is_refused(attacked):
    attacked.config.pin_file.chmod(0o664)

    with pytest.raises(SettingsInvalid, match="is writable by others, who could replace it; run: chmod go-w"):
        attacked.use()
