"""What an engine does with an image, without one: a process in the tree, which is read-only, as the user of a number."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy import dockerfile

_ENTER = """
PATH=/usr/sbin:/usr/bin:/sbin:/bin
tree=$1 settings=$2 user=$3
shift 3
mount --bind "$tree" "$tree"
mount --bind "$settings" "$tree/etc/sealring"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$tree/tmp"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -o remount,bind,ro "$tree"
chroot=$(command -v chroot)
PATH=/usr/local/bin
exec "$chroot" --userspec="$user" --groups= "$tree" "$@"
"""


@dataclass(frozen=True)
class Container:
    """`settings` is the volume; `user` is "number:number", of the user and the group."""

    tree: Path
    settings: Path
    user: str

    def command(self, *arguments: str) -> list[str]:
        """A command that becomes the program: it gets the signals that are sent to it."""
        inside = [str(self.tree), str(self.settings), self.user, *arguments]
        return ["/usr/bin/unshare", "--mount", "/bin/sh", "-euc", _ENTER, "sh", *inside]

    @property
    def environment(self) -> dict[str, str]:
        """Only what the image sets."""
        _, stages = dockerfile.read()
        return stages[-1].environment

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
