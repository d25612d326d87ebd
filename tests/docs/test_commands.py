"""The commands that the pages show are commands, and take the options that they are shown with."""

import re
import shlex

import click
import pytest

from docs.markdown import PAGES, ROOT, blocks, words
from sealring import cli


def shown():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for line in "".join(blocks(text, "sh")).splitlines():
            if line.startswith("sealring "):
                yield pytest.param(shlex.split(line)[1:], id=f"{page.name}: {line}")
        for word in words(text):
            if re.fullmatch(r"sealring [a-z][\w -]*", word):
                yield pytest.param(shlex.split(word)[1:], id=f"{page.name}: {word}")


def options():
    return {option for command in cli.main.commands.values() for each in command.params for option in each.opts}


@pytest.mark.parametrize("arguments", list(shown()))
def test_a_command_that_is_shown_exists(arguments):
    command = cli.main.commands[arguments[0]]
    taken = {option for each in command.params for option in each.opts} | {"-h"}

    assert {argument for argument in arguments if argument.startswith("-")} <= taken


@pytest.mark.parametrize("arguments", [each for each in shown() if "\n" not in each.id and len(each.values[0]) > 2])
def test_a_complete_command_can_be_parsed(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = cli.main.commands[arguments[0]]
    context = click.Context(command)
    if arguments[-1].startswith("--"):
        return  # named without its value

    command.make_parser(context).parse_args(list(arguments[1:]))


def test_options_that_are_named_exist():
    named = {
        word.split()[0]
        for page in PAGES
        for word in words(page.read_text(encoding="utf-8"))
        if word.startswith("--")
    }  # fmt: skip

    assert named <= options()
