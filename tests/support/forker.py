"""Forks a process for each command `sealring` that it reads, a line of JSON, and prints how it exited, a line too.

Such a process differs from the installed command in this alone: another one has imported everything for it.
"""

import gc
import json
import os
import sys

import click

from sealring.cli.main import COMMANDS, main


def become(arguments: list[str], environment: dict[str, str], folder: str, files: list[str]) -> None:
    """Be a process with these arguments, environment, folder, and files of the standard streams."""
    sys.argv = ["sealring", *arguments]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for stream, path in enumerate(files):
        file = os.open(path, os.O_RDWR)
        os.dup2(file, stream)
        os.close(file)


if __name__ == "__main__":
    for name in COMMANDS:
        main.get_command(click.Context(main), name)  # imports it
    print("ready", flush=True)  # noqa: T201
    gc.freeze()  # what is here already is none of a command's garbage
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(**json.loads(line))
            sys.exit(main())  # as the installed command does
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
