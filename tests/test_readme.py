"""The README is true: its sessions run, its tables are those of the code."""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datacheck.checks.validators import VALIDATORS
from datacheck.model.codes import CODES

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
COMMANDS = Path(sys.executable).parent


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def timeless(text):
    """Return a session without the numbers that differ from run to run: seconds, rates, sizes on disk."""
    return re.sub(r"[\d.,]+ (s|kB|MB|records/s)\b", r"N \1", text)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_the_sessions_of_the_terminal_are_true(home):
    sessions = "".join(blocks("console"))
    shutil.rmtree(home / "demo", ignore_errors=True)
    commands = re.findall(r"^\$ (.*)\n", sessions, re.MULTILINE)
    script = "\n".join(
        f"status=$?; echo {shlex.quote('$ ' + command)}; (exit $status)\n{command}" for command in commands
    )
    environment = {**os.environ, "PATH": f"{COMMANDS}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert timeless(done.stdout) == timeless(sessions)
    assert len(commands) >= 4


def test_the_sessions_of_python_are_true(home, monkeypatch):
    if not (home / "demo").exists():
        subprocess.run([COMMANDS / "datacheck", "demo", home / "demo"], check=True, capture_output=True)
    monkeypatch.chdir(home)
    parser = doctest.DocTestParser()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = parser.get_doctest("".join(blocks("pycon")), {"__name__": "readme"}, "README.md", None, 0)
    results = doctest.DocTestRunner(optionflags=flags).run(test)
    assert results.failed == 0
    assert results.attempted >= 10


def table(name):
    """Return the rows of the table that is marked with this name."""
    rows = README.partition(f"<!-- {name} -->\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]


def test_the_table_of_codes_is_that_of_the_code():
    assert table("codes") == [[f"`{code}`", verdict, meaning] for code, (verdict, meaning) in CODES.items()]


def test_the_table_of_checks_is_that_of_the_code():
    assert table("checks") == [[f"`{name}`", it.__doc__.splitlines()[0]] for name, it in VALIDATORS.items()]


def test_every_exit_status_is_in_the_readme():
    statuses = re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)
    assert statuses == ["0", "1", "2", "3", "130"]
