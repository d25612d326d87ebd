"""What settings remember of a store that they trust."""

from contextlib import closing

from sealring.keys.store_key import make_layout
from sealring.server import wiring
from sealring.server.trust_files import TrustFiles


def files(config):
    return TrustFiles(config.pin_file)


def opens(config):
    with wiring.opened_stores(config) as (_, stores):
        return stores.keys


def another_layout(config):
    with closing(wiring.make_gateway(config)) as gateway:
        return make_layout(gateway, "local", 4)
