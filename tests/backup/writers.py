"""Who writes to a store while it is read."""

import itertools
import threading

from backup.kit import updated
from sealring.store.backup import partition_reader
from support.make import caller, context


class Meddling:
    """A link, between whose reads somebody else is at work."""

    def __init__(self, link, meddle):
        self._link = link
        self._meddle = meddle

    def snapshot(self, *commands):
        replies = self._link.snapshot(*commands)
        self._meddle()
        return replies

    def scan(self, match):
        return self._link.scan(match)


class MeddlingAtTheTail(Meddling):
    """Only when the stream was read to its end."""

    def snapshot(self, *commands):
        replies = self._link.snapshot(*commands)
        if len(commands) == 1 and commands[0][0] == b"XRANGE" and len(replies[0]) < partition_reader.EVENTS_AT_ONCE:
            self._meddle()
        return replies


class Writers:
    """Threads that each keep two objects of one partition in step, the second never ahead of the first.

    In between they make and delete an object of one and the same name.
    """

    def __init__(self, installed, orgs):
        self._installed = installed
        self._orgs = orgs
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(org,)) for org in orgs]
        self.failures = []

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, org):
        try:
            with self._installed.opened() as store:
                pair = [store.use.objects.read_by_name(caller(org), name, None).record for name in ("first", "second")]
                for number in itertools.count(1):
                    for each in pair:
                        updated(store.use, caller(org), each, str(number))
                    passing = context(organization_id=org)
                    made = store.use.objects.create(caller(org), name="passing", value="v", context=passing)
                    store.use.objects.delete(caller(org), str(made.id), version_check=None)
                    if self._stop.is_set():
                        return
        except Exception as failure:  # noqa: BLE001  told in the main thread
            self.failures.append(failure)
