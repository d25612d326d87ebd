"""A file of root keys in clear is sealed as it is, and never read beside seals."""

import pytest

from sealring.operator import installation
from sealring.providers.instances import ManagedSource
from sealring.providers.plugins import managed_source
from sealring.server import wiring
from sealring_local.roots import Roots
from server.sealed_kit import NO_STORE, Sealed, tables


@pytest.fixture
def in_clear(tmp_path, kms):
    """An installation with its root keys in clear, to whose settings two seals were added."""
    list(installation.create_files(tmp_path / "etc", NO_STORE, "local"))
    path = tmp_path / "etc" / installation.SETTINGS_FILE
    path.write_text(path.read_text() + tables(kms))
    return Sealed(tmp_path / "etc", kms)


def test_root_keys_in_clear_are_sealed_as_they_are(in_clear):
    clear = (in_clear.folder / "root.key").read_bytes()

    said = list(in_clear.seals.reseal())

    assert in_clear.seals.open().content == clear
    assert (
        said[-1]
        == f"{in_clear.folder / 'root.key'} is not needed any more: put a copy where no server is, and remove it"
    )
    assert (in_clear.folder / "root.key").read_bytes() == clear


def test_root_keys_in_clear_are_never_read_beside_seals(sealed):
    (sealed.folder / "root.key").touch(0o600)
    (sealed.folder / "root.key").write_text(Roots.fresh().encode())

    loaded = wiring.load_plugins(sealed.config).managed["local"]

    source: ManagedSource = managed_source(loaded)
    with pytest.raises(Exception, match="the root keys are sealed, and were not opened"):
        source.build()


def test_a_reseal_takes_the_root_keys_of_the_seals_and_not_those_in_clear(sealed):
    root = sealed.seals.open()
    (sealed.folder / "root.key").touch(0o600)
    (sealed.folder / "root.key").write_text(Roots.fresh().encode())

    list(sealed.seals.reseal())

    assert sealed.seals.open() == root
