"""Limits of organizations, low and high."""

from sealring.domain.limits import Override

LOW, HIGH = Override(objects=1), Override(requests_per_second=9, objects=2, stored_bytes=3, contexts=4)
