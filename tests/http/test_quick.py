"""What a quick checker passes, the schema would have loaded; and it passes what clients usually send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, post_load, validate

from sealring.http.bindings import requests as bindings
from sealring.http.data_keys import requests as data_keys
from sealring.http.objects import requests as objects
from sealring.http.quick import checker_of
from sealring.http.schemas import Nothing, Strict, Tolerant
from sealring.http.usage.requests import UsageQuery

CONTEXT = {"organization_id": "org_acme"}
HOT = {
    "create": (objects.CreateObject(), {"name": "token", "value": "s3cret", "key_context": CONTEXT}),
    "update": (objects.UpdateObject(), {"value": "s3cret"}),
    "update with a check": (objects.UpdateObject(), {"value": "s3cret", "version_check": None, "key_context": None}),
    "data key": (data_keys.CreateDataKey(), {"context": CONTEXT}),
    "decrypt": (data_keys.DecryptDataKey(), {"keys": "AAAA"}),
    "rekey": (data_keys.RekeyDataKey(), {"encrypted_keys": "AAAA", "context": CONTEXT}),
    "delete": (objects.DeleteQuery(), {"version_check": "x"}),
    "nothing": (Nothing(), {}),
}
OTHERS = (objects.ListQuery(), objects.NameQuery(), bindings.CreateBinding(), bindings.BindingsQuery(), UsageQuery())
SCHEMAS = (*(schema for schema, _ in HOT.values()), *OTHERS)

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["x" * 200, "x" * 201, ".", "..", " ", "\x7f", "7", "+7", "asc", "\ud800"]),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=3), st.one_of(st.text(max_size=3), st.integers()), max_size=3),
    st.just(CONTEXT),
    st.just({"organization_id": "org_acme", "organizationId": "org_other"}),
)


def slowly(schema, members):
    """What marshmallow alone makes of members; None if it refuses them."""
    try:
        return Schema.load(schema, members)
    except ValidationError:
        return None


@given(st.data())
def test_what_is_passed_is_what_the_schema_loads(data):
    schema = data.draw(st.sampled_from(SCHEMAS))
    names = st.sampled_from([*schema.fields, "another"])
    members = data.draw(st.dictionaries(names, values, max_size=5))
    check = checker_of(schema)

    passed = None if check is None else check(members)

    assert passed is None or passed == slowly(schema, members)


@pytest.mark.parametrize(("schema", "members"), HOT.values(), ids=list(HOT))
def test_usual_bodies_are_passed(schema, members):
    assert checker_of(schema)(members) == slowly(schema, members)


def test_a_strict_schema_passes_no_unknown_member_and_a_tolerant_one_ignores_it():
    class Kind(Strict):
        known = fields.String()

    class Kinder(Tolerant):
        known = fields.String()

    assert checker_of(Kind())({"known": "x", "another": 1}) is None
    assert checker_of(Kinder())({"known": "x", "another": 1}) == {"known": "x"}


def test_null_is_passed_only_for_a_member_that_may_be_null():
    class Kind(Strict):
        needed = fields.String(required=True)
        other = fields.String()
        free = fields.String(allow_none=True)

    check = checker_of(Kind())

    assert check({"needed": None}) is None
    assert check({"needed": "x", "other": None}) is None
    assert check({"needed": "x", "free": None}) == {"needed": "x", "free": None}


class Hooked(Strict):
    known = fields.String()

    @post_load
    def shout(self, loaded, **options):
        return {"known": loaded["known"].upper()}


class Validated(Strict):
    known = fields.String(validate=validate.Length(max=1))


class Renamed(Strict):
    known = fields.String(data_key="Known")


class Placed(Strict):
    known = fields.String(attribute="placed")


class Computed(Strict):
    known = fields.String(load_default=lambda: "now")


class Included(Schema):
    class Meta:
        unknown = "include"


@pytest.mark.parametrize("kind", [Hooked, Validated, Renamed, Placed, Computed, Included])
def test_a_schema_that_does_more_has_no_checker(kind):
    assert checker_of(kind()) is None


def test_a_hook_counts_although_the_members_are_good():
    assert Hooked().load({"known": "x"}) == {"known": "X"}
