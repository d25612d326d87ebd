from contextlib import closing

import pytest

from backup.kit import HIDDEN, NAME, VALUE, install
from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.links import Links
from support.make import caller, context


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    """The URLs of two real Valkeys."""
    with EmbeddedValkey(tmp_path_factory.mktemp("one")) as one, EmbeddedValkey(tmp_path_factory.mktemp("two")) as two:
        yield one.url, two.url


@pytest.fixture
def partitions():
    return 2


@pytest.fixture
def installed(engines, tmp_path, partitions):
    """An installation with keys in software, its store ready, and the other one empty."""
    for url in engines:
        with closing(Links.to(url)) as links:
            links.call((b"FLUSHALL",))
    return install(tmp_path, engines[0], partitions, other_url=engines[1])


@pytest.fixture
def opened(installed):
    """Its store, in use."""
    with installed.opened() as store:
        yield store


@pytest.fixture
def small(installed, opened):
    """A backup of one object, each file in one chunk."""
    opened.use.objects.create(caller(HIDDEN), name=NAME, value=VALUE, context=context(organization_id=HIDDEN))
    return installed.back_up()
