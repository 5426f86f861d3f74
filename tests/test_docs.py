"""Run every example in the documents; those that are not run are listed in a table with the reason."""

import ast
import importlib.util
import re
import subprocess
import sys
from types import ModuleType

import pytest
from documents import PAGES, ROOT, assert_shown, blocks, furnish, make_demo, run_commands, run_doctest, run_session

import datacheck
from datacheck.backends.leveldb.writer import is_installed
from datacheck.checks.validators import VALIDATORS
from datacheck.conventions import CONVENTIONS
from datacheck.decoders import DECODERS

ELSEWHERE = {
    ("README.md", "console"): "tests/test_readme.py",
    ("README.md", "pycon"): "tests/test_readme.py",
    ("README.md", "sh"): "tests/test_readme.py",
    ("README.md", "make"): "tests/test_gate.py",
    ("docs/caffe-nan.md", "console"): "tests/test_nan_page.py",
    **{(f"docs/{it}.md", "console"): "tests/comparing/test_pages.py" for it in ("checksums", "compare")},
    **{("docs/earlier-reports.md", it): "tests/test_earlier_reports_page.py" for it in ("console", "pycon")},
    **{("docs/resume.md", it): "tests/test_docs_of_scale.py" for it in ("console", "sh")},
    ("docs/clusters.md", "sh"): "tests/test_docs_of_scale.py",
    ("docs/ci.md", "sh"): "tests/test_gate.py",
    ("docs/ci.md", "make"): "tests/test_gate.py",
    **{("docs/ci.md", it): "tests/test_ci_recipes.py" for it in ("yaml", "snakemake", "python", "bash")},
    ("docs/extending.md", "python"): "tests/test_recipes.py",
    **{("docs/commands.md", it): "tests/cli/test_comfort.py" for it in ("bash", "zsh", "fish")},
}
"""For blocks that are not run here, the test that runs them."""
NO_EXAMPLE = {
    ("docs/caffe-nan.md", "text"): "what Caffe prints",
    ("docs/index.md", "{toctree}"): "the table of contents",
    ("docs/reference.md", "{eval-rst}"): "the reference, from the docstrings",
    ("docs/security.md", "{include}"): "another document",
    ("docs/changelog.md", "{include}"): "another document",
    ("CONTRIBUTING.md", ""): "drawings of what imports what, and of what flows",
}
HERE = ("console", "pycon", "python", "sh")
"""The languages whose blocks are run here."""


def pages_with(language):
    return [name for name, text in PAGES.items() if blocks(text, language) and (name, language) not in ELSEWHERE]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo")
    make_demo(home)
    return home / "demo"


@pytest.fixture
def home(demo, tmp_path, monkeypatch):
    furnish(tmp_path, demo)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_block_is_run_or_is_no_example():
    for name, text in PAGES.items():
        for block in blocks(text):
            place = (name, block.language.split(" ")[0])
            assert place in ELSEWHERE or place in NO_EXAMPLE or place[1] in HERE, f"{name}:{block.line}: {place[1]!r}"


def test_the_tables_name_what_there_is():
    there = {(name, it.language.split(" ")[0]) for name, text in PAGES.items() for it in blocks(text)}
    assert set(ELSEWHERE) | set(NO_EXAMPLE) <= there
    assert all((ROOT / test).exists() for test in ELSEWHERE.values())


@pytest.mark.parametrize("name", pages_with("console"))
def test_the_sessions_of_the_terminal_are_true(home, name):
    if name == "docs/leveldb.md" and not is_installed():
        pytest.skip("plyvel is not installed: the rebuild that a scan prints is one into an LMDB")
    session = "".join(blocks(PAGES[name], "console"))
    assert_shown(run_session(session, home), session)


@pytest.mark.parametrize("name", pages_with("pycon"))
def test_the_sessions_of_python_are_true(home, name):
    run_doctest(blocks(PAGES[name], "pycon"), name, 1)


@pytest.mark.parametrize("name", pages_with("sh"))
def test_the_commands_run(home, name):
    for text in blocks(PAGES[name], "sh"):
        for command, status, printed in run_commands(text, home):
            assert status in (0, 1), f"{command}\n{printed}"
            assert "Traceback" not in printed


@pytest.mark.parametrize("name", pages_with("python"))
def test_what_is_shown_is_python(name):
    for block in blocks(PAGES[name], "python"):
        ast.parse(block)
        assert set(re.findall(r"datacheck\.(\w+)", block)) - {"torch"} <= set(datacheck.__all__) | {
            "engines",
            "testing",
        }


def test_the_pytorch_of_the_readme_leaves_the_bad_records_out(home, monkeypatch):
    """If PyTorch is not installed, a stand-in provides what the lines use of it."""
    if importlib.util.find_spec("torch") is None:
        torch = ModuleType("torch")
        torch.utils = ModuleType("torch.utils")
        torch.utils.data = ModuleType("torch.utils.data")
        torch.utils.data.IterableDataset = type("IterableDataset", (), {})
        torch.utils.data.Subset = lambda dataset, indices: [dataset[at] for at in indices]
        torch.utils.data.DataLoader = lambda dataset, **options: dataset
        for module in (torch, torch.utils, torch.utils.data):
            monkeypatch.setitem(sys.modules, module.__name__, module)
    keys = sorted(it.key for it in datacheck.records("train_lmdb"))
    (code,) = blocks(PAGES["README.md"], "python")
    # the photos of the demo have names beside their numbers
    code = code.replace('key=lambda index: f"{index:08d}"', "key=dataset.__getitem__")
    names = {"dataset": keys}
    exec(compile(code, "README.md", "exec"), names)
    assert len(keys) == 48
    assert set(keys) - set(names["sound"]) == set(names["report"].bad_keys())


def test_the_table_of_checks_is_that_of_the_code():
    rows = PAGES["docs/findings.md"].partition("<!-- checks -->\n")[2].partition("\n\n")[0]
    table = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]
    assert table == [[f"`{name}`", it.__doc__.splitlines()[0]] for name, it in VALIDATORS.items()]


def test_the_page_of_codes_is_that_of_the_code():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "codes_page.py"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert PAGES["docs/codes.md"] == done.stdout, "make pages writes it anew"


@pytest.mark.parametrize("name", PAGES)
def test_links_to_files_lead_somewhere(name):
    text = re.sub(r"```.*?```", "", PAGES[name], flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not link.startswith(("http:", "https:")):
            assert ((ROOT / name).parent / link).exists(), link


def test_the_tables_of_payloads_and_conventions_are_those_of_the_code():
    rows = PAGES["docs/payloads.md"].partition("<!-- decoders -->\n")[2].partition("\n\n")[0].splitlines()
    assert rows == [f"| `{name}` | {row.decodes} |" for name, row in DECODERS.items()]
    rows = PAGES["docs/projects.md"].partition("<!-- conventions -->\n")[2].splitlines()
    asked = {True: " (only with `--convention`)", False: ""}
    assert rows == [f"| `{name}` | {row.by}{asked[row.asked]} |" for name, row in CONVENTIONS.items()]


def test_the_recipes_are_those_that_the_tests_carry_out():
    import test_recipes

    row = test_recipes.TOY_BACKEND_ROW.format(more=test_recipes.COPIED)
    carried_out = [row, *(value for name, value in vars(test_recipes).items() if name.startswith("TOY_"))]
    shown = blocks(PAGES["docs/extending.md"], "python")
    assert len(shown) >= 7
    for block in shown:
        assert any(block.strip() == it.strip() for it in carried_out), block
