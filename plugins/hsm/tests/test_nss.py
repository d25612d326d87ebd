"""NSS softokn: another code base, that takes the guard's attributes and ignores them."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from sealring_hsm.ceremony import Officers, make_roots
from sealring_hsm.config import HsmConfig
from sealring_hsm.material import Guard
from sealring_hsm.module import Setup, acquire, release
from sealring_hsm.wrap import HsmProvider
from sealring_plugin import (
    DATA,
    KEEP,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    Purpose,
    RootName,
    WrapContext,
    WrappedKey,
)

MODULES = (
    "/usr/lib/x86_64-linux-gnu/libsoftokn3.so",
    "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
    "/usr/lib64/libsoftokn3.so",
)
PIN = "nss-pin-1234"
DEK = bytes(range(32))
CALL = Call(time.monotonic() + 600, "request-1", "org_acme", Purpose.ENCRYPT)
CONTEXT = WrapContext({}, b"aad")


@pytest.fixture
def config(tmp_path):
    module = next((Path(path) for path in MODULES if Path(path).exists()), None)
    if module is None:
        pytest.skip("NSS softokn is not installed")
    (tmp_path / "pin").touch(0o600)
    (tmp_path / "pin").write_text(PIN)
    parameters = f"configdir='sql:{tmp_path}' certPrefix='' keyPrefix='' secmod='' dbTokenDescription='sealring'"
    made = HsmConfig(module=module, pin_file=tmp_path / "pin", init_string=parameters, allow_unguarded=True)
    loaded = acquire(Setup.of(made))
    with loaded.alone(CALL.deadline):
        loaded.start()
        officer = loaded.token("sealring").open(rw=True, so_pin="")
        officer.init_pin(PIN)
        officer.close()
        make_roots(loaded, made, [RootName(DATA, 1), RootName(KEEP, 1)], Officers(PIN), (Guard.SEALED,))
    release(loaded)
    return made


@pytest.fixture
def provider(config):
    made = HsmProvider(config)
    yield made
    made.close()


def test_a_wrapped_key_is_unwrapped(provider):
    key = provider.create_key("key-1", 1, b"scope", DATA, CALL)

    assert provider.unwrap(provider.wrap(key, DEK, CONTEXT, CALL), key, CONTEXT, CALL) == DEK
    provider.check(CALL)


def test_each_bit_of_a_wrapped_key_counts(provider):
    key = provider.create_key("key-1", 1, b"scope", DATA, CALL)
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)
    for position in range(8 * len(wrapped.blob)):
        flipped = bytearray(wrapped.blob)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(CiphertextRejected):
            provider.unwrap(WrappedKey(wrapped.alg, bytes(flipped)), key, CONTEXT, CALL)


def test_its_guard_is_by_convention_only_whatever_it_accepts(provider):
    assert provider.announcement() == "export guard: by convention only"
    assert [attempt.name for attempt in provider.guard_report().attempts if attempt.succeeded] == [
        "copy the root with the right to decrypt",
        "unwrap a key as readable",
        "wrap a key with an own key",
        "unwrap a key as exportable, and wrap it with an own key",
        "keep an unwrapped key on the token",
        "unwrap a key for derivation",
    ]


def test_it_is_refused_unless_it_is_allowed(config):
    provider = HsmProvider(replace(config, allow_unguarded=False))

    with pytest.raises(ConfigInvalid, match="by convention only"):
        provider.check(CALL)
    provider.close()


def test_its_canary_is_in_a_file_since_it_takes_no_data_objects(config):
    canary = config.pin_file.with_name("canary.default-data.1")

    assert canary.stat().st_mode & 0o777 == 0o600
    assert canary.read_bytes().startswith(b"SRH\x01")
