"""The pytest plugin of the conformance kit, which opens providers and writes the report."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from sealring_plugin.conformance.card import CARD
from sealring_plugin.conformance.hooks import Hooks
from sealring_plugin.conformance.loading import installed
from sealring_plugin.conformance.report import BROKEN, KEPT, Report, result_of_skip
from sealring_plugin.conformance.subject import Subject

REPORT_VARIABLE = "SEALRING_REPORT"

_ABOUT = "sealring_about"
_REPORT = pytest.StashKey[Report]()

_POWERS = {
    "announcement": "Announces",
    "binder": "BindsContext",
    "checker": "ChecksItself",
    "creator": "ManagedKeys",
    "describer": "Describes",
    "destroyer": "DestroysKeys",
    "generator": "GeneratesDataKeys",
    "guide": "ExplainsSetup",
    "rewrapper": "ReWraps",
    "validator": "Validates",
}


@dataclass(frozen=True, slots=True)
class About:
    """The provider that a test is about. `power` is the power that the test proves, or empty."""

    test_class: str
    provider: str
    distribution: str
    version: str
    deterministic: str
    power: str


@pytest.fixture(scope="class")
def sealring_subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """The open provider that a class of tests is about."""
    hooks: Hooks = request.cls()
    folder = tmp_path_factory.mktemp("sealring")
    provider = hooks.make_provider(folder)
    yield Subject(hooks, folder, provider)
    provider.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("sealring").addoption(
        "--sealring-report",
        metavar="PATH",
        default=os.environ.get(REPORT_VARIABLE),
        help=f"write the report of the conformance kit to this file, as JSON (or set {REPORT_VARIABLE})",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORT] = Report()
    config.pluginmanager.register(_Listener(config.stash[_REPORT]), "sealring-report")


def pytest_runtest_setup(item: pytest.Item) -> None:
    hooks = getattr(item, "cls", None)
    if hooks is not None and issubclass(hooks, Hooks) and hasattr(hooks, "spec"):
        item.user_properties.append((_ABOUT, asdict(_about(item, hooks()))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let `pytest -rs` print each reason once, not for each test again."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and _ABOUT in dict(item.user_properties):
        report.longrepr = (item.nodeid.partition("::")[0], None, report.longrepr[2])  # type: ignore[assignment]
    return report


def _about(item: pytest.Item, hooks: Hooks) -> About:
    entry = installed(hooks.spec.name)
    distribution = entry.dist if entry else None
    return About(
        test_class=item.nodeid.rpartition("::")[0],
        provider=hooks.spec.name,
        distribution=distribution.name if distribution else "",
        version=distribution.version if distribution else "",
        deterministic=hooks.deterministic,
        power=next((power for name, power in _POWERS.items() if name in getattr(item, "fixturenames", ())), ""),
    )


class _Listener:
    """Collects results. If tests run in several processes (pytest-xdist), only the controller writes the report."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        said = dict(report.user_properties)
        about = said.get(_ABOUT)
        if not isinstance(about, dict):
            return
        section = self._report.section(about)
        promise = report.nodeid.rpartition("::")[2]
        card = said.get(CARD)
        if isinstance(card, dict):
            section.card = card
        if report.failed:
            section.add(promise, about["power"], BROKEN, "")
        elif report.skipped and isinstance(report.longrepr, tuple):
            section.add(promise, about["power"], *result_of_skip(report.longrepr[2]))
        elif report.when == "call":
            section.add(promise, about["power"], KEPT, "")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        path = session.config.getoption("--sealring-report")
        if path and self._report.sections and not hasattr(session.config, "workerinput"):
            self._report.write(Path(path))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for section in self._report.sections.values():
            kept, broken = len(section.having(KEPT)), len(section.having(BROKEN))
            terminalreporter.section(f"sealring: {section.subject['provider']}")
            terminalreporter.line(f"promises   {kept} kept, {broken} broken")
            for result in ("proven", BROKEN):
                powers = [power for power, each in section.powers().items() if each == result]
                if powers:
                    terminalreporter.line(f"{result:10} {', '.join(powers)}")
            if section.not_shown():
                terminalreporter.line(f"not shown  {', '.join(section.not_shown())}")
            for use, line in section.card.items():
                terminalreporter.line(
                    f"{use:10} {line['ops_per_s']:,.0f}/s, p50 {line['p50_us']:,.0f} µs, p99 {line['p99_us']:,.0f} µs"
                )
