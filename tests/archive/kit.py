"""Installations whose keyrings are in a bucket, and servers on them."""

import base64
from contextlib import contextmanager

from sealring import settings
from sealring.archive.place import BucketPlace
from sealring.auth.scoping import operator
from sealring.domain.keyrings import Keyring
from sealring.domain.principal import Caller
from sealring.observability.logs import Log
from sealring.server.keyring_wiring import opened_keyrings
from support.live import running, serving
from vectors.keyring_reader import message

MASTER = ("kek_" + "0ujsszwN8NRY24YaXiTIE2VWDTS", bytes(range(32)))  # an id as old services have made them
NEXT = ("kek_aB3dE6gH9", bytes(range(32, 64)))


def master_line(key_id: str, key: bytes) -> str:
    """A master key as the old service has it in its settings."""
    return base64.b64encode(message((1, key_id), (2, 1_700_000_000_000), (3, key))).decode()


def tables(folder, place: BucketPlace, *masters, more="", url=None) -> str:
    """Tables of settings; their files are written to `folder`."""
    write_private(folder / "bucket-secret", place.secret_access_key)
    write_private(folder / "master-keys", "\n".join(master_line(*each) for each in masters or (MASTER,)))
    return f"""
[plugins.masterkey]
master_keys_file = "master-keys"

[keyrings]
master_keys = "masterkey"
store = "s3://{place.bucket}?endpoint={url or place.endpoint}&region={place.region}&path_style=true"
access_key_id = "{place.access_key_id}"
secret_access_key_file = "bucket-secret"
{more}
"""


@contextmanager
def two_servers(folder, valkey, place, url=None, more=""):
    """Two servers with two workers each, on one store and one bucket, reached by `url`."""
    with (
        serving(folder, valkey, threads=128, more=tables(folder, place, more=more, url=url)) as one,
        running(folder / "sealring.toml", folder / "other.log", one.kms, 2, 128) as two,
    ):
        yield one, two


def write_private(path, text):
    path.write_text(text)
    path.chmod(0o600)


def used(path, data=b"value", ring="org_acme/payments"):
    """Encrypt with a keyring, as a server does."""
    with opened(path) as (keyrings, caller):
        sealed = keyrings.encrypt(Keyring(ring), data, caller)
        assert keyrings.decrypt(Keyring(ring), sealed.encrypted, caller) == data
        return sealed


class opened:  # noqa: N801  a with-block
    """The use cases of keyrings, and a caller."""

    def __init__(self, path):
        config = settings.load(path)
        self._caller = Caller(operator(config.environments[0]), "test", deadline=float("inf"))
        self._opening = opened_keyrings(config, Log())

    def __enter__(self):
        return self._opening.__enter__().keyrings, self._caller

    def __exit__(self, *failure):
        return self._opening.__exit__(*failure)
