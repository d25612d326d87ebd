"""The file tree of the image, made in a folder: by the Dockerfile, and without an engine by whoever runs this.

    python deploy/image/layout.py TREE [--plugins "local hsm"] [--softhsm yes] [--sbom FILE] [--work FOLDER]

The tree holds the Python that runs this script, sealring with the plugins, the shared libraries that they load, and a
few files of /etc. It holds no shell, no pip, no package manager and no compiler. Everything that is installed is named
in requirements.lock, with its digest. It needs Debian and root: SoftHSM2 is installed with apt-get if it is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
INPUTS = (  # of the checkout; the Dockerfile copies these and no more
    "requirements.lock",
    "requirements-release.lock",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "app",
    "plugins",
    "config/gunicorn.conf.py",
    "deploy/image/layout.py",
)
PLUGINS = "local hsm awskms gcpkms azurekv masterkey"
USER = 65532  # nobody else's on common systems; the `nonroot` of distroless images

PREFIX = "usr/local"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STDLIB = f"{PREFIX}/lib/{VERSION}"
LEFT_OUT = (  # of the standard library: installers, tests, what needs a display
    "ensurepip", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtle.py", "turtledemo",
    "lib2to3", "pydoc_data", "_tkinter*.so", "config-*", "__pycache__", "venv",
)  # fmt: skip

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
OPENSSL_FOLDER = "usr/lib/ssl"  # where Debian's OpenSSL looks for authorities
ETC = {
    "passwd": f"root:x:0:0:root:/:/sbin/nologin\nsealring:x:{USER}:{USER}:sealring:/etc/sealring:/sbin/nologin\n",
    "group": f"root:x:0:\nsealring:x:{USER}:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "ld.so.conf": "/usr/local/lib\n",
}
FOLDERS = {"dev": 0o755, "proc": 0o755, "sys": 0o755, "run": 0o755, "tmp": 0o1777}
SETTINGS = "etc/sealring"  # USER's, and of group 0, which any user has on OpenShift


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tree", type=Path, help="a folder that does not exist or is empty")
    parser.add_argument("--plugins", default=PLUGINS, help="first-party plugins, by folder (default: %(default)s)")
    parser.add_argument("--softhsm", choices=("yes", "no"), default="yes", help="with SoftHSM2 (default: %(default)s)")
    parser.add_argument("--sbom", type=Path, help="where to write what the tree holds, as CycloneDX")
    parser.add_argument("--work", type=Path, help="where to keep downloads (default: a temporary folder)")
    chosen = parser.parse_args()
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as temporary:
        lay_out(chosen.tree.absolute(), chosen.work or Path(temporary), chosen.plugins.split(), chosen.softhsm == "yes")
        if chosen.sbom is not None:
            write_sbom(chosen.tree.absolute(), chosen.work or Path(temporary), chosen.sbom)


def lay_out(tree: Path, work: Path, plugins: Sequence[str], softhsm: bool) -> None:  # noqa: FBT001
    tree.mkdir(parents=True, exist_ok=True)
    if any(tree.iterdir()):
        raise SystemExit(f"{tree} is not empty: choose another folder")
    work.mkdir(parents=True, exist_ok=True)
    say("tools")
    tools = make_tools(work)
    say("wheels")
    make_wheels(tools, work, plugins)
    say("Python")
    make_folders(tree)
    copy_python(tree)
    say("sealring")
    install(tools, work, tree, plugins)
    if softhsm:
        say("SoftHSM2")
        copy_softhsm(tree)
    say("shared libraries")
    record_packages(tree, copy_shared_libraries(tree))
    write_etc(tree)
    compile_all(tree)
    open_to_all(tree)


# --- steps


def make_tools(work: Path) -> Path:
    """Make an environment with what builds and installs, as requirements-release.lock names it; return its Python."""
    tools = work / "tools" / "bin" / "python"
    run(base_python(), "-m", "venv", "--clear", tools.parents[1])
    pip(tools, "install", "--no-compile", "--no-deps", "--require-hashes", "-r", ROOT / "requirements-release.lock")
    return tools


def make_wheels(tools: Path, work: Path, plugins: Sequence[str]) -> None:
    """Collect the wheels of all that may be installed: the locked ones, checked by their digests, and our own."""
    wheels = work / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    locked = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock")
    pip(tools, "download", *locked, "-d", wheels)
    for folder in (*(ROOT / "plugins" / name for name in ("api", *plugins)), ROOT):
        pip(tools, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, folder)


def make_folders(tree: Path) -> None:
    """Make the folders, with /lib, /lib64 and /bin as links into /usr, as Debian has them."""
    for name in ("bin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for name, mode in FOLDERS.items():
        (tree / name).mkdir()
        (tree / name).chmod(mode)
    settings = tree / SETTINGS
    settings.mkdir(parents=True)
    os.chown(settings, USER, 0)
    settings.chmod(0o770)


def copy_python(tree: Path) -> None:
    """Copy the interpreter that runs this, and its standard library."""
    (tree / PREFIX / "bin").mkdir(parents=True)
    shutil.copy(base_python().resolve(), tree / PREFIX / "bin" / VERSION)
    for name in ("python", "python3"):
        (tree / PREFIX / "bin" / name).symlink_to(VERSION)
    shutil.copytree(sysconfig.get_path("stdlib"), tree / STDLIB, ignore=shutil.ignore_patterns(*LEFT_OUT))


def install(tools: Path, work: Path, tree: Path, plugins: Sequence[str]) -> None:
    """Install sealring and the plugins, with what they need and no more of what is locked."""
    names = ("sealring", *(f"sealring-{name}" for name in plugins))
    offline = ("--no-index", "--find-links", work / "wheels", "--ignore-installed", "--no-compile")
    pip(tools, "install", *offline, "--no-warn-script-location", "--root", tree, "--prefix", f"/{PREFIX}", *names)
    scripts = tree / PREFIX / "bin"
    kept = {VERSION, "python", "python3", "sealring"}
    for other in [each for each in scripts.iterdir() if each.name not in kept]:
        other.unlink()
    shutil.rmtree(tree / PREFIX / "include", ignore_errors=True)
    command = scripts / "sealring"
    command.write_text(re.sub(r"\A#!.*\n", f"#!/{PREFIX}/bin/{VERSION}\n", command.read_text()))
    shared = tree / PREFIX / "share" / "sealring"
    shared.mkdir(parents=True)
    shutil.copy(ROOT / "config" / "gunicorn.conf.py", shared)


def copy_softhsm(tree: Path) -> None:
    if not Path(SOFTHSM).exists():
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "softhsm2")
    copy_file(tree, SOFTHSM)


def copy_shared_libraries(tree: Path) -> list[str]:
    """Copy the libraries that the programs and modules of the tree load. Return the paths of all files of Debian's."""
    modules = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink() and is_elf(path)]
    said = run("ldd", *modules)
    if missing := re.findall(r"^\t(\S+) => not found", said, re.MULTILINE):
        raise SystemExit(f"missing shared libraries: {', '.join(sorted(set(missing)))}")
    needed = set(re.findall(r"^\t(?:\S+ => )?(/\S+) \(0x", said, re.MULTILINE))
    debians = sorted(path for path in needed if re.match(r"(/usr)?/lib(32|64)?/", path))
    for path in debians:
        copy_file(tree, path)
    for path in needed.difference(debians):
        if not path.startswith(f"{tree}/"):  # libpython
            shutil.copy(path, tree / PREFIX / "lib")
    return [*debians, *([SOFTHSM] if (tree / SOFTHSM.lstrip("/")).exists() else [])]


