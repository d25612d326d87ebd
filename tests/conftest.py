import os
from contextlib import closing

import pytest
from hypothesis import HealthCheck, settings

from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.links import Links
from support.cluster import running_cluster
from support.commands import Commands
from support.live import live_server, serving
from support.plain_s3 import PlainS3
from support.plain_s3 import serving as plain_serving
from support.replication import STRONG, running_trio
from support.s3 import Buckets, plain_place, running_storage

# How long an example takes is up to what else this machine does, and the first text of all waits for its alphabet.
settings.register_profile("a busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("a busy machine")


@pytest.fixture(scope="session")
def live(on_loop):
    """A real `sealring serve` on a real Valkey, shared by all tests of the session."""
    return on_loop


@pytest.fixture(scope="session")
def on_loop(tmp_path_factory):
    """A real `sealring serve` on a real Valkey, shared by all tests of the session.

    SEALRING_TEST_KEYS=hsm runs them with keys in a token, SEALRING_TEST_STORE=cluster on a cluster, and
    SEALRING_TEST_STORE=replicas on a primary behind Sentinels whose replicas must have each commit.
    """
    folder, keys = tmp_path_factory.mktemp("live"), os.environ.get("SEALRING_TEST_KEYS", "local")
    kind = os.environ.get("SEALRING_TEST_STORE")
    if kind == "cluster":
        unguarded = "accept_data_loss = true"  # its primaries take writes while they have no replica
        with (
            running_cluster(folder / "cluster") as cluster,
            serving(folder, cluster.url, keys=keys, about_store=unguarded) as server,
        ):
            yield server
    elif kind == "replicas":
        with (
            running_trio(tmp_path_factory.mktemp("trio"), *STRONG) as trio,
            serving(folder, trio.url, keys=keys, about_store="wait_replicas = 1") as server,
        ):
            yield server
    else:
        with live_server(folder, keys=keys, installed=True) as server:
            yield server


@pytest.fixture(scope="session")
def live_with_threads(tmp_path_factory):
    """As `live`, with threads instead of an event loop."""
    with live_server(tmp_path_factory.mktemp("threads"), worker="threads") as server:
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    """The URL of a real Valkey."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as store:
        yield store.url


@pytest.fixture(scope="session")
def storage(tmp_path_factory):
    """S3-compatible storage: versitygw. Tests with it need Go, which builds it once."""
    with running_storage(tmp_path_factory.mktemp("storage")) as storage:
        yield storage


@pytest.fixture
def buckets():
    with closing(Buckets()) as buckets:
        yield buckets


@pytest.fixture
def plain_s3():
    """An S3 of our own: see support/plain_s3.py."""
    return PlainS3()


@pytest.fixture
def plain_bucket(plain_s3):
    """Where its bucket is."""
    with plain_serving(plain_s3) as url:
        yield plain_place(url)


@pytest.fixture(scope="session")
def run_sealring():
    """Runs the command `sealring`; see support/commands.py."""
    with closing(Commands()) as commands:
        yield commands


@pytest.fixture
def links(valkey):
    """Links to a real and empty Valkey."""
    links = Links.to(valkey)
    links.call((b"FLUSHALL",))
    yield links
    links.close()
