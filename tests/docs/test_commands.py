"""The commands that the pages show are commands, and take the options that they are shown with."""

import re
import shlex

import click
import pytest

from docs.markdown import PAGES, READMES, ROOT, blocks, words
from sealring.cli.main import main

TEXTS = [page.read_text(encoding="utf-8") for page in [*PAGES, *READMES]]
LINES = sorted({line for text in TEXTS for block in blocks(text, "sh") for line in block.splitlines()})
WORDS = sorted({word for text in TEXTS for word in words(text)})

COMPLETE = [line for line in LINES if line.startswith("sealring ")]
NAMED = [word for word in WORDS if re.fullmatch(r"sealring [a-z].*", word)]


CONTEXT = click.Context(main)


def options(command):
    return {option for each in command.params for option in each.opts} | {"-h"}


def resolved(arguments):
    """The command that `arguments` lead to, through groups, and what is left of them."""
    command = main
    while isinstance(command, click.Group) and not (command.invoke_without_command and _are_its_own(arguments)):
        name, *arguments = arguments
        command = command.get_command(CONTEXT, name)
        assert command is not None, name
    return command, arguments


def _are_its_own(arguments):
    return not arguments or arguments[0].startswith("-")


def every(group):
    for name in group.list_commands(CONTEXT):
        command = group.get_command(CONTEXT, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield command
        if isinstance(command, click.Group):
            yield from every(command)


@pytest.mark.parametrize("line", COMPLETE)
def test_a_complete_command_can_be_parsed(line, monkeypatch):
    monkeypatch.chdir(ROOT)
    command, arguments = resolved(shlex.split(line)[1:])
    given = {option for option in arguments if option.startswith("-")}

    command.parse_args(click.Context(command), arguments)

    assert given <= options(command)


@pytest.mark.parametrize("words_of_one", NAMED)
def test_a_command_that_is_named_exists(words_of_one):
    command, arguments = resolved(words_of_one.split()[1:])

    assert {option for option in arguments if option.startswith("-")} <= options(command)


def test_options_that_are_named_exist():
    named = {word.split()[0] for word in WORDS if word.startswith("--")}

    assert named <= set().union(*map(options, every(main)))
