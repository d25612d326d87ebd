"""All tests and mypy at once, in parts that take about the same time, half of it waiting. `make test`.

What the first part says is shown as it comes, then what the others have said. The last line adds all up, as pytest would
have said it of one run, and names the parts that did not pass. The exit status is 0 if every part passed.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[1]
PYTEST = (sys.executable, "-u", "-m", "pytest")
STORES = ("tests/adversary", "tests/backup", "tests/store")
OTHERS = ("tests/sdk", "tests/isolation", "tests/http", "plugins/awskms", "plugins/gcpkms")  # SDKs, emulators, nginx
SERVERS = ("tests/server", "tests/cli", "tests/deploy", "tests/kubernetes")
USES = ("tests/archive", "tests/connect", "tests/portal", "tests/secrecy", "tests/services")
BESIDE_PLUGINS = ("tests/bindings", "tests/faults")
_TAKEN = tuple(f"--ignore={folder}" for folder in (*STORES, *OTHERS, *SERVERS, *USES))
PARTS = {
    "stores": (*PYTEST, *STORES),
    "others": (*PYTEST, *OTHERS),
    "servers": (*PYTEST, *SERVERS),
    "uses": (*PYTEST, *USES),
    "tests": (*PYTEST, "tests", *_TAKEN, *(f"--ignore={folder}" for folder in BESIDE_PLUGINS)),
    "plugins": (*PYTEST, "plugins", *BESIDE_PLUGINS, *_TAKEN),
    "mypy": (sys.executable, "-m", "mypy"),
}
INTERRUPTED = 2  # of pytest

_CLOSING = re.compile(r"^.* in [0-9.]+s\b.*$", re.MULTILINE)
_COUNT = re.compile(r"([0-9]+) (failed|passed|skipped|deselected|xfailed|xpassed|warning|error)")


def main(root: Path = ROOT, parts: Mapping[str, Sequence[str]] = PARTS, out: BinaryIO = sys.stdout.buffer) -> int:
    """Run all parts to their ends. Return 0, or the exit status of the first that did not pass."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in parts]
        running = [_started(root, command, path) for command, path in zip(parts.values(), said, strict=True)]
        try:
            for process, path in zip(running, said, strict=True):
                _show(process, path, out)
        except KeyboardInterrupt:  # the parts heard of it too
            return INTERRUPTED
        finally:
            statuses = dict(zip(parts, [process.wait() for process in running], strict=True))
        counted = _counted(path.read_text(errors="replace") for path in said)
        _write(out, _closing_line(counted, [name for name in parts if statuses[name]], time.monotonic() - began))
    return next((status for status in statuses.values() if status), 0)


def _started(root: Path, command: Sequence[str], said: Path) -> subprocess.Popen[bytes]:
    with said.open("wb") as output:
        return subprocess.Popen(command, cwd=root, stdout=output, stderr=subprocess.STDOUT)


def _show(process: subprocess.Popen[bytes], said: Path, out: BinaryIO) -> None:
    """Pass on what a part says, until it has ended."""
    with said.open("rb") as output:
        while process.poll() is None:
            _write(out, output.read())
            time.sleep(0.2)
        _write(out, output.read())


def _counted(outputs: Iterable[str]) -> Counter[str]:
    """Return how many tests there were, by what became of them."""
    counts: Counter[str] = Counter()
    for output in outputs:
        for number, word in _COUNT.findall(_CLOSING.findall(output)[-1] if _CLOSING.search(output) else ""):
            counts[word] += int(number)
    return counts


def _closing_line(counts: Mapping[str, int], failed: Sequence[str], seconds: float) -> bytes:
    told = ", ".join(f"{number} {word}" for word, number in counts.items()) or "no tests ran"
    why = f" (not passed: {', '.join(failed)})" if failed else ""
    return f"===== {told}{why} in {seconds:.2f}s =====\n".encode()


def _write(out: BinaryIO, text: bytes) -> None:
    out.write(text)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
