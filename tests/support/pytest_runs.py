"""Runs of pytest without the settings of this repository."""

import subprocess
import sys

ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "sealring_plugin.conformance.plugin"}


def run(folder, *arguments, **environment):
    """Run pytest without the settings of this repository; with ALONE, without plugins of others, which load slowly."""
    (folder / "pytest.ini").write_text("[pytest]\nstrict = true\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-c", folder / "pytest.ini", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
