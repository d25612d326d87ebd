"""The memory in which the processes of a server count, so that one of them can tell the sums.

A book is a file in memory, without a name: it is gone with its processes. A master (server/master.py) begins a section,
in which page 0 is its own, and gives each worker a page. Each page has one writer, so that counting needs no lock that
a process could die with. When a worker has ended, the master adds its counts to its own and frees the page: counts
never go back. A master that another one has started (SIGUSR2) inherits the book and begins the next section.

    section     head, page 0, page 1, …, page 255
    head        u64 magic; u64 edition, odd while a page is freed; u64 process id of the master; u64 for each page:
                1 if it is taken, else 0
    page        u64 the number of series; f64 for each; at 128 KiB their names, each with a newline
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sealring.observability.series import MAX_SERIES, MEMORY, is_level

PAGES = 256

_HEAD_BYTES = 1 << 16  # a multiple of every system's unit of memory, as are all sizes here
_NAMES_AT = 1 << 17
_PAGE_BYTES = 1 << 20
_SECTION_BYTES = _HEAD_BYTES + PAGES * _PAGE_BYTES  # only what was written takes memory

_MAGIC = int.from_bytes(b"sealring", "big")
_EDITION_AT, _MASTER_AT, _STATES_AT = 8, 16, 24
_TRIES = 100  # of a reader, while pages are freed
_PAUSE_S = 0.001

_U64 = struct.Struct("=Q")


Numbers = Mapping[str, float]  # of one process, by the name of the series


class Book:
    """A book and one section of it, which this process began as a master. Only for one thread."""

    def __init__(self, descriptor: int) -> None:
        """Begin a section at the end of the file, and count in its page 0 from now on."""
        self.descriptor = descriptor
        self._at = os.fstat(descriptor).st_size // _SECTION_BYTES * _SECTION_BYTES
        self._taken: dict[int, Page] = {}
        os.ftruncate(descriptor, self._at + _SECTION_BYTES)
        self._put(_MASTER_AT, os.getpid())
        self._page(0).begin()
        self._put(_STATES_AT, 1)
        self._put(0, _MAGIC)

    @classmethod
    def new(cls) -> Self:
        """Raises OSError."""
        if hasattr(os, "memfd_create"):
            return cls(os.memfd_create("sealring-metrics"))
        with tempfile.TemporaryFile() as file:  # its name is already removed
            return cls(os.dup(file.fileno()))

    @classmethod
    def inherited(cls, descriptor: int) -> Self:
        """Begin the next section of another master's book. Raises OSError if it is none."""
        if _u64(descriptor, 0) != _MAGIC:
            raise OSError
        return cls(descriptor)

    def reserve(self) -> Page | None:
        """Take a page for a worker that is about to start; None if there is none left: its counts are not told."""
        number = next((each for each in range(1, PAGES) if each not in self._taken), None)
        if number is None:
            return None
        page = self._taken[number] = self._page(number)
        self._put(_STATES_AT + 8 * number, 1)
        return page

    def keep(self, pages: Sequence[Page | None]) -> None:
        """Free all other pages: their workers have ended."""
        for number, page in list(self._taken.items()):
            if page not in pages:
                del self._taken[number]
                self._free(number, page)

    def _free(self, number: int, page: Page) -> None:
        edition = _u64(self.descriptor, self._at + _EDITION_AT)
        self._put(_EDITION_AT, edition + 1)
        for name, count in _numbers(self.descriptor, page.at).items():
            if not is_level(name):
                MEMORY.values[MEMORY.places([name], 0.0)] += count
        os.pwrite(self.descriptor, bytes(8 + 8 * MAX_SERIES), page.at)
        self._put(_STATES_AT + 8 * number, 0)
        self._put(_EDITION_AT, edition + 2)

    def _page(self, number: int) -> Page:
        return Page(self.descriptor, self._at + _HEAD_BYTES + number * _PAGE_BYTES)

    def _put(self, at: int, number: int) -> None:
        os.pwrite(self.descriptor, _U64.pack(number), self._at + at)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """The memory of one process."""

    descriptor: int
    at: int

    def begin(self) -> None:
        """Count here from now on. Call it before this process has threads."""
        memory = memoryview(mmap.mmap(self.descriptor, _PAGE_BYTES, offset=self.at))
        used, names = memory[:8].cast("Q"), memory[_NAMES_AT:]
        end = 0

        def named(place: int, new: Sequence[str]) -> None:
            """Write the names first, so that a reader, or the master after a crash, sees whole histograms."""
            nonlocal end
            text = "".join(f"{name}\n" for name in new).encode()
            names[end : end + len(text)] = text
            end += len(text)
            used[0] = place + len(new)

        MEMORY.move(memory[8 : 8 + 8 * MAX_SERIES].cast("d"), named)


def read(descriptor: int) -> Sequence[Numbers]:
    """Return the numbers of each process of a book. A worker that ends meanwhile is counted once."""
    sections = range(0, os.fstat(descriptor).st_size, _SECTION_BYTES)
    return [numbers for at in sections for numbers in _section(descriptor, at)]


def _section(descriptor: int, at: int) -> Sequence[Numbers]:
    for _ in range(_TRIES):
        edition = _u64(descriptor, at + _EDITION_AT)
        found = list(_pages(descriptor, at))
        if edition % 2 == 0 and edition == _u64(descriptor, at + _EDITION_AT):
            break
        time.sleep(_PAUSE_S)  # a master that died meanwhile leaves it odd: then the last look is good enough
    return found


def _pages(descriptor: int, at: int) -> Iterator[Numbers]:
    lives = _lives(_u64(descriptor, at + _MASTER_AT))
    states = os.pread(descriptor, 8 * PAGES, at + _STATES_AT)
    for number, (state,) in enumerate(_U64.iter_unpack(states)):
        if state:
            found = _numbers(descriptor, at + _HEAD_BYTES + number * _PAGE_BYTES)
            yield {name: each for name, each in found.items() if lives or not is_level(name)}


def _numbers(descriptor: int, at: int) -> Numbers:
    used = _u64(descriptor, at)
    values = struct.unpack(f"={used}d", os.pread(descriptor, 8 * used, at + 8))
    names = os.pread(descriptor, _PAGE_BYTES - _NAMES_AT, at + _NAMES_AT).decode("ascii", "replace").split("\n")
    return dict(zip(names[:used], values, strict=False))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _u64(descriptor: int, at: int) -> int:
    (number,) = _U64.unpack(os.pread(descriptor, 8, at))
    return int(number)
