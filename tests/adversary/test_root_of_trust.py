"""Attacks SECURITY.md, "Control over the store": whoever can write to the store, and owns a key that a plugin can use.

The attacker knows no secret of ours. They write whatever they like to Redis, and may use a key of their own in the KMS
that the plugin `example` of this server reaches with the server's credentials.
"""

import os
import signal
import time
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace

import pytest

from sealring import settings
from sealring.crypto.data_key import DataKey
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.backup import FileKind, backup_aad
from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId, new_uuid
from sealring.domain.kek import Kek, KekRecord, KekScope
from sealring.domain.layout import STORE_CONTEXT, STORE_SCOPE, layout_aad
from sealring.errors import BackupRefused, IntegrityFailure, KeyMisconfigured, SettingsInvalid
from sealring.keys.backup_key import make_head
from sealring.keys.references import key_ref
from sealring.keys.store_key import make_layout
from sealring.observability.logs import Log
from sealring.operator import installation, whole_store
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.whole_store import BackupFiles
from sealring.providers.gateway import Unwrapping, Wrapping, call_for
from sealring.server import application, wiring
from sealring.server.inheritance import Inheritance
from sealring.store.backup.file import BackupWriter
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout
from sealring.store.schema.counts import Counts
from sealring.store.schema.keyspace import LAYOUT
from sealring.store.schema.records import Records
from sealring_example.kms import TOKEN, Kms
from sealring_example.spec import SPEC
from sealring_plugin import Call, CustomersKey, Purpose, WrapContext, WrappedKey
from support.live import live_server
from support.waiting import becomes_true

EVIL = "key_one"  # the attacker's key in the KMS
THEIR_STORE_KEY = b"m" * 32


class Watched(Kms):
    """A KMS that remembers which of its keys were asked."""

    def __init__(self):
        super().__init__((EVIL,))
        self.asked = []

    def answer(self, path, body):
        self.asked.append(body["key"])
        return super().answer(path, body)


@dataclass
class Attacked:
    """An installation, and what its attacker can do."""

    config: settings.Settings
    kms: Watched

    @contextmanager
    def links(self):
        with closing(Links.to(self.config.store_url)) as links:
            yield links

    @property
    def layout(self):
        with self.links() as links:
            return read_layout(links)

    def write_layout(self, layout):
        with self.links() as links:
            links.call((b"SET", LAYOUT, layout.encode()))

    def forged_layout(self):
        layout = forged(self.layout, self.kms)
        self.kms.asked.clear()  # from here on, whoever asks it is the server
        return layout

    def use(self):
        """Do what each command and each worker does first."""
        with wiring.opened_stores(self.config):
            pass


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey.url


@pytest.fixture
def attacked(valkey, tmp_path):
    with closing(Links.to(valkey)) as links:
        links.call((b"FLUSHALL",))
    kms = Watched()
    kms.start()
    path = installed(tmp_path / "etc", valkey, kms)
    config = settings.load(path)
    wiring.initialise_store(config, 4)
    yield Attacked(config, kms)
    kms.stop()


def installed(folder, store_url, kms):
    list(installation.create_files(folder, store_url, "local"))
    path = folder / installation.SETTINGS_FILE
    with path.open("a") as file:
        file.write(f'\n[plugins.example]\nendpoint = "{kms.endpoint}"\ntoken = "{TOKEN}"\n')
    return path


def forged(layout, kms):
    """The layout of the same store, with a store key that the attacker knows, wrapped by their own key."""
    kek = their_kek(STORE_SCOPE.encoded)
    wrapped = wrapped_by_the_attacker(kms, STORE_SCOPE.encoded, THEIR_STORE_KEY, context_of(layout, kek))
    return replace(layout, kek=kek, alg=wrapped.alg, wrapped_store_key=wrapped.blob)


def context_of(layout, kek):
    return WrapContext(STORE_CONTEXT.as_dict(), layout_aad(layout.partitions, layout.store_id, kek.kek_id))


