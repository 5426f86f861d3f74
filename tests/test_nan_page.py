"""Test that docs/caffe-nan.md is true: each of its commands is run on the files that it is about, and after the fix."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from nan_causes import CAUSES

from datacheck.cli.entry import cli

PAGE = Path(__file__).parents[1] / "docs" / "caffe-nan.md"
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S))
CONSOLE = re.compile(r"^```console\n\$ datacheck (.*?)\n(.*?)\n```$", re.M | re.S)
CHANGING = re.compile(r"\d+\.\d+ s \([\d,]+ records/s\)|\d+\.\d+ kB|at byte \d+")
"""Matches times, and sizes that depend on the library that wrote a file."""


def run(command):
    done = CliRunner().invoke(cli, shlex.split(command), standalone_mode=False)
    assert done.exception is None
    return done.return_value, CHANGING.sub("_", done.output.rstrip("\n"))


def assert_is(output, shown):
    """Assert that an output matches the page's, where `...` stands for any lines."""
    pattern = re.escape(CHANGING.sub("_", shown)).replace(re.escape("\n    ...\n"), "\n(?:.*\n)+?")
    assert re.fullmatch(pattern, output), output


def test_each_cause_has_its_section_and_each_section_is_run():
    assert list(SECTIONS) == list(CAUSES)
    listed = re.findall(r"^\* \[(.*?)\]\(#(.*?)\)$", PAGE.read_text("utf-8"), re.M)
    assert listed == [(name, re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-")) for name in CAUSES]


@pytest.mark.parametrize("name", CAUSES)
def test_a_section_says_what_datacheck_says(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    CAUSES[name].broken(tmp_path)
    commands = CONSOLE.findall(SECTIONS[name])
    assert len(commands) == 1
    for command, shown in commands:
        status, output = run(command)
        assert_is(output, shown)
        assert status == 1 or "suspicious" in output


@pytest.mark.parametrize("name", CAUSES)
def test_the_fix_mends_it(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    CAUSES[name].mended(tmp_path)
    for command, _ in CONSOLE.findall(SECTIONS[name]):
        status, output = run(command)
        assert status == 0
        assert re.search("clean: nothing wrong|healthy: nothing wrong", output)


@pytest.mark.parametrize("name", CAUSES)
def test_a_section_names_symptom_and_fix(name):
    section = SECTIONS[name].strip()
    assert not section.startswith("```")
    assert re.search(r"^Fix: \w", section, re.M)
