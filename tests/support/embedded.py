"""Looks at an EmbeddedValkey from outside."""

import stat
from contextlib import closing
from pathlib import Path

import redis


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def client(url: str) -> closing[redis.Redis]:
    return closing(redis.Redis.from_url(url, decode_responses=True))
