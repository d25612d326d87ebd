"""Lists of revocations of a given age, and who asks for them."""

import threading

from support.clock import Clock


class Ages(Clock):
    """A monotonic clock that counts how often it was asked."""

    def __init__(self):
        super().__init__(0.0)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.now


class Lists:
    """A RevocationStore whose readings are counted, and take as long as a test wants."""

    def __init__(self, clock):
        self.clock = clock
        self.revocations = ()
        self.readings = 0
        self.failure = None
        self.gate = threading.Event()
        self.gate.set()
        self.takes_s = 0.0

    def load(self, _environment):
        self.readings += 1
        read, failure = self.revocations, self.failure
        assert self.gate.wait(20)
        self.clock.now += self.takes_s
        if failure is not None:
            raise failure
        return read
