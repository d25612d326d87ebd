"""Software of others that speaks Connect: the conformance runner, and what compiles its messages."""

import shutil
import subprocess
from pathlib import Path

from support.installed import CACHE, do, go_program, made_once, python_with

HERE = Path(__file__).parent
FOLDER = CACHE / "connect"
CONFORMANCE = "connectrpc.com/conformance"
PROTOS = ("service", "config", "server_compat")


def conformance_runner() -> Path:
    """Raises NotInstalled."""
    return go_program(HERE / "runner", FOLDER / "runner", f"{CONFORMANCE}/cmd/connectconformance")


def conformance_descriptors() -> Path:
    """Return a FileDescriptorSet of the suite's messages, compiled from what its module has. Raises NotInstalled."""
    pins, folder = HERE / "protoc.txt", FOLDER / "descriptors"
    python, compiled = python_with(pins, FOLDER / "protoc"), folder / "set"

    def make() -> None:
        folder.mkdir()
        go = shutil.which("go") or "go"
        found = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", CONFORMANCE]
        source = Path(subprocess.check_output(found, cwd=HERE / "runner", text=True).strip()) / "proto"
        files = [str(source / "connectrpc" / "conformance" / "v1" / f"{name}.proto") for name in PROTOS]
        included = ["--include_imports", f"--descriptor_set_out={compiled}", f"-I{source}"]
        do([str(python), "-m", "grpc_tools.protoc", *included, *files])

    conformance_runner()  # fetches the module
    made_once(folder, pins.read_bytes() + (HERE / "runner" / "go.sum").read_bytes(), make)
    return compiled


def go_caller() -> Path:
    """Return a program that calls vault.v1 with connect-go. Raises NotInstalled."""
    return go_program(HERE / "go", FOLDER / "go")
