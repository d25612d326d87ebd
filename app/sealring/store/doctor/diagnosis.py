"""The result of a check of the doctor: its grade, its meaning, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sealring.store.doctor.sandbox import Sandbox


class Grade(Enum):
    OK = "ok"
    NOTE = "note"  # not checked, or nothing to do
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    grade: Grade
    meaning: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `look` raises LinkLost, Elsewhere or a SealringError if the store interrupts it."""

    name: str
    look: Callable[[Sandbox], Diagnosis]
    needed: bool = True  # False: the server does not need what the check uses, so the store may refuse it


def ok(meaning: str, better: str = "") -> Diagnosis:
    return Diagnosis(Grade.OK, meaning, better)


def note(meaning: str) -> Diagnosis:
    return Diagnosis(Grade.NOTE, meaning)


def warning(meaning: str, mend: str) -> Diagnosis:
    return Diagnosis(Grade.WARNING, meaning, mend)


def failed(meaning: str, mend: str) -> Diagnosis:
    return Diagnosis(Grade.FAILED, meaning, mend)
