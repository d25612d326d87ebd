"""A principal has the organizations, permissions and keyrings of its claims, within the ceiling of its profile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.kit import claims, profile, sign, verifier, verifier_of
from sealring.auth.scoping import principal_of
from sealring.domain.principal import Permission
from sealring.errors import Unauthenticated


def principal(*, verify=None, **members):
    return principal_of((verify or verifier()).verify(sign(claims() | members)))


def refusal(**members):
    with pytest.raises(Unauthenticated) as caught:
        principal(**members)
    return caught.value.reason


# --- who


def test_the_principal_has_the_issuer_the_subject_and_the_environment_of_the_profile():
    made = principal(environment_id="environment_71H2X3Y4Z5A6B7C8D9E0F1G2H3")

    assert made.issuer == "https://auth.example.com"
    assert made.subject == "user_1"
    assert made.environment == "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H3"


def test_the_same_subject_of_two_issuers_is_two_principals():
    verify = verifier_of(profile(), profile(issuer="https://other.example.com"))

    mine = principal(verify=verify)
    theirs = principal(verify=verify, iss="https://other.example.com")

    assert mine.subject == theirs.subject == "user_1"
    assert mine != theirs


@pytest.mark.parametrize("name", ["Ada", "n" * 200, "Zoë 😀"])
def test_the_name_is_the_name_claim(name):
    assert principal(name=name).name == name


@pytest.mark.parametrize("name", ["", "n" * 201, "a\nb", "\x1b[2J", 1, None, ["Ada"]])
def test_a_name_that_is_no_short_plain_text_gives_way_to_the_subject(name):
    assert principal(name=name).name == "user_1"


# --- organizations


def test_without_a_claim_there_is_no_organization():
    assert principal().organizations == frozenset()


def test_organizations_are_the_one_and_the_list():
    made = principal(org_id="org_1", organization_ids=["org_2", "org_3", "org_1"])

    assert made.organizations == {"org_1", "org_2", "org_3"}


def test_the_profile_names_the_organization_claims():
    verify = verifier(organization_claim="https://example.com/org", organizations_claim="orgs")

    made = principal(
        verify=verify,
        org_id="org_9",
        organization_ids=["org_8"],
        orgs=["org_2"],
        **{"https://example.com/org": "org_1"},
    )

    assert made.organizations == {"org_1", "org_2"}


@pytest.mark.parametrize("org", ["", "o" * 65, "org 1", "org_1\n", "org/1", "*", None, 1, True, ["org_1"], {}])
def test_an_organization_that_is_no_id_is_refused(org):
    assert refusal(org_id=org) == "organization claim"
    assert refusal(organization_ids=["org_1", org]) == "organization claim"


@pytest.mark.parametrize("orgs", ["org_1", None, {"org_1": 1}, 1, ""])
def test_organizations_that_are_no_list_are_refused(orgs):
    assert refusal(organization_ids=orgs) == "organization claim"


# --- permissions


def test_permissions_are_those_of_the_scope_and_of_the_claim():
    made = principal(scope="openid vault:objects:read", permissions=["vault:keys:use"])

    assert made.permissions == {Permission.OBJECTS_READ, Permission.KEYS_USE}


def test_without_a_claim_there_is_no_permission():
    assert principal().permissions == frozenset()


def test_unknown_permissions_are_ignored():
    made = principal(scope="vault:objects:* vault VAULT:KEYS:USE vault:objects:readx", permissions=["", "admin"])

    assert made.permissions == frozenset()


def test_permissions_above_the_ceiling_are_ignored():
    verify = verifier(permissions=["vault:objects:read"])

    made = principal(
        verify=verify, scope="vault:objects:read vault:keks:manage", permissions=["vault:all_organizations"]
    )

    assert made.permissions == {Permission.OBJECTS_READ}
    assert not made.everywhere


def test_the_profile_names_the_permissions_claim():
    made = principal(verify=verifier(permissions_claim="scp"), permissions=["vault:keys:use"], scp="vault:objects:read")

    assert made.permissions == {Permission.OBJECTS_READ}


@pytest.mark.parametrize("value", [None, 1, True, {"vault:keys:use": 1}, [1], ["vault:keys:use", None], [["x"]]])
def test_permissions_that_are_no_texts_are_refused(value):
    assert refusal(permissions=value) == "permissions claim"
    assert refusal(scope=value) == "permissions claim"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["name", "org_id", "organization_ids", "scope", "permissions"]), json_values))
def test_any_claims_make_a_principal_within_the_ceiling_or_are_refused(members):
    try:
        made = principal(**members)
    except Unauthenticated:
        return

    assert made.permissions <= {Permission.OBJECTS_READ, Permission.OBJECTS_CREATE, Permission.KEYS_USE}
    made.name.encode()


# --- keyrings


def test_a_principal_may_use_the_keyrings_of_its_claim():
    assert principal().keyrings == frozenset()
    assert principal(keyrings=["env_1", "ws/2", ""]).keyrings == {"env_1", "ws/2", ""}


def test_the_profile_names_the_keyrings_claim():
    made = principal(verify=verifier(keyrings_claim="rings"), keyrings=["env_1"], rings=["env_2"])

    assert made.keyrings == {"env_2"}


@pytest.mark.parametrize("named", ["env_1", None, 1, {}, [1], [None], ["a\0b"], ["é" * 257]])
def test_a_malformed_keyrings_claim_is_refused(named):
    assert refusal(keyrings=named) == "keyrings claim"
