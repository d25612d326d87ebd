"""Threads, forks and deaths of processes: what crashes a PKCS#11 module that is used carelessly."""

import threading
import time
from pathlib import Path

import pytest
from pkcs11 import Attribute

from sealring_hsm.module import Setup, acquire, release
from sealring_plugin import DATA

DEK = bytearray(range(32))
SECONDS = 2.0


def test_loading_the_spec_imports_no_pkcs11(run):
    assert run("import sealring_hsm.spec\nprint('pkcs11' in __import__('subprocess').sys.modules)") != []
    lines = run("""
    import subprocess
    code = "import sys, sealring_hsm.spec; print(sorted(m for m in sys.modules if 'pkcs11' in m or m == 'ctypes'))"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    """)

    assert lines == ["[]"]


def test_building_a_provider_touches_no_module(run):
    lines = run("""
    loaded = lambda: "libsofthsm2" in Path("/proc/self/maps").read_text()
    provider = HsmProvider(config)
    print(loaded())
    provider.check(CALL)
    print(loaded())
    """)

    assert lines == ["False", "True"]


@pytest.mark.parametrize("reset_on_fork", ["false", "true"])
@pytest.mark.parametrize("opened_before", [False, True])
def test_a_provider_works_on_both_sides_of_a_fork(config, run, opened_before, reset_on_fork):
    with config.conf_file.open("a") as conf:
        conf.write(f"library.reset_on_fork = {reset_on_fork}\n")

    lines = run(f"""
    provider = HsmProvider(config)
    if {opened_before}:
        key = provider.create_key("key-1", 1, b"scope", DATA, CALL)
        wrapped = provider.wrap(key, DEK, BINDING, CALL)
    children = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                if not {opened_before}:
                    key = provider.create_key("key-1", 1, b"scope", DATA, CALL)
                    wrapped = provider.wrap(key, DEK, BINDING, CALL)
                good = all(provider.unwrap(wrapped, key, BINDING, CALL) == DEK for _ in range(100))
                provider.check(CALL)
                provider.close()
            except BaseException as error:
                print(repr(error), flush=True)
                good = False
            os._exit(0 if good else 1)
        children.append(pid)
    key = provider.create_key("key-2", 1, b"scope", DATA, CALL)
    for _ in range(200):
        assert provider.unwrap(provider.wrap(key, DEK, BINDING, CALL), key, BINDING, CALL) == DEK
    print([os.waitpid(pid, 0)[1] for pid in children])
    provider.check(CALL)
    print(provider.unwrap(provider.wrap(key, DEK, BINDING, CALL), key, BINDING, CALL) == DEK)
    """)

    assert lines == ["[0, 0, 0]", "True"]


def test_a_fork_while_other_threads_are_inside_leaves_the_child_no_shut_lock(run):
    lines = run("""
    import threading
    provider = HsmProvider(config)
    key = provider.create_key("key-1", 1, b"scope", DATA, CALL)
    wrapped = provider.wrap(key, DEK, BINDING, CALL)
    going = True
    def work():
        while going:
            provider.unwrap(wrapped, key, BINDING, CALL)
            provider.create_key("key-2", 1, b"scope", DATA, CALL)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    statuses = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if provider.unwrap(wrapped, key, BINDING, CALL) == DEK else 1)
        statuses.append(os.waitpid(pid, 0)[1])
    going = False
    [thread.join() for thread in threads]
    print(set(statuses))
    """)

    assert lines == ["{0}"]


@pytest.mark.parametrize("locking", ["lock", "os"])
def test_many_threads_may_call_at_once(make_provider, context, call, locking):
    provider = make_provider(locking=locking, session_limit=6)
    keys = [provider.create_key(f"key-{number}", 1, b"scope", DATA, call) for number in range(4)]
    failures, until = [], time.monotonic() + SECONDS

    def work(number):
        try:
            while time.monotonic() < until:
                mine = keys[number % 4]
                wrapped = provider.wrap(mine, DEK, context, call)
                new = provider.create_key(f"new-{number}", 1, b"scope", DATA, call)
                provider.check(call)
                if provider.unwrap(wrapped, mine, context, call) != DEK:
                    failures.append("another key")
                provider.wrap(new, DEK, context, call)
        except Exception as error:  # noqa: BLE001  whatever it is, the test has to see it
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_threads_go_on_while_the_module_is_initialised_anew(config, make_provider, context, call):
    provider = make_provider(locking="os")
    key = provider.create_key("key-1", 1, b"scope", DATA, call)
    module = acquire(Setup.of(_with(config, locking="os")))
    failures, until = [], time.monotonic() + SECONDS

    def work():
        try:
            while time.monotonic() < until:
                if provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) != DEK:
                    failures.append("another key")
        except Exception as error:  # noqa: BLE001
            failures.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    restarts = 0
    while time.monotonic() < until:
        with module.alone(call.deadline):
            module.restart(module.generation)
        restarts += 1
        threads[0].join(0.05)
    for thread in threads:
        thread.join()
    release(module)

    assert failures == []
    assert restarts > 5


