"""The gateway: whatever a plugin does, the caller gets a failure of ours, and never another key."""

from dataclasses import replace

import pytest

import sealring_plugin
from providers.broken import CONTEXT, KEY, Broken, a_call, gateway_to, raising, wrap
from sealring import errors
from sealring.errors import IntegrityFailure, KeyMisconfigured, PluginFault
from sealring.providers.gateway import Gateway, Unwrapping
from sealring.providers.instances import ManagedSource, Source
from sealring_plugin import DATA, KEEP, ManagedKey, RootName, WrappedKey

MANAGED = ManagedKey("broken", "key-1", 1, b"scope", RootName(DATA, 1))


@pytest.fixture(params=[False, True], ids=["direct", "waits"])
def wrapping(request):
    """Wrap with a provider that acts like this."""
    return lambda act: wrap(gateway_to(lambda: Broken(act), waits=request.param))


@pytest.fixture(params=[False, True], ids=["direct", "waits"])
def unwrapping(request):
    """Unwrap with a provider that acts like this."""
    return lambda act: unwrap(gateway_to(lambda: Broken(act), waits=request.param))


def unwrap(gateway, key=KEY):
    return gateway.unwrap([Unwrapping(key, WrappedKey("alg", b"blob"), CONTEXT)], a_call())[0]


MEANINGS = [
    (sealring_plugin.AccessDenied(), errors.KeyAccessDenied),
    (sealring_plugin.KeyDisabled(), errors.KeyDisabled),
    (sealring_plugin.KeyPendingDeletion(when="2026-12-01T00:00:00Z"), errors.KeyPendingDeletion),
    (sealring_plugin.KeyDestroyed(), errors.KeyDestroyed),
    (sealring_plugin.KeyNotFound(), errors.KeyNotFound),
    (sealring_plugin.WrongRegion(), errors.KeyMisconfigured),
    (sealring_plugin.Unsupported(), errors.KeyMisconfigured),
    (sealring_plugin.ConfigInvalid(), errors.KeyMisconfigured),
    (sealring_plugin.Throttled(retry_after_s=1), errors.KeyThrottled),
    (sealring_plugin.Unavailable(), errors.KeyUnavailable),
    (sealring_plugin.DeadlineExceeded(), errors.KeyDeadlineExceeded),
    (sealring_plugin.ContextMismatch(), errors.IntegrityFailure),
    (sealring_plugin.CiphertextRejected(), errors.IntegrityFailure),
    (sealring_plugin.ProviderError(), errors.PluginFault),
    (RuntimeError(), errors.PluginFault),
    (MemoryError(), errors.PluginFault),
]


@pytest.mark.parametrize(("raised", "expected"), MEANINGS)
def test_every_failure_of_wrapping_has_one_meaning(wrapping, raised, expected):
    with pytest.raises(expected) as failure:
        wrapping(raising(raised))

    assert type(failure.value) is expected


@pytest.mark.parametrize(("raised", "expected"), MEANINGS)
def test_every_failure_of_unwrapping_has_one_meaning(unwrapping, raised, expected):
    with pytest.raises(expected) as failure:
        unwrapping(raising(raised))

    assert type(failure.value) is expected


def test_a_failure_that_a_plugin_derives_keeps_its_meaning(wrapping):
    class Denied(sealring_plugin.AccessDenied):
        pass

    with pytest.raises(errors.KeyAccessDenied):
        wrapping(raising(Denied()))


def test_a_fault_tells_the_type_and_nothing_else(wrapping):
    with pytest.raises(PluginFault) as failure:
        wrapping(raising(RuntimeError("hunter2")))

    assert "RuntimeError" in str(failure.value)
    assert "hunter2" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


@pytest.mark.parametrize("made", [None, bytes(32), bytearray(31), bytearray(33), bytearray()])
def test_an_unwrapped_key_of_another_form_is_a_fault(unwrapping, made):
    with pytest.raises(PluginFault):
        unwrapping(lambda: made)


@pytest.mark.parametrize("made", [WrappedKey("alg", b""), WrappedKey("alg", bytes(8193)), WrappedKey("", b"x"), None])
def test_a_wrapped_key_of_another_form_is_a_fault(wrapping, made):
    with pytest.raises(PluginFault):
        wrapping(lambda: made)


def test_a_provider_that_is_not_loaded_is_misconfigured():
    with pytest.raises(KeyMisconfigured):
        wrap(Gateway({}, {}))


def unused():
    raise AssertionError("a provider of another kind was asked")


