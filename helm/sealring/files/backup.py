"""A backup into a folder, named by its time; afterwards only the newest ones stay."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path


def main(folder: Path, keep: int) -> int:
    """Return the status of `sealring backup`. Older backups stay if it fails."""
    made = folder / datetime.now(UTC).strftime("sealring-%Y%m%dT%H%M%SZ")
    command = ["sealring", "backup", "--output", f"{made}.data", "--keys", f"{made}.keys"]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        for each in complete(folder)[:-keep]:
            print(f"removing {each.name}")
            each.with_suffix(".data").unlink()
            each.with_suffix(".keys").unlink()
    return status


def complete(folder: Path) -> list[Path]:
    """Return the backups that have both files, the oldest first, without a suffix."""
    data = sorted(folder.glob("sealring-*.data"))
    return [each.with_suffix("") for each in data if each.with_suffix(".keys").exists()]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