def test_two_processes_that_make_the_same_key_at_once_both_make_a_good_one(start, provider, context, call):
    script = """
    provider = HsmProvider(config)
    provider.check(CALL)
    print("ready", flush=True)
    sys.stdin = open(0)
    while not (folder / "go").exists():
        pass
    for _ in range(50):
        key = provider.create_key("key-1", 1, b"scope", DATA, CALL)
        print(key.material.hex(), provider.wrap(key, DEK, BINDING, CALL).blob.hex())
    """
    from sealring_plugin import DATA, ManagedKey, RootName, WrapContext, WrappedKey  # noqa: PLC0415

    processes = [start(script), start(script)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    (processes[0].args[3] / "go").touch()

    lines = [line.split() for process in processes for line in process.communicate(timeout=60)[0].splitlines()]

    assert len(lines) == 100
    assert len({material for material, _ in lines}) == 100
    for material, blob in lines:
        key = ManagedKey("hsm", "key-1", 1, b"scope", RootName(DATA, 1), bytes.fromhex(material))
        wrapped = WrappedKey("hsm-a256gcm", bytes.fromhex(blob))
        assert provider.unwrap(wrapped, key, WrapContext({}, b"aad"), call) == DEK


def test_a_process_that_is_killed_while_unwrapping_leaves_the_token_usable(start, provider, key, context, call):
    for _ in range(5):
        process = start(
            """
            from sealring_hsm.handles import Handles
            provider = HsmProvider(config)
            key = ManagedKey("hsm", "key-1", 1, b"scope", RootName(DATA, 1), bytes.fromhex(sys.argv[3]))
            print("ready", flush=True)
            while True:
                provider.create_key("key-1", 1, b"scope", DATA, CALL)
                provider.check(CALL)
            """,
            key.material.hex(),
        )
        assert process.stdout.readline() == "ready\n"
        provider.check(call)
        process.kill()
        process.wait()

    provider.check(call)
    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


def test_keys_that_leave_the_cache_leave_no_session_objects_behind(config, provider, call):
    for number in range(1100):
        provider.create_key(f"key-{number}", 1, b"scope", DATA, call)

    module = acquire(Setup.of(config))
    with module.alone(call.deadline):
        session = module.open_session(module.token("sealring"))
        found = len(list(session.get_objects({Attribute.TOKEN: False})))
        session.close()
    release(module)

    assert found == 1000


def test_a_rejected_key_leaves_no_session_object_behind(config, provider, key, context, call):
    from dataclasses import replace  # noqa: PLC0415

    from sealring_plugin import CiphertextRejected  # noqa: PLC0415

    for _ in range(10):
        with pytest.raises(CiphertextRejected):
            provider.wrap(replace(key, scope=b"other"), DEK, context, call)

    module = acquire(Setup.of(config))
    with module.alone(call.deadline):
        session = module.open_session(module.token("sealring"))
        found = len(list(session.get_objects({Attribute.TOKEN: False})))
        session.close()
    release(module)

    assert found == 1  # the key that was made


def test_ten_thousand_calls_leak_no_sessions_and_no_files(provider, key, context, call):
    provider.check(call)
    files = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(5000):
        provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)

    assert len(list(Path("/proc/self/fd").iterdir())) == files
    assert provider._device.use(lambda opened, _: len(opened.idle), call.deadline) == 0  # noqa: SLF001  the one is in use


def _with(config, **settings):
    from dataclasses import replace  # noqa: PLC0415

    return replace(config, **settings)
