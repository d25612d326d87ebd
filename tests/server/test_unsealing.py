"""Root keys on their way from one master to the next."""

import os

import pytest

from sealring.domain.root_seal import MAX_CONTENT_BYTES, Root
from sealring.server.unsealing import ROOT_VARIABLE, handed_over, handing_over


@pytest.mark.parametrize("size", [32, MAX_CONTENT_BYTES])
def test_a_master_gets_the_root_keys_once(monkeypatch, size):
    with handing_over(Root("local", bytes(size), ())) as variables:
        monkeypatch.setenv(ROOT_VARIABLE, str(os.dup(int(variables[ROOT_VARIABLE]))))

        assert handed_over() == bytes(size)
        assert handed_over() is None


def test_a_master_without_sealed_root_keys_leaves_nothing():
    with handing_over(None) as variables:
        assert variables == {}


def test_the_root_keys_cannot_be_read_through_the_files_of_the_process():
    with handing_over(Root("local", b"the root keys", ())) as variables, pytest.raises(OSError, match="No such device"):
        os.open(f"/proc/self/fd/{variables[ROOT_VARIABLE]}", os.O_RDONLY | os.O_NONBLOCK)
