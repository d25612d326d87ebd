"""The cache of handles drops what is old or least used, and nothing that is in use."""

from sealring_hsm.handles import Handles
from sealring_plugin import DATA, ManagedKey, RootName


def key_named(name):
    return ManagedKey("hsm", name, 1, b"scope", RootName(DATA, 1))


def test_a_handle_is_dropped_after_its_time():
    now, loaded, destroyed = [0.0], iter(range(9)), []
    handles = Handles(ttl_s=300, clock=lambda: now[0])
    key = key_named("key-1")

    seen = []
    for now[0] in (0.0, 299.0, 300.0):
        with handles.using(key, lambda: next(loaded), destroyed.append) as handle:
            seen.append(handle)

    assert seen == [0, 0, 1]
    assert destroyed == [0]


def test_the_least_recently_used_handle_is_dropped_first():
    destroyed = []
    handles = Handles(size=2)
    for name in ("a", "b", "a", "c"):
        with handles.using(key_named(name), lambda name=name: ord(name), destroyed.append):
            pass

    assert destroyed == [ord("b")]


def test_a_handle_in_use_is_destroyed_only_afterwards():
    destroyed = []
    handles = Handles(size=1)
    with handles.using(key_named("a"), lambda: 1, destroyed.append):
        with handles.using(key_named("b"), lambda: 2, destroyed.append):
            assert destroyed == []
        assert destroyed == []

    assert destroyed == [1]