def record_packages(tree: Path, paths: Sequence[str]) -> None:
    """Record whose files were copied, as distroless images do, so that scanners find their versions."""
    known = tree / "var" / "lib" / "dpkg" / "status.d"
    known.mkdir(parents=True)
    for package in sorted({owner_of(path) for path in paths} | {"ca-certificates"}):
        name = package.partition(":")[0]
        (known / name).write_text(run("dpkg-query", "--status", package))
        licence = Path("/usr/share/doc", name, "copyright")
        if licence.exists():
            copy_file(tree, str(licence))


def write_etc(tree: Path) -> None:
    for name, text in ETC.items():
        (tree / "etc" / name).write_text(text)
    copy_file(tree, AUTHORITIES)
    (tree / OPENSSL_FOLDER).mkdir(parents=True)
    (tree / OPENSSL_FOLDER / "cert.pem").symlink_to(AUTHORITIES)
    shutil.copy("/etc/os-release", tree / "etc" / "os-release")
    run("ldconfig", "-r", tree)


def compile_all(tree: Path) -> None:
    """Compile everything, since the tree will be read-only; by the content of the sources and not by their times."""
    where = ("-s", tree, "-p", "/", tree / STDLIB)
    run(base_python(), "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", *where)


def open_to_all(tree: Path) -> None:
    """Let any user read what is there; nobody but root may write it."""
    for path in tree.rglob("*"):
        if not path.is_symlink() and path != tree / SETTINGS and path.name not in FOLDERS:
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


