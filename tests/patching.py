"""Copy the package, patch a mistake into the copy, and run the command with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import datacheck

PACKAGE = Path(datacheck.__file__).parent


def copied(package: Path) -> None:
    """Copy the package with its compiled files, which is much quicker, but without those still being written."""
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.pyc.*", "*.tmp.*"))


def patched(folder: Path, file: str, before: str, after: str) -> Path:
    """Return a folder to import datacheck from, in which `after` replaces the only `before` in `file`."""
    copied(folder / "lib" / "datacheck")
    path = folder / "lib" / "datacheck" / file
    source = path.read_text()
    assert source.count(before) == 1
    path.write_text(source.replace(before, after))
    return folder / "lib"


def slipping(folder: Path, file: str, function: str, statement: str) -> Path:
    """Return a folder to import datacheck from, with `statement` inserted at the start of a function of `file`."""
    source = (PACKAGE / file).read_text()
    head = re.search(rf"^( *)def {function}\(.*?\) -> [^\n]*:\n", source, re.MULTILINE | re.DOTALL)
    assert head is not None
    return patched(folder, file, head[0], f"{head[0]}{head[1]}    {statement}\n")


def command(lib: Path, *args: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the package in `lib`."""
    return subprocess.run(
        [sys.executable, "-m", "datacheck", *map(str, args)],
        cwd=lib, env={**os.environ, "PYTHONPATH": str(lib), **environment}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
