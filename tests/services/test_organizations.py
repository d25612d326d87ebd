"""Whoever names an organization has to be of it, be there something of that name or not."""

import pytest

from sealring.errors import Forbidden
from sealring.services.objects import ObjectLimits, Objects
from support.make import ACME, BETA, caller, context, services
from support.stores import memory

ME = caller(ACME)
NOT_FOR_IT = "the token is not for this organization"
NAMES_NONE = "add the pair organization_id to the key context"
THEIRS = context(organization_id=BETA)
NOBODYS = context(type="card")


@pytest.fixture
def store():
    return memory()


@pytest.fixture
def use(store):
    use = services(store)
    use.objects.create(caller(BETA), name="theirs", value="v", context=THEIRS)
    return use


@pytest.fixture
def mine(use):
    """A data key of the caller's."""
    return use.data_keys.create(ME, context()).wrapped


ASKS = {
    "create": (lambda use, _: use.objects.create(ME, name="name", value="v", context=THEIRS), NOT_FOR_IT),
    "create for nobody": (lambda use, _: use.objects.create(ME, name="name", value="v", context=NOBODYS), NAMES_NONE),
    "read by name": (lambda use, _: use.objects.read_by_name(ME, "theirs", BETA), NOT_FOR_IT),
    "read by no name": (lambda use, _: use.objects.read_by_name(ME, "nothing", BETA), NOT_FOR_IT),
    "read a property": (lambda use, _: use.objects.read_property(ME, "theirs", BETA, "user"), NOT_FOR_IT),
    "data key": (lambda use, _: use.data_keys.create(ME, THEIRS), NOT_FOR_IT),
    "data key for nobody": (lambda use, _: use.data_keys.create(ME, NOBODYS), NAMES_NONE),
    "rekey": (lambda use, mine: use.data_keys.rekey(ME, mine, THEIRS), NOT_FOR_IT),
    "bindings": (lambda use, _: use.bindings.list(ME, BETA), NOT_FOR_IT),
}


@pytest.mark.parametrize(("ask", "said"), ASKS.values(), ids=ASKS)
def test_an_organization_that_the_token_is_not_for_is_forbidden_and_nothing_is_done(store, use, mine, ask, said):
    before = store.actions()

    with pytest.raises(Forbidden, match=said):
        ask(use, mine)

    assert store.actions() == before


def test_nothing_is_looked_up_in_an_organization_that_the_token_is_not_for():
    without_a_store = Objects(None, None, None, ObjectLimits())

    with pytest.raises(Forbidden, match=NOT_FOR_IT):
        without_a_store.read_property(ME, "theirs", BETA, "user")
