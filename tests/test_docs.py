"""The sessions of docs/ are true, and what they show as code is code."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = Path(sys.executable).parent


def blocks(page, language):
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_sessions_of_python_are_true(tmp_path, monkeypatch):
    subprocess.run([COMMANDS / "datacheck", "demo", tmp_path / "demo"], check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    parser = doctest.DocTestParser()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = parser.get_doctest("".join(blocks("python.md", "pycon")), {"__name__": "docs"}, "python.md", None, 0)
    results = doctest.DocTestRunner(optionflags=flags).run(test)
    assert results.failed == 0
    assert results.attempted >= 15


@pytest.mark.parametrize("block", blocks("loaders.md", "python"))
def test_what_is_shown_is_python(block):
    ast.parse(block)
    names = set(re.findall(r"datacheck\.(\w+)", block)) - {"torch"}
    import datacheck

    assert names <= set(datacheck.__all__)
