"""This machine's files, to be changed by commands of root without changing them: an overlay that ends with the block."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ENTER = """
set -eu
root=$1 lay=$2 script=$3
mount -t tmpfs tmpfs "$lay"
mkdir "$lay/upper" "$lay/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$lay/upper,workdir=$lay/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
exec chroot "$root" bash -eu "$script"
"""


@dataclass(frozen=True)
class Machine:
    root: Path
    lay: Path

    def run(self, script: str, variables: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a script of root's. When it ends, so does everything that it has started."""
        path = self.root.parent / "script"
        path.write_text(script)
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        command = [*alone, "sh", "-c", _ENTER, "sh", str(self.root), str(self.lay), str(path)]
        return subprocess.run(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
        )  # fmt: skip


@contextmanager
def overlay(folder: Path) -> Iterator[Machine]:
    """A machine with the files of this one."""
    for name in ("root", "lay"):
        (folder / name).mkdir()
    yield Machine(folder / "root", folder / "lay")
