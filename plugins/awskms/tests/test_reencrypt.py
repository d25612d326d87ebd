"""ReEncrypt moves data keys, where the settings say so."""

import pytest
from aws_emulators.emulators import CUSTOMERS

from sealring_plugin import ProviderError, ReWraps, Unsupported, WrapContext

DEK = bytes(range(32))
ROLE = f"arn:aws:iam::{CUSTOMERS}:role/sealring"
OTHER_ROLE = f"arn:aws:iam::{CUSTOMERS}:role/other"


@pytest.fixture
def role_key(moto, moto_proxy, at):
    return at(moto_proxy, moto.make_key(), role_arn=ROLE)


@pytest.fixture
def moving(make_provider, moto_proxy):
    return make_provider(moto_proxy, sts_endpoint=moto_proxy.url, reencrypt=True)


def test_a_data_key_is_moved_without_being_shown(moving, moto, moto_proxy, at, role_key, context, call):
    other = at(moto_proxy, moto.make_key(), role_arn=ROLE)
    elsewhere = WrapContext({"organization_id": "org_acme"}, b"another aad")
    wrapped = moving.wrap(role_key, DEK, context, call())

    moved = moving.rewrap(wrapped, (role_key, context), (other, elsewhere), call())

    assert moving.unwrap(moved, other, elsewhere, call()) == DEK
    (asked,) = moto_proxy.of("ReEncrypt")
    assert (asked.body["SourceKeyId"], asked.body["DestinationKeyId"]) == (role_key.key_id, other.key_id)
    assert [each.operation for each in moto_proxy.seen if each.operation == "Decrypt"] == ["Decrypt"]  # ours, above


def test_a_blob_of_another_key_is_not_moved(moving, moto, moto_proxy, at, role_key, context, call):
    """moto does not look at SourceKeyId; its answer names the key that opened, and that is looked at."""
    other, third = (at(moto_proxy, moto.make_key(), role_arn=ROLE) for _ in range(2))
    wrapped = moving.wrap(other, DEK, context, call())

    with pytest.raises(ProviderError, match="another key"):
        moving.rewrap(wrapped, (role_key, context), (third, context), call())


@pytest.mark.parametrize(
    "change", [{"role_arn": OTHER_ROLE}, {"external_id": "external-id-of-another"}, {"role_arn": ""}]
)
def test_keys_that_one_call_cannot_reach_are_not_moved(moving, moto_proxy, at, role_key, context, call, change):
    other = at(moto_proxy, role_key.key_id, **{"role_arn": ROLE, **change})
    wrapped = moving.wrap(role_key, DEK, context, call())

    with pytest.raises(Unsupported):
        moving.rewrap(wrapped, (role_key, context), (other, context), call())


def test_moving_is_a_power_only_where_the_settings_say_so(provider, moving):
    assert not isinstance(provider, ReWraps)
    assert isinstance(moving, ReWraps)
