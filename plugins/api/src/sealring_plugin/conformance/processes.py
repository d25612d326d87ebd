"""Many threads may use one provider, and each process has its own."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sealring_plugin.conformance.cases import DEK, OTHER_CONTEXT, Key, Provider, opens, unwrap, works, wrap
from sealring_plugin.conformance.subject import Promises

CHILD_S = 30.0
THREAD_S = 120.0


class Processes(Promises):
    """Promises about threads, forks, and several providers in one process."""

    def test_many_threads_may_call_at_once(self, provider: Provider, key: Key, other_key: Key) -> None:
        faults: list[str] = []
        start = threading.Barrier(self.threads)

        def work(number: int) -> None:
            dek = bytes([number]) * 32
            mine, theirs = (key, other_key) if number % 2 else (other_key, key)
            start.wait()
            try:
                for _ in range(self.calls_per_thread):
                    wrapped = wrap(provider, mine, dek)
                    if unwrap(provider, wrapped, mine) != dek:
                        faults.append("another thread's key")
                    opens(provider, wrapped, theirs, OTHER_CONTEXT)
            except Exception as error:  # noqa: BLE001  any exception of a thread is a fault
                faults.append(type(error).__name__)

        run_at_once([threading.Thread(target=work, args=(number,), daemon=True) for number in range(self.threads)])

        assert faults == []

    def test_a_process_that_is_forked_before_opening_has_a_provider_of_its_own(self, key: Key, folder: Path) -> None:
        assert in_child(lambda: self._open_and_use(folder, key)) == "worked"

    def test_a_process_that_is_forked_after_opening_has_a_provider_of_its_own(
        self, provider: Provider, key: Key, folder: Path
    ) -> None:
        wrapped = wrap(provider, key)

        assert in_child(lambda: self._open_and_use(folder, key)) == "worked"
        assert unwrap(provider, wrapped, key) == DEK
        assert works(provider, key)

    def test_closing_one_provider_leaves_another_open(self, provider: Provider, key: Key, folder: Path) -> None:
        wrapped = wrap(provider, key)

        self.make_provider(folder).close()

        assert unwrap(provider, wrapped, key) == DEK

    def test_a_provider_may_be_closed_twice(self, key: Key, folder: Path) -> None:
        unused, used = self.make_provider(folder), self.make_provider(folder)
        wrap(used, key)

        for each in (unused, used):
            each.close()
            each.close()

    def _open_and_use(self, folder: Path, key: Key) -> None:
        with closing(self.make_provider(folder)) as own:
            if not works(own, key):
                raise AssertionError


def run_at_once(threads: list[threading.Thread]) -> None:
    """Run the threads to their end, with many switches between them."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(THREAD_S)
    finally:
        sys.setswitchinterval(interval)
    if any(thread.is_alive() for thread in threads):
        raise AssertionError("the threads are in a deadlock")


def in_child(work: Callable[[], None]) -> str:
    """Run it in a forked process; return "worked", "hung", "died", or the type of the exception that it raised."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it tests a fork while threads run
        child = os.fork()
    if child == 0:
        _run_and_exit(work, writer)
    os.close(writer)
    answered, _, _ = select.select([reader], [], [], CHILD_S)
    verdict = os.read(reader, 256).decode() if answered else "hung"
    os.close(reader)
    if not answered:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return verdict or "died"


def _run_and_exit(work: Callable[[], None], writer: int) -> None:
    verdict = "died"
    try:
        work()
        verdict = "worked"
    except BaseException as error:  # noqa: BLE001  no exception may leave the forked process
        verdict = type(error).__name__
    finally:
        os.write(writer, verdict.encode())
        os._exit(0)
