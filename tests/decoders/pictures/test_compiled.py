"""Test the cache of compiled functions: nothing of it is used after a module changed that they take anything from."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed: JPEGs are not walked", allow_module_level=True)

from datacheck.decoders.pictures import jpeg_scans

CODES = """
from datacheck.decoders.pictures.compiled import compiled
LARGEST = {largest}
@compiled
def added(number):
    return number + {added}
"""
KERNELS = """
from datacheck.decoders.pictures.compiled import compiled
from pack.codes import LARGEST, added
@compiled
def walked(number):
    return min(LARGEST, added(number))
"""
RUN = """
import sys
sys.path.insert(0, {folder!r})
from pack.kernels import walked
print(walked(4), sum(walked.stats.cache_hits.values()), sum(walked.stats.cache_misses.values()))
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that writes the constants like an upgrade that keeps times and sizes, and then walks."""
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "kernels.py").write_text(KERNELS)
    env = {name: it for name, it in os.environ.items() if name != "NUMBA_CACHE_DIR"}

    def walk(largest: int, added: int, *, stale: bool = False) -> str:
        codes = package / "codes.py"
        codes.write_text(CODES.format(largest=largest, added=added))
        for it in package.glob("*.py"):
            os.utime(it, (10**9, 10**9))
        for it in [] if stale else package.glob("__pycache__/*.pyc"):
            it.unlink()
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", RUN.format(folder=str(tmp_path))]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return walk


def test_what_was_compiled_is_used_again_until_a_module_changes_that_it_takes_constants_from(run):
    assert run(9, 1) == "5 0 1"
    assert run(9, 1) == "5 1 0"
    assert run(3, 1) == "3 0 1"
    assert run(9, 2) == "6 0 1"
    assert run(9, 1) == "5 1 0"


def test_what_python_itself_took_for_unchanged_is_kept_by_what_it_ran(run):
    assert run(9, 1) == "5 0 1"
    assert run(9, 2, stale=True) == "5 1 0"
    assert run(9, 2) == "6 0 1"


def test_compiled_modules_take_nothing_from_elsewhere():
    """Otherwise the digest in the names of the cache's files would have to cover more modules."""
    folder = Path(jpeg_scans.__file__).parent
    allowed = ("__future__", "typing", "numpy", "datacheck.decoders.pictures.compiled", jpeg_scans.__name__)
    found = 0
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text())
        if not any(isinstance(it, ast.FunctionDef) and it.decorator_list for it in tree.body):
            continue
        named = {getattr(it, "id", "") for of in tree.body for it in getattr(of, "decorator_list", ())}
        if "compiled" not in named:
            continue
        found += 1
        for it in ast.walk(tree):
            names = [it.module or ""] if isinstance(it, ast.ImportFrom) else []
            names += [alias.name for alias in it.names] if isinstance(it, ast.Import) else []
            assert all(name.startswith(allowed) for name in names), (path.name, names)
    assert found > 2
