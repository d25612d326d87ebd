import pytest

from archive.kit import tables
from revocations.commands import new_installation


@pytest.fixture
def installed(valkey, tmp_path):
    """Makes an installation whose keyrings are in a bucket; returns the path of its settings."""

    def install(place, *masters, more=""):
        path = new_installation(tmp_path, valkey, 2)
        path.write_text(path.read_text() + tables(tmp_path, place, *masters, more=more))
        return path

    return install
