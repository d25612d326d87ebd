"""Who has to act: a failure says so, in its text too, and keeps saying so."""

import pytest

import sealring_plugin as api
from sealring.errors import KeyAccessDenied, KeyDisabled, KeyFailure, StoreUnavailable
from sealring.providers.failures import for_the_operator, overdue, translated
from sealring.providers.gateway import Gateway, Wrapping, call_for
from sealring.providers.instances import ManagedSource, Source
from sealring.store.connection.links import Links
from sealring_plugin import DATA, CustomersKey, ManagedKey, Purpose, RootName, WrapContext

OWNERS = [
    (api.AccessDenied(), "tenant", "Access to the key is denied. Ask its owner to restore the grant."),
    (api.KeyDisabled(), "tenant", "The key is disabled. Ask its owner to enable it."),
    (api.KeyPendingDeletion(), "tenant", "The key is scheduled for deletion. Ask its owner to cancel the deletion."),
    (api.KeyDestroyed(), "tenant", "The key is destroyed; its data can never be read again."),
    (api.KeyNotFound(), "tenant", "The key's provider does not know the key. Ask its owner to check the binding."),
    (api.WrongRegion(), "tenant", "The key is in another region. Ask its owner to check the binding."),
    (api.Unsupported(), "tenant", "The key cannot do this. Ask its owner to check its type."),
    (api.ConfigInvalid(), "operator", "The key's provider is not set up. Tell the operator."),
    (api.RootLost(), "operator", "The root of the server's keys is missing, or another one. Tell the operator."),
    (api.Throttled(), "tenant", "The key's provider limits the rate of requests. Try again later."),
    (api.Unavailable(), "operator", "The key's provider does not answer. Try again later."),
    (api.DeadlineExceeded(), "operator", "The key's provider did not answer in time. Try again later."),
    (RuntimeError(), "plugin", "The key's provider failed (RuntimeError). Tell the operator."),
]


CONTEXT = WrapContext({}, b"")


def a_call():
    return call_for(environment="env", tenant="org_acme", request_id="r", purpose=Purpose.ENCRYPT)


class DeniedToOurAccount(api.AccessDenied):
    owner = "operator"


class Refusing:
    def __init__(self, failure):
        self.failure = failure

    def wrap(self, key, dek, context, call):
        raise self.failure

    def close(self):
        pass


def raised(call):
    with pytest.raises(KeyFailure) as failure:
        call()
    return failure.value


def raising(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize(("error", "owner", "text"), OWNERS)
def test_a_failure_says_who_has_to_act(error, owner, text):
    failure = raised(lambda: translated(raising(error)))

    assert (failure.owner, str(failure)) == (owner, text)


def test_a_plugin_may_say_that_a_denial_is_the_operators():
    failure = raised(lambda: translated(raising(DeniedToOurAccount())))

    assert type(failure) is KeyAccessDenied
    assert (failure.owner, str(failure)) == ("operator", "Access to the key is denied. Tell the operator.")


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [error for error, *_ in OWNERS if isinstance(error, api.ProviderError)])
def test_what_is_wrong_with_a_key_of_ours_is_never_a_tenants(error, waits):
    gateway = Gateway({"hsm": ManagedSource(lambda: Refusing(error), waits=waits)}, {})
    key = ManagedKey("hsm", "key", 1, b"scope", RootName(DATA, 1))

    failure = raised(lambda: gateway.wrap([Wrapping(key, bytearray(32), CONTEXT)], a_call()))

    assert failure.owner == "operator"
    assert "owner" not in str(failure)


def test_a_provider_that_cannot_say_how_to_admit_us_is_the_operators():
    gateway = Gateway({}, {"kms": Source(lambda: Refusing(None), waits=False)})

    failure = raised(lambda: gateway.setup_guide("kms", "us", "external-1", a_call()))

    assert failure.owner == "operator"


def test_an_answer_that_is_overdue_is_the_operators():
    assert overdue().owner == "operator"


@pytest.mark.parametrize("error", [DeniedToOurAccount(), api.KeyDisabled()])
def test_a_failure_that_is_repeated_without_asking_says_the_same(error):
    gateway = Gateway({}, {"kms": Source(lambda: Refusing(error))})
    wrapping = Wrapping(CustomersKey("kms", "key", 1), bytearray(32), CONTEXT)

    first, second, third = (raised(lambda: gateway.wrap([wrapping], a_call())) for _ in range(3))

    assert len({id(each) for each in (first, second, third)}) == 3
    for each in (second, third):
        assert (type(each), str(each), each.owner) == (type(first), str(first), first.owner)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", ""), ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"), ("x" * 64, "x" * 64),
        ("x" * 65, ""), ("a secret", ""), ("a\nline", ""), (b"bytes", ""), (7, ""), (None, ""),
    ],
)  # fmt: skip
def test_the_id_that_the_provider_gave_to_a_call_is_kept_for_the_log_if_it_is_one(given, told):
    error = api.AccessDenied("denied")
    error.request_id = given

    failure = raised(lambda: translated(raising(error)))

    assert (failure.provider_request_id, str(failure)) == (
        told,
        "Access to the key is denied. Ask its owner to restore the grant.",
    )


def test_a_failure_is_the_tenants_where_nothing_else_is_said():
    assert KeyDisabled("The key's binding is suspended.").owner == "tenant"


def test_the_operator_is_told_which_store_does_not_answer_and_why(tmp_path):
    with pytest.raises(StoreUnavailable) as away:
        Links.to(f"unix://{tmp_path}/none.sock", 0).call((b"PING",))

    assert for_the_operator(away.value) == (
        f"The store does not answer. Try again later. (Error 2 connecting to {tmp_path}/none.sock. No such file or directory.)"
    )
