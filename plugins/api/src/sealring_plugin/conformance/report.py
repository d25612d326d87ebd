"""The report of a run as JSON, which says which promises were kept."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sealring_plugin.spec import API_VERSION

REPORT_VERSION = 1

KEPT = "kept"
BROKEN = "broken"
NOT_SHOWN = "not shown"
NOT_CLAIMED = "not claimed"

_SKIPS = {f"{result}: ": result for result in (NOT_SHOWN, NOT_CLAIMED)}


@dataclass
class Section:
    """The results of one class of tests."""

    subject: Mapping[str, str]
    promises: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    tests_of_powers: dict[str, list[str]] = field(default_factory=dict)
    card: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def add(self, promise: str, power: str, result: str, reason: str) -> None:
        """Add one result. A broken promise stays broken: a test reports set-up, body and end separately."""
        if self.promises.get(promise) != BROKEN:
            self.promises[promise] = result
        if reason:
            self.reasons[promise] = reason
        if power and promise not in self.tests_of_powers.setdefault(power, []):
            self.tests_of_powers[power].append(promise)

    def having(self, result: str) -> list[str]:
        return sorted(promise for promise, each in self.promises.items() if each == result)

    def powers(self) -> Mapping[str, str]:
        """Return "proven", "broken" or "not claimed" for each power."""
        return {power: self._power(tests) for power, tests in sorted(self.tests_of_powers.items())}

    def _power(self, tests: list[str]) -> str:
        results = {self.promises[test] for test in tests}
        if BROKEN in results:
            return BROKEN
        return "proven" if KEPT in results else NOT_CLAIMED

    def not_shown(self) -> list[str]:
        """Return the names of failures and hooks that the author does not provide."""
        return sorted({self.reasons[promise] for promise in self.having(NOT_SHOWN)})

    def as_json(self) -> Mapping[str, Any]:
        return {
            **{name: value for name, value in self.subject.items() if name != "power"},
            "promises": dict(sorted(self.promises.items())),
            "broken": self.having(BROKEN),
            "powers": self.powers(),
            "not_shown": self.not_shown(),
            "card": self.card,
        }


@dataclass
class Report:
    """The results of a run."""

    sections: dict[str, Section] = field(default_factory=dict)

    def section(self, subject: Mapping[str, str]) -> Section:
        return self.sections.setdefault(subject["test_class"], Section(subject))

    def write(self, path: Path) -> None:
        document = {
            "report": REPORT_VERSION,
            "plugin_api": API_VERSION,
            "kit": version("sealring-plugin-api"),
            "pytest": version("pytest"),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "providers": [section.as_json() for section in self.sections.values()],
        }
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def result_of_skip(message: str) -> tuple[str, str]:
    """Return the result that a skip stands for, and its reason."""
    said = message.removeprefix("Skipped: ")
    for prefix, result in _SKIPS.items():
        if said.startswith(prefix):
            return result, said.removeprefix(prefix)
    return NOT_SHOWN, said
