"""An installation whose store an attacker with a key of their own can write to."""

import time
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace

from sealring import settings
from sealring.domain.ids import new_uuid
from sealring.domain.kek import Kek
from sealring.domain.layout import STORE_CONTEXT, STORE_SCOPE, layout_aad
from sealring.keys.store_key import make_layout
from sealring.operator import installation
from sealring.server import wiring
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout
from sealring.store.schema.keyspace import LAYOUT
from sealring_example.kms import TOKEN, Kms
from sealring_example.spec import SPEC
from sealring_plugin import Call, CustomersKey, Purpose, WrapContext

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


def unseen(_step, _length):
    return nullcontext(lambda _: None)


def another_layout(attacked, partitions=4, **changes):
    """A layout that the managed provider itself made, as it does for each store of an installation."""
    with closing(wiring.make_gateway(attacked.config)) as gateway:
        return replace(make_layout(gateway, "local", partitions), **changes)
