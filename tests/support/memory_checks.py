"""A CheckStore in memory, by the same promises."""


class MemoryChecks:
    def __init__(self):
        self._running, self._ended = {}, {}

    def begin(self, environment, org, progress, lease_s):
        return self._running.setdefault((environment, org), progress) == progress

    def write(self, environment, org, progress, lease_s):
        if progress.runs:
            self._running[environment, org] = progress
        else:
            self._running.pop((environment, org), None)
            self._ended[environment, org] = progress

    def load(self, environment, org):
        return self._running.get((environment, org)) or self._ended.get((environment, org))
