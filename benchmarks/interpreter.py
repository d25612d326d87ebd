"""The interpreter that runs the server, and how it was built: with optimizations or without is a fifth of the time."""

import platform
import shlex
import sys
import sysconfig
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interpreter:
    version: str
    compiler: str
    profiled: bool  # profile-guided optimization
    link_time: bool  # optimized as a whole
    path: str

    @classmethod
    def here(cls) -> "Interpreter":
        arguments, flags = (str(sysconfig.get_config_var(name) or "") for name in ("CONFIG_ARGS", "PY_CORE_CFLAGS"))
        profiled, link_time = built_with(arguments, flags)
        version = f"{platform.python_implementation()} {platform.python_version()}"
        return cls(version, platform.python_compiler(), profiled, link_time, sys.executable)

    def __str__(self) -> str:
        flags = f"{'with' if self.profiled else 'WITHOUT'} PGO, {'with' if self.link_time else 'WITHOUT'} LTO"
        return f"{self.version} ({self.compiler}, {flags})"


def built_with(arguments: str, flags: str) -> tuple[bool, bool]:
    """Whether profile-guided and link-time optimization were on, by configure's arguments and the compiler's flags.

    The last word on an option counts, as in configure.
    """
    said = {name: value for name, _, value in (word.partition("=") for word in shlex.split(arguments))}
    compiled = shlex.split(flags)
    profiled = "--enable-optimizations" in said or any(word.startswith("-fprofile-use") for word in compiled)
    whole = said.get("--with-lto", "no") != "no" or any(word.startswith("-flto") for word in compiled)
    return profiled, whole
