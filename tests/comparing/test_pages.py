"""Test that the sessions and the Python examples of docs/checksums.md and docs/compare.md are true."""

from __future__ import annotations

import ast
import doctest
import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import scripting
from building import datum, key, pictures, pixels, raw_records, write_lmdb
from PIL import Image

import datacheck

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = Path(sys.executable).parent


def blocks(page, language):
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def check(sessions, home):
    """Run each command of some sessions; it must print what they show, except where "..." stands."""
    environment = {**os.environ, "PATH": f"{COMMANDS}:{os.environ['PATH']}"}
    checker = doctest.OutputChecker()
    pieces = re.split(r"^\$ (.*)\n", "".join(sessions), flags=re.MULTILINE)
    for command, shown in zip(pieces[1::2], pieces[2::2], strict=True):
        done = scripting.run(command, home, environment)
        said = done.stdout + done.stderr
        assert checker.check_output(shown, said, doctest.ELLIPSIS), f"$ {command}\n{said}"
    return len(pieces) // 2


def test_the_sessions_of_checksums_are_true(tmp_path):
    assert check(blocks("checksums.md", "console"), tmp_path) >= 4


def encoded(image, quality):
    made = io.BytesIO()
    image.save(made, "JPEG", quality=quality)
    return made.getvalue()


def test_the_sessions_of_comparisons_are_true(tmp_path):
    train = raw_records(500)
    train[key(50)] = train[key(3)]
    val = {key(number): datum(pixels(5000 + number), number % 10) for number in range(300)}
    val[key(7)] = val[key(8)] = train[key(100)]
    write_lmdb(tmp_path / "train_lmdb", train)
    write_lmdb(tmp_path / "val_lmdb", val)
    images = [Image.open(io.BytesIO(it)).convert("RGB").resize((96, 96)) for it in pictures()[:6]]
    write_lmdb(tmp_path / "train_jpegs", {key(at): encoded(it, 90) for at, it in enumerate(images)})
    raw = {key(at): datum(np.asarray(it).transpose(2, 0, 1)[::-1].copy(), 1) for at, it in enumerate(images[:4])}
    write_lmdb(tmp_path / "val_raw", raw)
    assert check(blocks("compare.md", "console"), tmp_path) >= 4


@pytest.mark.parametrize("block", [*blocks("checksums.md", "python"), *blocks("compare.md", "python")])
def test_what_is_shown_is_python(block):
    ast.parse(block)
    assert set(re.findall(r"datacheck\.(\w+)", block)) <= set(datacheck.__all__)
