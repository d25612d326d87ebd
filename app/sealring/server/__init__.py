"""A server's processes: gunicorn's master and workers, wiring, housekeeping, the root of trust."""
