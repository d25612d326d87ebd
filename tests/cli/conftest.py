import itertools

import pytest

from revocations.commands import new_installation
from sealring.operator.embedded import EmbeddedValkey

_numbers = itertools.count(1)


@pytest.fixture
def org():
    return f"org_kv_{next(_numbers)}"


@pytest.fixture
def kv(run_sealring, live, org):
    """Runs `sealring kv` with a token for one organization."""

    def run(*arguments, **given):
        variables = {"SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}
        return run_sealring("kv", *arguments, **variables | given)

    return run


@pytest.fixture
def run(run_sealring):
    return run_sealring


@pytest.fixture
def installed(run, tmp_path):
    """An initialised installation with its store running, and the path of its settings."""
    with EmbeddedValkey(tmp_path / "data") as store:
        run("init", "--keys", "local", "--data-dir", tmp_path / "etc", "--store", store.url)
        yield tmp_path / "etc" / "sealring.toml"


@pytest.fixture(scope="module")
def valkey_of_ours(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("store")) as store:
        yield store.url


@pytest.fixture
def path(valkey_of_ours, tmp_path):
    """The settings of a new installation."""
    return new_installation(tmp_path, valkey_of_ours, 2)
