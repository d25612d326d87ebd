"""What the processes of a server count is told once, whoever ends when: counts never go back."""

import os
import subprocess
import sys
import textwrap

import pytest

from sealring.observability import book

PRELUDE = """
import os, signal, sys
from sealring.observability import metrics
from sealring.observability.book import Book, read
from sealring.observability.series import MEMORY, parts

def told(descriptor, name):
    return sorted(
        (tuple(parts(each)[1:]), numbers[each])
        for numbers in read(descriptor) for each in numbers if parts(each)[0] == name and numbers[each] == numbers[each]
    )

def worker(book, work):
    page = book.reserve()
    process = os.fork()
    if not process:
        page.begin()
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    return page

held, workers = metrics.LOOP_HELD.of(), metrics.WORKERS.of()
"""


def run(script):
    """Run a script as a master, in a process of its own: its memory is the process's."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_counts_of_a_worker_that_died_stay_and_its_levels_go():
    said = run("""
        book = Book.new()
        worker(book, lambda: (held.add(3), workers.set(1), metrics.READY.of(check="store").set(1)))
        show = lambda: print(*(told(book.descriptor, f"sealring_{name}") for name in ("loop_held_total", "workers", "ready")))
        show()
        book.keep([])
        show()
    """)

    assert said == ["[((), 0.0), ((), 3.0)] [((), 1.0)] [(('store',), 1.0)]", "[((), 3.0)] [] []"]


def test_a_page_that_is_used_again_begins_at_nothing():
    said = run("""
        book = Book.new()
        for _ in range(1000):
            worker_page = book.reserve()
            book.keep([])
        first = worker(book, lambda: held.add(3))
        book.keep([])
        second = worker(book, lambda: held.add(4))
        print(first == second or first.at == second.at, told(book.descriptor, "sealring_loop_held_total"))
    """)

    assert said == ["True [((), 3.0), ((), 4.0)]"]


def test_series_that_only_a_worker_has_are_kept_with_all_their_buckets():
    said = run("""
        book = Book.new()
        requests = lambda: metrics.REQUESTS.of(method="GET", route="none", status="4xx").observe(0.004)
        worker(book, requests)
        worker(book, requests)
        book.keep([])
        requests()
        found = [(labels[-1], count) for labels, count in told(book.descriptor, "sealring_http_request_duration_seconds")]
        print(sorted((bucket, round(count, 6)) for bucket, count in found if count))
    """)

    assert said == ["[('0.005', 3.0), ('sum', 0.012)]"]


def test_a_master_that_another_has_started_goes_on_with_its_counts():
    said = run("""
        first = Book.new()
        worker(first, lambda: held.add(3))
        if not os.fork():
            second = Book.inherited(first.descriptor)
            worker(second, lambda: (held.add(4), workers.set(1)))
            held.add(5)
            workers.set(2)
            os.kill(os.getpid(), signal.SIGKILL)
        os.wait()
        print(told(first.descriptor, "sealring_loop_held_total"), told(first.descriptor, "sealring_workers"))
        first.keep([])
        print(told(first.descriptor, "sealring_loop_held_total"))
    """)

    assert said == ["[((), 0.0), ((), 3.0), ((), 4.0), ((), 5.0)] []", "[((), 3.0), ((), 4.0), ((), 5.0)]"]


def test_a_reader_during_the_end_of_workers_never_sees_counts_go_back():
    said = run("""
        import threading
        book = Book.new()
        seen, ended = [], threading.Event()

        def look():
            while not ended.is_set():
                seen.append(sum(count for _, count in told(book.descriptor, "sealring_loop_held_total")))

        page = book.reserve()
        reader = os.fork()
        if not reader:
            counts = []
            while not counts or counts[-1] < 300:
                counts.append(sum(count for _, count in told(book.descriptor, "sealring_loop_held_total")))
            os._exit(0 if counts == sorted(counts) else 1)
        for _ in range(100):
            worker(book, lambda: held.add(3))
            book.keep([])
        print(os.waitpid(reader, 0)[1])
    """)

    assert said == ["0"]


def test_more_workers_than_pages_get_none():
    said = run("""
        book = Book.new()
        pages = [book.reserve() for _ in range(256)]
        print(sum(each is not None for each in pages), pages[-1])
    """)

    assert said == ["255 None"]


def test_a_file_that_is_no_book_is_refused(tmp_path):
    with (tmp_path / "other").open("wb+") as other:
        other.write(b"x" * 100)
        other.flush()

        with pytest.raises(OSError, match=r"^$"):
            book.Book.inherited(other.fileno())
        assert os.fstat(other.fileno()).st_size == 100
