import pytest

from sealring.crypto.root_seal import RecoveryKey
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring_example.kms import Kms
from server.sealed_kit import install


@pytest.fixture(scope="module")
def kms():
    made = Kms(keys=("1", "2", "other"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def installed(tmp_path_factory, kms):
    """An installation with sealed root keys, and a store that is made ready."""
    folder = tmp_path_factory.mktemp("sealed")
    with EmbeddedValkey(folder) as store:
        made = install(folder / "etc", kms, ("1",), store.url)
        made.path.write_text(made.path.read_text() + "\n[seal]\nretry_s = 3\n")
        wiring.initialise_store(made.config, 4)
        yield made


@pytest.fixture
def run(run_sealring):
    def run(*arguments, told=""):
        return run_sealring(*arguments, stdin=told.encode(), check=False)

    return run


@pytest.fixture
def sealed(tmp_path, kms):
    """An installation with sealed root keys, of one test alone."""
    yield install(tmp_path / "etc", kms)
    kms.states.clear()


@pytest.fixture
def recovery(sealed):
    """A recovery key of that installation."""
    key = RecoveryKey.fresh()
    sealed.seals.make_recovery(sealed.seals.open(), key)
    return key
