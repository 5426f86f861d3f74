"""Test that the sessions of docs/earlier-reports.md are true."""

import doctest
import os
import re
import sys
from pathlib import Path

import scripting

PAGE = (Path(__file__).parents[1] / "docs" / "earlier-reports.md").read_text("utf-8")
COMMANDS = Path(sys.executable).parent
STATUS = re.compile(r"^\[([0-9]+)\]$")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_sessions_are_true(tmp_path, monkeypatch):
    environment = {**os.environ, "PATH": f"{COMMANDS}:{os.environ['PATH']}"}
    ran = 0
    for session in re.split(r"^\$ ", "".join(blocks("console")), flags=re.MULTILINE)[1:]:
        command, *expected = session.rstrip("\n").split("\n")
        done = scripting.run(command, tmp_path, environment)
        assert done.stderr == ""
        said = f"{done.stdout}[{done.returncode}]\n"
        checker = doctest.OutputChecker()
        wanted = "\n".join(expected) + "\n"
        assert checker.check_output(wanted, said, doctest.ELLIPSIS), f"$ {command}\n{said}"
        ran += 1
    assert ran >= 8
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("".join(blocks("pycon")), {}, "earlier-reports.md", None, 0)
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert (results.failed, results.attempted) == (0, 3)