def test_a_managed_key_that_names_a_customers_provider_reaches_nobody():
    gateway = Gateway({}, {"broken": Source(unused)})

    with pytest.raises(KeyMisconfigured, match="'broken', which .keys. managed and managed_readable do not"):
        wrap(gateway, MANAGED)
    with pytest.raises(KeyMisconfigured, match="managed_readable"):
        unwrap(gateway, MANAGED)
    with pytest.raises(KeyMisconfigured, match="managed_readable"):
        gateway.create_key("broken", "key-1", b"scope", DATA, a_call())


def test_a_customers_key_that_names_a_managed_provider_reaches_nobody():
    gateway = Gateway({"broken": ManagedSource(unused)}, {})

    for use in (wrap, unwrap):
        with pytest.raises(KeyMisconfigured, match="No plugin is loaded"):
            use(gateway, KEY)
    for ask in (gateway.describe, gateway.validate):
        with pytest.raises(KeyMisconfigured, match="No plugin is loaded"):
            ask(KEY, a_call())
    with pytest.raises(KeyMisconfigured, match="No plugin is loaded"):
        gateway.setup_guide("broken", "us", "external-id", a_call())


@pytest.mark.parametrize("use", [wrap, unwrap])
def test_a_managed_key_that_the_settings_do_not_name_is_never_used(use):
    def check_key(key):
        raise sealring_plugin.ConfigInvalid(f"{key.key_id} is not the key of these settings")

    provider = Broken(unused)
    gateway = Gateway({"broken": ManagedSource(lambda: provider, waits=False, check_key=check_key)}, {})

    with pytest.raises(KeyMisconfigured) as refused:
        use(gateway, MANAGED)

    assert str(refused.value.__cause__) == "key-1 is not the key of these settings"


CREATED = ManagedKey("broken", "their-id", 1, b"scope", RootName(DATA, 3), b"material")


def creating(made):
    provider = Broken(None)
    provider.create_key = lambda *_: made
    gateway = Gateway({"broken": ManagedSource(lambda: provider, waits=False)}, {})
    return gateway.create_key("broken", "key-1", b"scope", DATA, a_call())


def test_a_created_key_may_have_a_name_of_the_providers_own():
    assert creating(CREATED) == CREATED


@pytest.mark.parametrize(
    "made",
    [
        None,
        KEY,
        replace(CREATED, provider="other"),
        replace(CREATED, version=2),
        replace(CREATED, scope=b"other"),
        replace(CREATED, root=RootName(KEEP, 3)),
        replace(CREATED, root=RootName(DATA, 0)),
        replace(CREATED, root=RootName(DATA, 2**32)),
        replace(CREATED, root=("data", 3)),
        replace(CREATED, key_id=7),
        replace(CREATED, material="text"),
    ],
)
def test_a_created_key_of_another_form_is_a_fault(made):
    with pytest.raises(PluginFault):
        creating(made)


def test_a_provider_is_built_once_and_only_when_used():
    built = []

    def build():
        built.append(Broken(lambda: bytearray(32)))
        return built[-1]

    gateway = gateway_to(build)
    assert built == []

    for _ in range(2):
        unwrap(gateway)

    assert len(built) == 1


def test_a_provider_that_could_not_be_built_is_tried_again():
    attempts = []

    def build():
        attempts.append(1)
        if len(attempts) == 1:
            raise sealring_plugin.ConfigInvalid
        return Broken(lambda: bytearray(32))

    gateway = gateway_to(build)
    with pytest.raises(KeyMisconfigured):
        unwrap(gateway)

    assert unwrap(gateway) == bytearray(32)


def test_closing_closes_what_was_built():
    provider = Broken(lambda: bytearray(32))
    gateway = Gateway({}, {"broken": Source(lambda: provider), "unused": Source(raising(AssertionError))})
    unwrap(gateway)

    gateway.close()

    assert provider.closed == 1


def test_a_refused_wrap_is_an_integrity_failure_with_its_reason_apart(unwrapping):
    with pytest.raises(IntegrityFailure) as failure:
        unwrapping(raising(sealring_plugin.CiphertextRejected("text of the plugin")))

    assert failure.value.reason == "wrapped key"
    assert "plugin" not in str(failure.value)


# --- providers that wait


def test_a_share_that_was_unwrapped_for_nothing_is_wiped():
    share = bytearray(b"s" * 32)
    provider = Broken(None)
    answers = [lambda: share, raising(sealring_plugin.KeyDisabled())]
    provider.unwrap = lambda *_: answers.pop(0)()
    gateway = gateway_to(lambda: provider)
    one = Unwrapping(KEY, WrappedKey("alg", b"blob"), CONTEXT)

    with pytest.raises(errors.KeyDisabled):
        gateway.unwrap([one, one], a_call())

    assert share == bytearray(32)
