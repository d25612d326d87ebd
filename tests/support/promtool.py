"""Alert rules as Prometheus evaluates them: promtool, on series made from what a server has told."""

import json
import math
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.scraping import Labels, Samples

BEFORE_MIN, AFTER_MIN = 30, 90  # how long the state before, and the cause of an alert, last


def fires(folder: Path, rules: Path, alert: str, before: Samples, after: Samples, now: float) -> bool:
    """Whether an alert fires if what happened between two scrapes goes on. It must not fire before.

    `now`: when `after` was scraped, in seconds since 1970; times in the samples are moved, because promtool begins at 0.
    """
    series = [
        {"series": _series(*key), "values": _values(key[0], before.get(key), after.get(key), now)}
        for key in {**before, **after}
    ]

    def state(minute: int, expected: list[object]) -> Mapping[str, object]:
        expression = f'max(ALERTS{{alertname="{alert}", alertstate="firing"}})'
        return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": expected}

    def holds(*states: Mapping[str, object]) -> bool:
        file = folder / f"{alert}.json"  # JSON is YAML
        file.write_text(
            json.dumps(
                {
                    "rule_files": [str(rules)],
                    "evaluation_interval": "10s",
                    "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": states}],
                }
            )
        )
        done = subprocess.run(
            [tool(), "test", "rules", str(file)], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0 or "FAILED" in done.stderr + done.stdout, done.stderr + done.stdout
        return done.returncode == 0

    silent = state(BEFORE_MIN - 1, [])
    assert holds(silent), f"{alert} fires before its cause"
    return holds(silent, state(BEFORE_MIN + AFTER_MIN - 1, [{"labels": "{}", "value": 1}]))


def check(rules: Path) -> str:
    """What promtool says of a file of rules."""
    done = subprocess.run(
        [tool(), "check", "rules", str(rules)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tool() -> str:
    found = shutil.which("promtool")
    assert found, "the tests need promtool: `make promtool`"
    return found


def _series(name: str, labels: Labels) -> str:
    return name + "{" + ", ".join(f"{label}={json.dumps(value)}" for label, value in sorted(labels)) + "}"


def _values(name: str, before: float | None, after: float | None, now: float) -> str:
    if name.endswith(("_total", "_bucket", "_count", "_sum")):
        start, growth = before or 0.0, (after or 0.0) - (before or 0.0)
        values = [start] * BEFORE_MIN + [start + growth * (minute + 1) for minute in range(AFTER_MIN)]
        return " ".join(map(repr, values))
    moved = now - 60 * BEFORE_MIN if name.endswith("_timestamp_seconds") else 0.0
    return " ".join([_shown(before, moved)] * BEFORE_MIN + [_shown(after, moved)] * AFTER_MIN)


def _shown(value: float | None, moved: float) -> str:
    return "_" if value is None or math.isnan(value) else repr(value - moved)
