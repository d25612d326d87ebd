"""Many calls leak nothing."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from sealring_plugin.conformance.cases import Key, wrap
from sealring_plugin.conformance.growth import descriptors
from sealring_plugin.conformance.subject import Promises, Subject, not_shown

POOL = 8  # how much a pool may still grow after the first calls
ENDING_S = 5.0


class Leaks(Promises):
    """Neither calls nor closed providers leak descriptors or threads; calls do not leak memory or sessions."""

    def test_calls_leave_no_descriptors_open(self, sealring_subject: Subject) -> None:
        assert sealring_subject.growth.descriptors <= POOL

    def test_calls_leave_no_threads_behind(self, sealring_subject: Subject) -> None:
        assert sealring_subject.growth.threads <= POOL

    def test_calls_do_not_fill_the_memory(self, sealring_subject: Subject) -> None:
        assert sealring_subject.growth.memory_bytes <= self.growth_bytes

    def test_calls_leave_no_sessions_open(self, sealring_subject: Subject) -> None:
        if sealring_subject.growth.sessions is None:
            not_shown("sessions")

        assert sealring_subject.growth.sessions <= POOL

    def test_closing_gives_back_what_opening_took(self, folder: Path, key: Key) -> None:
        self._open_and_close(folder, key)
        files, threads = descriptors(), set(threading.enumerate())

        for _ in range(self.openings):
            self._open_and_close(folder, key)

        assert descriptors() - files < self.openings
        assert len(still_running(set(threading.enumerate()) - threads)) < self.openings

    def _open_and_close(self, folder: Path, key: Key) -> None:
        with closing(self.make_provider(folder)) as opened:
            wrap(opened, key)


def still_running(threads: set[threading.Thread]) -> list[threading.Thread]:
    """Return the threads that still run after about ENDING_S."""
    for thread in threads:
        thread.join(ENDING_S / len(threads))
    return [thread for thread in threads if thread.is_alive()]