# --- what the tree holds


def write_sbom(tree: Path, work: Path, target: Path) -> None:
    """Write a bill of materials: what is installed in Python, Python itself, and the packages of Debian's files."""
    packages = tree / STDLIB / "site-packages"
    script = "import sys; from cyclonedx_py._internal.cli import run; sys.exit(run(prog='cyclonedx-py'))"
    lister = work / "lister"
    made = work / "sbom.json"
    run(base_python(), "-m", "venv", "--clear", "--without-pip", lister)
    (lister / "lib" / VERSION / "site-packages" / "tree.pth").write_text(f"{packages}\n")
    options = ("environment", "--output-reproducible", "--output-format", "JSON", "--output-file", made)
    run(work / "tools" / "bin" / "python", "-c", script, *options, lister / "bin" / "python")
    found = json.loads(made.read_text())
    found["components"] += [python_component(), *debian_components(tree)]
    target.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")


def python_component() -> dict[str, str]:
    version = sysconfig.get_python_version() if sys.version_info.releaselevel != "final" else sys.version.split()[0]
    return {"type": "platform", "bom-ref": "python", "name": "python", "version": version}


def debian_components(tree: Path) -> Iterator[dict[str, str]]:
    for record in sorted((tree / "var/lib/dpkg/status.d").iterdir()):
        fields = dict(re.findall(r"^(Package|Version|Architecture): (.*)$", record.read_text(), re.MULTILINE))
        name, version = fields["Package"], fields["Version"]
        url = f"pkg:deb/debian/{name}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={fields['Architecture']}"
        yield {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}


# --- files and programs


def copy_file(tree: Path, path: str) -> None:
    """Copy a file, which a link may name, to the same path."""
    target = tree / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def owner_of(path: str) -> str:
    """Return the Debian package of a file, which Debian may know under /usr or without it."""
    spellings = (path, f"/usr{path}", path.removeprefix("/usr"), str(Path(path).resolve()))
    for spelling in spellings:
        found = subprocess.run(["dpkg-query", "-S", spelling], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.rpartition(": ")[0].partition(",")[0]
    raise SystemExit(f"no package of Debian has {path}")


def base_python() -> Path:
    """Return the Python itself, if this is one of a virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable))


def pip(python: Path, *arguments: object) -> None:
    run(python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments)


def run(*command: object) -> str:
    """Run a program, show what it says if it fails, and return its output."""
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def say(step: str) -> None:
    print(f"== {step}", flush=True)


if __name__ == "__main__":
    main()
