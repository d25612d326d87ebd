"""Environments: one folder for each version of an SDK under .cache/sdk, made once from the pins beside this file."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sdk.languages import LANGUAGES
from sdk.versions import Sdk

CACHE = Path(__file__).parents[2] / ".cache" / "sdk"


def command_of(sdk: Sdk, tell: Callable[[str], None]) -> Sequence[str]:
    """Return the beginning of a command that runs the driver of this SDK; install the SDK first where it is missing.

    `tell` hears of what takes long. Processes may call this at the same time. Raises NotInstalled.
    """
    return LANGUAGES[sdk.language].command(sdk, _made(sdk, tell))


def _made(sdk: Sdk, tell: Callable[[str], None]) -> Path:
    language = LANGUAGES[sdk.language]
    folder = CACHE / sdk.id
    stamp = folder / "made-from"
    wanted = hashlib.sha256(language.made_from(sdk)).hexdigest()
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(CACHE / f"{sdk.id}.lock"):
        if not stamp.is_file() or stamp.read_text() != wanted:
            tell(f"{sdk.id}: installing the SDK into {folder} (once; {language.takes}) ...")
            shutil.rmtree(folder, ignore_errors=True)
            language.make(sdk, folder)
            stamp.write_text(wanted)
    return folder


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
