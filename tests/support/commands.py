"""The command `sealring`: as it is installed, and as a process that starts in a fifth of the time."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

SEALRING = Path(sys.executable).with_name("sealring")

_FORKER = Path(__file__).with_name("forker.py")


def run_installed(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the installed command, which imports all of sealring anew."""
    return subprocess.run([SEALRING, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


class Commands:
    """Runs commands one after the other, each in a process of its own that is forked by support/forker.py."""

    def __init__(self) -> None:
        self._forker: subprocess.Popen[str] | None = None

    def __call__(
        self, *arguments: object, check: bool = True, folder: Path | None = None, stdin: bytes = b"", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it in `folder`, with these variables beside those that are set, and `stdin` in a file. As subprocess.run."""
        said = [str(each) for each in arguments]
        with TemporaryDirectory() as own:
            given, out, err = Path(own, "in"), Path(own, "out"), Path(own, "err")
            given.write_bytes(stdin)
            out.touch()
            err.touch()
            asked = {
                "arguments": said,
                "environment": os.environ | variables,
                "folder": str(folder or Path.cwd()),
                "files": [str(given), str(out), str(err)],
            }
            done = subprocess.CompletedProcess(said, self._status(asked), _text(out), _text(err))
        if check:
            done.check_returncode()
        return done

    def close(self) -> None:
        """End the forker, and a command that still runs."""
        if self._forker is not None:
            with self._forker, suppress(ProcessLookupError):
                os.killpg(self._forker.pid, signal.SIGKILL)
            self._forker = None

    def _status(self, asked: dict[str, object]) -> int:
        try:
            return int(self._answer(json.dumps(asked)))
        except BaseException:
            self.close()  # the answer to a test that timed out must not reach the next one
            raise

    def _answer(self, line: str) -> str:
        if self._forker is None:
            pipe = subprocess.PIPE
            self._forker = subprocess.Popen(
                [sys.executable, _FORKER], stdin=pipe, stdout=pipe, text=True, start_new_session=True
            )
            assert self._forker.stdout.readline() == "ready\n"
        self._forker.stdin.write(f"{line}\n")
        self._forker.stdin.flush()
        return self._forker.stdout.readline()


def _text(file: Path) -> str:
    """What a command wrote, with its line breaks as they are; other bytes than UTF-8 as `surrogateescape` has them."""
    return file.read_bytes().decode(errors="surrogateescape")
