"""The official SDKs of WorkOS raise what they raise for refusals of WorkOS."""

import pytest

from sdk.driver import Refused
from sdk.versions import ANY_VALUE, every_sdk


@every_sdk()
def test_an_invalid_token_is_an_authentication_failure(sdk, vault_of):
    vault = vault_of(sdk, "sk_test_not_a_token_of_ours")

    with pytest.raises(Refused) as refused:
        vault.page(limit=1)

    assert refused.value.kind == sdk.refusals.unauthenticated


@every_sdk()
def test_creating_for_another_organization_is_forbidden(sdk, vault):
    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context={sdk.organization_key: "org_of_another"})

    assert refused.value.kind == sdk.refusals.forbidden
    assert "Insufficient permissions" in refused.value.message


@every_sdk()
def test_a_data_key_of_another_organization_is_refused_as_garbage_is(sdk, live, vault, vault_of):
    another = vault_of(sdk, live.token("org_of_another"))
    pair = another.create_data_key({sdk.organization_key: "org_of_another"})

    with pytest.raises(Refused) as refused:
        vault.decrypt_data_key(pair["encrypted_keys"])
    with pytest.raises(Refused) as garbage:
        vault.decrypt_data_key("AAAA")

    assert refused.value.kind == garbage.value.kind
    assert refused.value.message == garbage.value.message


@every_sdk()
def test_an_object_of_another_organization_is_not_found(sdk, live, vault, context, vault_of):
    created = vault.create(name="greeting", value="world", context=context)
    another = vault_of(sdk, live.token("org_of_another"))

    with pytest.raises(Refused) as refused:
        another.read(created["id"])

    assert refused.value.kind == sdk.refusals.not_found


@every_sdk()
@pytest.mark.parametrize("pairs", [{}, {"note": "x" * 501}], ids=["empty", "too-long"])
def test_an_invalid_context_is_refused(sdk, vault, context, pairs):
    invalid = {**context, **pairs} if pairs else {}

    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context=invalid)

    assert refused.value.kind == sdk.refusals.invalid


@every_sdk(ANY_VALUE)
def test_a_number_in_a_context_is_refused(sdk, vault, context):
    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context={**context, "note": 7})

    assert refused.value.kind == sdk.refusals.invalid


@every_sdk()
def test_the_reason_of_a_refused_context_reaches_the_caller(vault):
    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context={})

    assert refused.value.message.startswith("Invalid key context")
