"""The bytes that name an organization in one environment, in keys, scopes and MACs."""

from __future__ import annotations

from functools import lru_cache

from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import lp16


@lru_cache(4096)
def owner_bytes(environment: EnvironmentId, org: OrgId) -> bytes:
    return lp16(environment.encode()) + lp16(org.encode())
