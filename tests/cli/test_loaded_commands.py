"""Test that only the command that runs is imported, so that the help of all commands is quick."""

import subprocess
import sys

import click
import pytest

from datacheck.cli.entry import cli
from datacheck.cli.help import SECTIONS, Commands

NAMES = [name for names in SECTIONS.values() for name in names]
LOADED = """
import sys
sys.argv[:] = ["datacheck", *sys.argv[1:]]
from datacheck.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, *(it.rpartition(".")[2] for it in sys.modules if it.startswith("datacheck.cli.")), file=sys.stderr)
"""


def loaded(*words):
    done = subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True)
    status, *modules = done.stderr.split()
    return int(status), set(modules) & set(NAMES), done.stdout


def test_the_help_of_all_loads_no_command():
    status, commands, said = loaded("--help")
    assert (status, commands) == (0, set())
    assert all(f"  {name} " in said for name in NAMES)


@pytest.mark.parametrize("name", ["scan", "explain"])
def test_a_command_loads_no_other(name):
    assert loaded(name, "--help")[:2] == (0, {name})


def test_every_command_of_the_help_is_there_under_its_name():
    assert list(cli.commands) == NAMES
    for name, command in cli.commands.items():
        assert isinstance(command, click.Command)
        assert command.name == name


def test_an_unknown_command_is_none():
    assert "scam" not in cli.commands
    assert cli.commands.get("scam") is None
    assert cli.commands.get("help") is None  # there is a module of that name


def test_commands_can_be_added_and_taken_away():
    commands = Commands()
    commands["own"] = click.Command("own")
    assert list(commands) == [*NAMES, "own"]
    assert commands["own"].name == "own"
    del commands["own"]
    assert len(commands) == len(NAMES)
