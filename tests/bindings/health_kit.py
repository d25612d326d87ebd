"""Rounds that ask keys, and what they found."""

from sealring.domain.events import Action
from sealring.services import health_checks


def ask_all(keys_asked):
    assert any(not keys_asked.check_next() for _ in range(100))


def age(monkeypatch, seconds):
    """Let the verifications that are stored be that old."""
    now = health_checks.time.time
    monkeypatch.setattr(health_checks.time, "time", lambda: now() + seconds)


def asked(world):
    """Whose keys were asked, in this order."""
    return [each.org for each in world.store.audit.events if each.action is Action.BYOK_VERIFIED]
