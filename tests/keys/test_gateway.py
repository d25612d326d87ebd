"""The gateway: whatever a plugin does, the caller gets a failure of ours, and never another key."""

import pytest

import sealring_plugin
from sealring import errors
from sealring.errors import IntegrityFailure, KeyMisconfigured, PluginFault
from sealring.keys.gateway import Gateway, call_for
from sealring_plugin import KeyRef, Purpose, WrapBinding, WrappedKey

KEY = KeyRef("broken", "key-1", 1)
BINDING = WrapBinding({}, b"aad")
CALL = call_for(tenant="org_acme", request_id="request-1", purpose=Purpose.ENCRYPT)


class Broken:
    """A provider that does what it is told."""

    def __init__(self, act):
        self.act = act
        self.closed = 0

    def wrap(self, key, dek, binding, call):
        return self.act()

    def unwrap(self, wrapped, key, binding, call):
        return self.act()

    def close(self):
        self.closed += 1


def raising(error):
    def act():
        raise error

    return act


def wrapping(act):
    return Gateway({"broken": lambda: Broken(act)}).wrap(KEY, bytearray(32), BINDING, CALL)


def unwrapping(act):
    return Gateway({"broken": lambda: Broken(act)}).unwrap(WrappedKey("alg", b"blob"), KEY, BINDING, CALL)


@pytest.mark.parametrize("use", [wrapping, unwrapping])
@pytest.mark.parametrize(
    ("raised", "expected"),
    [
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
    ],
)
def test_every_failure_of_a_provider_has_one_meaning(use, raised, expected):
    with pytest.raises(expected) as failure:
        use(raising(raised))

    assert type(failure.value) is expected


def test_a_failure_that_a_plugin_derives_keeps_its_meaning():
    class Denied(sealring_plugin.AccessDenied):
        pass

    with pytest.raises(errors.KeyAccessDenied):
        wrapping(raising(Denied()))


def test_a_fault_tells_the_type_and_nothing_else():
    with pytest.raises(PluginFault) as failure:
        wrapping(raising(RuntimeError("hunter2")))

    assert "RuntimeError" in str(failure.value)
    assert "hunter2" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


@pytest.mark.parametrize("made", [None, bytes(32), bytearray(31), bytearray(33), bytearray()])
def test_an_unwrapped_key_of_another_form_is_a_fault(made):
    with pytest.raises(PluginFault):
        unwrapping(lambda: made)


@pytest.mark.parametrize("made", [WrappedKey("alg", b""), WrappedKey("alg", bytes(8193)), WrappedKey("", b"x"), None])
def test_a_wrapped_key_of_another_form_is_a_fault(made):
    with pytest.raises(PluginFault):
        wrapping(lambda: made)


def test_a_provider_that_is_not_loaded_is_misconfigured():
    with pytest.raises(KeyMisconfigured):
        Gateway({}).wrap(KEY, bytearray(32), BINDING, CALL)


def test_a_provider_that_makes_no_keys_is_misconfigured():
    with pytest.raises(KeyMisconfigured):
        Gateway({"broken": lambda: Broken(None)}).create_key("broken", "key-1", b"scope", CALL)


def test_a_provider_is_built_once_and_only_when_used():
    built = []

    def build():
        built.append(Broken(lambda: bytearray(32)))
        return built[-1]

    gateway = Gateway({"broken": build})
    assert built == []

    for _ in range(2):
        gateway.unwrap(WrappedKey("alg", b"blob"), KEY, BINDING, CALL)

    assert len(built) == 1


def test_a_provider_that_could_not_be_built_is_tried_again():
    attempts = []

    def build():
        attempts.append(1)
        if len(attempts) == 1:
            raise sealring_plugin.ConfigInvalid
        return Broken(lambda: bytearray(32))

    gateway = Gateway({"broken": build})
    with pytest.raises(KeyMisconfigured):
        gateway.unwrap(WrappedKey("alg", b"blob"), KEY, BINDING, CALL)

    assert gateway.unwrap(WrappedKey("alg", b"blob"), KEY, BINDING, CALL) == bytearray(32)


def test_closing_closes_what_was_built():
    provider = Broken(lambda: bytearray(32))
    gateway = Gateway({"broken": lambda: provider, "unused": raising(AssertionError)})
    gateway.unwrap(WrappedKey("alg", b"blob"), KEY, BINDING, CALL)

    gateway.close()

    assert provider.closed == 1


def test_a_refused_wrap_is_an_integrity_failure_with_its_reason_apart():
    with pytest.raises(IntegrityFailure) as failure:
        unwrapping(raising(sealring_plugin.CiphertextRejected("text of the plugin")))

    assert failure.value.reason == "wrapped key"
    assert "plugin" not in str(failure.value)
