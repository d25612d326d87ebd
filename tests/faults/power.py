"""Power loss, emulated: Valkey is killed, and its files are cut to what it had synced by then."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from faults.store import MortalStore
from sealring.operator import embedded

SHIM = Path(__file__).with_name("fsync_shim.c")


def install_shim(folder: Path, record: Path) -> Path:
    """Make a valkey-server that writes down its syncs in `record`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "the tests of power loss need a C compiler: sudo apt-get install gcc"
    library = folder / "fsync_shim.so"
    subprocess.run([compiler, "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
    wrapper = folder / "valkey-server"
    wrapper.write_text(
        f'#!/bin/sh\nLD_PRELOAD="{library}" FSYNC_RECORD="{record}" exec "{embedded.find_binary()}" "$@"\n'
    )
    wrapper.chmod(0o700)
    return wrapper


class PoweredStore(MortalStore):
    """A store whose machine may lose power. It has to run with the shim."""

    def __init__(self, folder: Path, record: Path) -> None:
        super().__init__(folder)
        self._files = folder / "store" / "appendonlydir"
        self._record = record

    def lose_power(self) -> None:
        self.kill()
        synced = dict(map(int, line.split()) for line in self._record.read_text().splitlines())
        for file in self._files.iterdir():
            now = file.stat()
            os.truncate(file, min(now.st_size, synced.get(now.st_ino, 0)))

    def sync(self, how: str) -> None:
        """Set appendfsync, until it ends."""
        with closing(self.client()) as client:
            client.config_set("appendfsync", how)
