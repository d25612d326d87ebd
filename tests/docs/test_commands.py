"""The commands that the pages show are commands, and take the options that they are shown with."""

import re
import shlex
from itertools import takewhile

import click
import pytest

from docs.markdown import PAGES, READMES, ROOT, blocks, read, words
from sealring.cli.main import COMMANDS, main

TEXTS = [page.read_text(encoding="utf-8") for page in [*PAGES, *READMES]]
LINES = sorted({line for text in TEXTS for block in blocks(text, "sh") for line in block.splitlines()})
WORDS = sorted({word for text in TEXTS for word in words(text)})

IN_A_POD = "kubectl -n vault exec deploy/sealring -- "
COMPLETE = sorted({said for line in LINES if (said := line.removeprefix(IN_A_POD)).startswith("sealring ")})
NAMED = [word for word in WORDS if re.fullmatch(r"sealring [a-z].*", word)]


CONTEXT = click.Context(main)
SHELL = ("|", "<", ">")  # what follows is none of the command's


def options(command):
    return {option for each in command.params for option in each.opts} | {"-h"}


def resolved(arguments):
    """The command that `arguments` lead to, through groups, and what is left of them."""
    command = main
    while isinstance(command, click.Group) and arguments and not _are_its_own(command, arguments):
        name, *arguments = arguments
        command = command.get_command(CONTEXT, name)
        assert command is not None, name
    return command, arguments


def _are_its_own(command, arguments):
    return command.invoke_without_command and arguments[0].startswith("-")


def said(line):
    """The words of a line after `sealring`, up to what is the shell's."""
    return list(takewhile(lambda word: word not in SHELL, shlex.split(line)[1:]))


def given(arguments):
    """The options before `--`: those after it are for another program."""
    return {word for word in takewhile(lambda word: word != "--", arguments) if word.startswith("-")}


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
    command, arguments = resolved(said(line))

    assert given(arguments) <= options(command)
    command.parse_args(click.Context(command), arguments)


@pytest.mark.parametrize("words_of_one", NAMED)
def test_a_command_that_is_named_exists(words_of_one):
    command, arguments = resolved(words_of_one.split()[1:])

    assert given(arguments) <= options(command)


def test_options_that_are_named_exist():
    named = {word.split()[0] for word in WORDS if word.startswith("--")}

    assert named <= set().union(*map(options, every(main)))


def test_the_help_of_all_commands_has_the_beginning_of_each():
    """It stands in a table, so that `sealring --help` imports none of them."""
    said = {name: " ".join(main.get_command(CONTEXT, name).help.split()) for name in COMMANDS}

    assert [name for name, (_, _, text) in COMMANDS.items() if not said[name].startswith(text.rstrip("."))] == []


@pytest.mark.parametrize("page", ["docs/command-line.md"])
def test_every_option_of_the_commands_of_users_is_explained(page):
    text = read(page)
    users = [COMMANDS_OF_USERS.get_command(CONTEXT, name) for name in COMMANDS_OF_USERS.list_commands(CONTEXT)]
    offered = set().union(*(map(shown_options, [*users, main.get_command(CONTEXT, "run")])))

    assert {option for option in offered if option not in text} == set()


COMMANDS_OF_USERS = main.get_command(CONTEXT, "kv")


def shown_options(command):
    return {
        option
        for each in command.params
        if not getattr(each, "hidden", False)
        for option in each.opts
        if option.startswith("--")
    }
