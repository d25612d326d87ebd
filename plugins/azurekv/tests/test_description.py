"""A key of a vault by its own words: when it is usable, to the second."""

from dataclasses import replace

import pytest

from sealring_azurekv.description import KeyBundle
from sealring_plugin import KeyDisabled, KeyState, Unsupported

KEY = KeyBundle(
    version="0" * 32,
    type="RSA",
    bits=2048,
    operations=frozenset({"wrapKey", "unwrapKey"}),
    enabled=True,
    not_before=1000,
    expires=2000,
    exportable=False,
    managed=False,
    recovery_level="Recoverable",
    recoverable_days=90,
    tags={},
)


@pytest.mark.parametrize("now", [1000, 1999.9])
def test_a_key_is_usable_from_its_first_second_to_its_last(now):
    KEY.expect_usable(now)

    assert KEY.description(now).state is KeyState.ENABLED


@pytest.mark.parametrize("now", [999.9, 2000])
def test_a_key_is_not_usable_before_or_after(now):
    with pytest.raises(KeyDisabled):
        KEY.expect_usable(now)

    assert KEY.description(now).state is KeyState.DISABLED


def test_a_key_that_is_disabled_is_not_usable():
    with pytest.raises(KeyDisabled):
        replace(KEY, enabled=False).expect_usable(1500)


def test_a_key_of_another_type_is_not_usable():
    with pytest.raises(Unsupported):
        replace(KEY, type="EC").expect_usable(1500)
