"""Test that the README is true: its sessions run, its tables are those of the code, and it stays short."""

import re
import tomllib

from documents import PAGES, ROOT, blocks, in_processes, run_doctest, run_session, section, timeless

from datacheck.cli.entry import cli

README = PAGES["README.md"]


def test_it_is_short():
    assert len(README.encode()) <= 12_000


def test_the_sessions_of_the_terminal_are_true(tmp_path, monkeypatch):
    sessions = "".join(blocks(README, "console"))
    assert timeless(run_session(sessions, tmp_path, in_processes)) == timeless(sessions)
    assert sessions.count("\n$ ") >= 3
    monkeypatch.chdir(tmp_path)
    run_doctest(blocks(README, "pycon"), "README.md", 4)


def test_what_pip_is_told_is_this_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert blocks(README, "sh") == [f"pip install {project['name']}\n"]
    named = set(re.findall(r"\[(\w+)\]`", section(README, "Install")))
    assert named <= set(project["optional-dependencies"])
    assert len(named) >= 3


def test_every_exit_status_is_in_the_readme():
    statuses = re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)
    assert statuses == ["0", "1", "2", "3", "130"]


def test_every_command_is_in_the_readme():
    rows = " ".join(re.findall(r"^\| (`[a-z]+.*?) \|", section(README, "What it reads and checks"), re.MULTILINE))
    assert set(re.findall(r"`([a-z]+)", rows)) == set(cli.commands)


def test_its_pictures_and_pages_are_there():
    links = re.findall(r"\]\(([^)#]+)", README)
    assert len(links) >= 20
    for link in links:
        assert (ROOT / link).exists(), link
