"""Chromium, as Debian has it, driven by Playwright: for pages that a real browser has to show, keep and refuse."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from support.installed import NotInstalled

NAMES = ("chromium", "google-chrome")


@contextmanager
def chromium(hosts: Mapping[str, str]) -> Iterator[Browser]:
    """Run the browser until the block ends. `hosts`: which host and port is another one. Raises NotInstalled."""
    rules = ", ".join(f"MAP {named} {real}" for named, real in hosts.items())
    options = [f"--host-resolver-rules={rules}", "--disable-features=HttpsUpgrades"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(playwright), args=options)
        try:
            yield browser
        finally:
            browser.close()


def _program(playwright: Playwright) -> str:
    """The system's; or the one that `make chromium` let Playwright fetch, if the system has none."""
    found = next(filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path)
    if not Path(found).exists():
        raise NotInstalled("The tests of the portal need Chromium. Install it with: make chromium")
    return found
