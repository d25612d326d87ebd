"""A key is verified by what it refuses: each promise by itself, however well it keeps the others."""

import pytest

from sealring.domain.binding import BindingState
from support import cmk
from support.cmk import CmkProvider


def bound_with(world):
    return world.bind("org_123", "key_abc")


def test_a_key_that_opens_in_another_place_is_found_although_it_refuses_another_context(world, monkeypatch):
    monkeypatch.setattr(cmk, "_aad", lambda context: repr(sorted(context.pairs.items())).encode())

    binding = bound_with(world)

    assert binding.verification.codes == ("binding_not_enforced",)
    assert binding.state is BindingState.PENDING


def test_a_key_that_opens_in_another_context_is_found_although_it_refuses_another_place(world, monkeypatch):
    monkeypatch.setattr(cmk, "_aad", lambda context: context.aad)

    binding = bound_with(world)

    assert binding.verification.codes == ("context_not_enforced",)
    assert binding.state is BindingState.PENDING


@pytest.mark.parametrize("other", [bytes(32), b"another data key, of 32 bytes..."])
def test_a_key_that_gives_another_data_key_back_is_found_although_it_refuses_all_that_it_must(
    world, monkeypatch, other
):
    unwrap = CmkProvider.unwrap

    def unwrap_another(*args):
        unwrap(*args)
        return bytearray(other)

    monkeypatch.setattr(CmkProvider, "unwrap", unwrap_another)

    binding = bound_with(world)

    assert binding.verification.codes == ("key_inconsistent",)
    assert binding.state is BindingState.PENDING
