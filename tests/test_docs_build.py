"""Test `make docs`: the documentation is built if Sphinx is installed, and warnings are errors."""

import importlib.util
import subprocess
import sys

import pytest
from documents import PAGES, ROOT

SPHINX = ROOT / ".venv-docs" / "bin" / "python"
HERE = all(importlib.util.find_spec(name) for name in ("sphinx", "myst_parser", "furo"))


@pytest.mark.skipif(not HERE and not SPHINX.exists(), reason="Sphinx is not installed here: make docs installs it")
def test_the_documentation_is_built_without_a_warning(tmp_path):
    python = sys.executable if HERE else SPHINX
    command = [python, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "-b", "html"]
    done = subprocess.run([*command, ROOT / "docs", tmp_path], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    built = {it.stem for it in tmp_path.glob("*.html")}
    assert {name.removeprefix("docs/").removesuffix(".md") for name in PAGES if name.startswith("docs/")} <= built


def test_every_page_is_in_the_table_of_contents():
    listed = set(PAGES["docs/index.md"].split())
    pages = {name.removeprefix("docs/").removesuffix(".md") for name in PAGES if name.startswith("docs/")}
    assert pages - {"index"} <= listed


def test_every_public_name_is_in_the_reference():
    import datacheck

    text = PAGES["docs/reference.md"]
    for name in set(datacheck.__all__) - {"__version__"}:
        assert f":: {name}\n" in text, name
