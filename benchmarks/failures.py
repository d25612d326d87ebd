"""What ends a run."""


class BenchmarkFailed(Exception):
    """A figure of this run would be wrong, or cannot be had."""
