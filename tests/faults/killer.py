"""The killer: harms the server and its store in every way that a process can be harmed from outside."""

import os
import random
import signal
import time
from collections import Counter
from itertools import cycle

from faults.proxy import FaultProxy
from faults.store import MortalStore
from support.live import LiveServer
from support.waiting import pause

HANG_UPS_S = 0.7  # of each round, before something greater happens


class Killer:
    def __init__(self, store: MortalStore, server: LiveServer, proxies: list[FaultProxy], seed: int) -> None:
        self.store = store
        self._server = server
        self._proxies = proxies
        self._chance = random.Random(seed)
        self.deeds: Counter[str] = Counter()

    def rage(self, seconds: float, longest_pause_s: float) -> None:
        """Do harm for a while: hang up all the time, and now and then something greater, each kind at least once."""
        until = time.monotonic() + seconds
        deeds = (self.kill_worker, self.kill_store, self.pause_store, self.freeze)
        for deed in cycle(deeds):
            quiet = time.monotonic() + HANG_UPS_S
            while time.monotonic() < quiet:
                pause(self._chance.uniform(0.01, 0.06))
                self.store.hang_up()
                self.deeds["hang_up"] += 1
            if time.monotonic() > until and len(self.deeds) > len(deeds):
                return
            deed(self._chance.uniform(0.3, longest_pause_s))
            self.deeds[deed.__name__] += 1

    def kill_worker(self, _seconds: float) -> None:
        if workers := self._server.workers:
            os.kill(self._chance.choice(workers), signal.SIGKILL)

    def kill_store(self, seconds: float) -> None:
        self.store.kill()
        pause(seconds)
        self.store.start()

    def pause_store(self, seconds: float) -> None:
        self.store.pause(seconds)

    def freeze(self, seconds: float) -> None:
        """Let nothing through one of the proxies."""
        proxy = self._chance.choice(self._proxies)
        proxy.frozen = True
        pause(seconds)
        proxy.frozen = False
