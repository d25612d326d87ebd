"""Environments: one folder for each version of an SDK under .cache/sdk, made once from the pins beside this file."""

from collections.abc import Callable, Sequence

from sdk.languages import LANGUAGES
from sdk.versions import Sdk
from support import installed

CACHE = installed.CACHE / "sdk"


def command_of(sdk: Sdk, tell: Callable[[str], None]) -> Sequence[str]:
    """Return the beginning of a command that runs the driver of this SDK; install the SDK first if it is missing.

    `tell` hears of what takes long. Processes may call this at the same time. Raises NotInstalled.
    """
    language, folder = LANGUAGES[sdk.language], CACHE / sdk.id

    def make() -> None:
        tell(f"{sdk.id}: installing the SDK into {folder} (once; {language.takes}) ...")
        language.make(sdk, folder)

    installed.made_once(folder, language.made_from(sdk), make)
    return language.command(sdk, folder)