def their_kek(scope):
    return Kek(new_uuid(), 1, "example", EVIL, scope, b"", root_domain="keep", root_epoch=1)


def wrapped_by_the_attacker(kms, scope, secret, context):
    provider = SPEC.build({"endpoint": kms.endpoint, "token": TOKEN})
    call = Call(time.monotonic() + 30, "attack", "", Purpose.STORE)
    return provider.wrap(CustomersKey("example", EVIL, 1, scope), secret, context, call)


NOT_OURS = (
    r"the store's layout names 'example' as the provider of its key, but \[keys\] managed and managed_readable do not"
)


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


def unseen(_step, _length):
    return nullcontext(lambda _: None)


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


def another_layout(attacked, partitions=4, **changes):
    """A layout that the managed provider itself made, as it does for each store of an installation."""
    with closing(wiring.make_gateway(attacked.config)) as gateway:
        return replace(make_layout(gateway, "local", partitions), **changes)


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


# --- backups


def test_a_backup_whose_head_names_another_provider_is_refused_before_any_key_is_asked(attacked, tmp_path):
    """Its head is all that the attacker needs to make: the rest they seal with a key of their own."""
    files = forged_files(tmp_path, attacked, attacked.forged_layout())
    with attacked.links() as links:
        links.call((b"FLUSHALL",))

    with pytest.raises(BackupRefused, match=f"^the backup is not of the pinned store: {NOT_OURS}"):
        whole_store.restore(attacked.config, files, unseen, print)

    assert attacked.kms.asked == []
    assert attacked.layout is None


def test_no_word_of_the_operators_makes_such_a_backup_trusted(attacked, tmp_path):
    files = forged_files(tmp_path, attacked, attacked.forged_layout())
    with attacked.links() as links:
        links.call((b"FLUSHALL",))
    attacked.config.pin_file.unlink()

    with pytest.raises(SettingsInvalid, match=NOT_OURS):
        whole_store.restore(attacked.config, files, unseen, print, trusting=True)

    assert attacked.kms.asked == []
    assert not attacked.config.pin_file.exists()


def forged_files(folder, attacked, layout):
    files = BackupFiles(folder / "data", folder / "keys")
    for target, kind in ((files.data, FileKind.DATA), (files.keys, FileKind.KEYS)):
        head = forged_head(attacked, layout, kind)
        with DataKey(bytearray(b"b" * 32)) as dek, BackupWriter.writing(target, head, dek) as writer:
            writer.end(Counts())
    return files


def forged_head(attacked, layout, kind):
    with closing(wiring.make_gateway(attacked.config)) as gateway, DataKey(bytearray(b"b" * 32)) as dek:
        head = make_head(gateway, attacked.layout, dek, kind, 1)
    context = WrapContext(STORE_CONTEXT.as_dict(), backup_aad(kind, layout.store_id, 1))
    wrapped = wrapped_by_the_attacker(attacked.kms, STORE_SCOPE.encoded, b"b" * 32, context)
    attacked.kms.asked.clear()
    return replace(head, layout=layout, alg=wrapped.alg, wrapped_key=wrapped.blob)


def test_a_backup_of_another_store_of_the_same_keys_is_refused(attacked, tmp_path):
    files, layout = BackupFiles(tmp_path / "data", tmp_path / "keys"), another_layout(attacked)
    with closing(wiring.make_gateway(attacked.config)) as gateway, DataKey.fresh() as dek:
        for target, kind in ((files.data, FileKind.DATA), (files.keys, FileKind.KEYS)):
            with BackupWriter.writing(target, make_head(gateway, layout, dek, kind, 1), dek) as writer:
                writer.end(Counts())
    with attacked.links() as links:
        links.call((b"FLUSHALL",))

    with pytest.raises(BackupRefused, match="^the backup is not of the pinned store: this is store "):
        whole_store.restore(attacked.config, files, unseen, print)


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
