"""Rules for service accounts: which subjects they cover, and what those get."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.auth.cluster_rules import NOTHING, SubjectRule, granted_to
from sealring.domain.principal import Permission
from sealring.errors import SettingsInvalid
from sealring.table import Table

CEILING = frozenset({Permission.OBJECTS_READ, Permission.OBJECTS_LIST, Permission.ALL_ORGANIZATIONS})


def rule(sub="system:serviceaccount:shop:billing", organizations=("org_a",), permissions=("vault:objects:read",)):
    members = {"sub": sub, "organizations": list(organizations), "permissions": list(permissions)}
    return SubjectRule.parse(Table("rules[1]:", members), CEILING)


def refusal(**changes):
    with pytest.raises(SettingsInvalid) as caught:
        rule(**changes)
    return str(caught.value)


def organizations(subject, *rules):
    return granted_to(subject, rules).organizations


def test_a_subject_gets_what_its_rule_grants_and_nothing_else():
    granted = granted_to("system:serviceaccount:shop:billing", [rule()])

    assert granted.organizations == {"org_a"}
    assert granted.permissions == {Permission.OBJECTS_READ}


@pytest.mark.parametrize(
    "subject",
    [
        "system:serviceaccount:shop:billing2",
        "system:serviceaccount:shop2:billing",
        "system:serviceaccount:billing:shop",
        "xsystem:serviceaccount:shop:billing",
        "system:node:shop:billing",
        "system:serviceaccount:shop",
        "shop:billing",
        "",
    ],
)
def test_a_subject_without_a_rule_has_nothing(subject):
    assert granted_to(subject, [rule()]) is NOTHING


def test_the_first_rule_that_covers_a_subject_decides_alone():
    narrow, wide = rule(), rule("system:serviceaccount:*:*", ["org_b"], ["vault:objects:list"])
    subject = "system:serviceaccount:shop:billing"

    assert granted_to(subject, [narrow, wide]) == narrow.granted
    assert granted_to(subject, [wide, narrow]) == wide.granted


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("shop:*", ["shop:billing", "shop:a.b"], ["shop2:billing", "ashop:billing"]),
        ("*:billing", ["shop:billing", "other:billing"], ["shop:billing2", "shop:xbilling"]),
        ("shop-*:billing", ["shop-1:billing", "shop-a-b:billing"], ["shop:billing", "shopx:billing"]),
        ("*-prod:web-*", ["eu-prod:web-1"], ["eu-dev:web-1", "eu-prod:worker"]),
        ("*:*", ["shop:billing"], []),
    ],
)
def test_a_star_stands_for_characters_of_one_part(pattern, covered, not_covered):
    one = rule(f"system:serviceaccount:{pattern}")

    assert [organizations(f"system:serviceaccount:{each}", one) for each in covered] == [{"org_a"}] * len(covered)
    assert [organizations(f"system:serviceaccount:{each}", one) for each in not_covered] == [set()] * len(not_covered)


@pytest.mark.parametrize("pattern", ["shop:*", "*:billing", "*:*"])
@pytest.mark.parametrize(
    "account",
    [
        "shop:x:billing",
        "shop:billing:x",
        "shop::billing",
        ":billing",
        "shop:",
        "shop:billing\n",
        "shop\n:billing",
        "shop:bill\x00ing",
        "shop:bílling",
        "shop:billing ",
        "Shop:billing",
        "shop:BILLING",
        "shop:*",
        "*:billing",
        "shop:-billing",
        "shop:billing.",
        "shop:a..b",
        "shop.x:billing",
        f"{'s' * 64}:billing",
        f"shop:{'b' * 254}",
        "shop:system:serviceaccount:shop:billing",
    ],
)
def test_what_no_service_account_is_called_is_covered_by_no_star(pattern, account):
    assert granted_to(f"system:serviceaccount:{account}", [rule(f"system:serviceaccount:{pattern}")]) is NOTHING


@pytest.mark.parametrize("account", [f"{'s' * 63}:billing", f"shop:{'b' * 253}", "0:0", "a-b:c-d.e-f"])
def test_the_longest_and_the_oddest_names_of_kubernetes_are_covered(account):
    assert organizations(f"system:serviceaccount:{account}", rule("system:serviceaccount:*:*")) == {"org_a"}


@given(st.text(string.ascii_letters + ":*?[]!-.\n\x00é", max_size=40))
def test_whatever_a_subject_is_a_rule_for_one_account_covers_no_other(text):
    subject = f"system:serviceaccount:{text}"

    covered = granted_to(subject, [rule()]) is not NOTHING

    assert covered == (subject == "system:serviceaccount:shop:billing")


@pytest.mark.parametrize(
    "sub",
    [
        "*",
        "*:*",
        "*:*:*:*",
        "system:*:shop:billing",
        "system:serviceaccount:*",
        "system:serviceaccount:shop",
        "system:serviceaccount:shop:billing:x",
        "system:serviceaccount::billing",
        "system:serviceaccount:shop:",
        "system:serviceaccount:sh?p:billing",
        "system:serviceaccount:[a-z]*:billing",
        "system:serviceaccount:Shop:billing",
        "system:serviceaccount:shop:billing\n",
        "system:serviceaccount:shop:**é",
        "system:serviceaccounts:shop",
        "System:serviceaccount:shop:billing",
    ],
)
def test_a_pattern_of_another_form_is_refused(sub):
    assert refusal(sub=sub) == (
        "rules[1]: sub must be system:serviceaccount:NAMESPACE:NAME, of lower case letters, digits, '-', '.' and '*'"
    )


def test_a_permission_above_the_ceiling_of_the_issuer_is_refused():
    assert refusal(permissions=["vault:objects:delete"]).startswith("rules[1]: permissions must be a list of vault:")


@pytest.mark.parametrize("named", [["org a"], [""], ["org_a", "org_a"], ["*"], ["org_*"]])
def test_organizations_are_named_one_by_one(named):
    assert "organizations must be different ids" in refusal(organizations=named)


def test_a_rule_for_nobody_and_one_for_some_and_all_are_refused():
    everywhere = ["vault:objects:read", "vault:all_organizations"]

    assert "organizations must name at least one" in refusal(organizations=[])
    assert "but not both" in refusal(permissions=everywhere)
    assert rule(organizations=[], permissions=everywhere).granted.permissions == frozenset(everywhere)


def test_many_stars_take_no_time_that_a_tenant_could_choose():
    slow = rule(f"system:serviceaccount:shop:{'*a' * 60}*b")

    assert granted_to(f"system:serviceaccount:shop:{'a' * 253}", [slow]) is NOTHING
