"""Read the documents, extract their code blocks, and run the sessions and commands in them."""

from __future__ import annotations

import difflib
import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import scripting
from commanding import datacheck
from convention_stores import colour_picture, latents, word_pictures, write
from log_building import glog, head

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
}
"""The text of every document, by its path relative to the root."""
COMMANDS = Path(sys.executable).parent
FENCE = re.compile(r"^( *)(```+|~~~+)([^\n]*)\n(.*?)^\1\2[ ]*$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"[\d.]+ s \([\d,]+ records/s\)")
"""Matches seconds and rates, which differ between runs."""


class Block(NamedTuple):
    """A fenced block, with its language, its text and the line where it begins."""

    language: str
    text: str
    line: int


def blocks(text, language=None):
    """Return the fenced blocks of a text as Blocks, or only the texts of those in `language`."""
    found = [Block(it[3].strip(), it[4], text.count("\n", 0, it.start()) + 1) for it in FENCE.finditer(text)]
    return found if language is None else [it.text for it in found if it.language == language]


def section(text, title):
    """Return the text below a second-level heading."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def environment():
    """Return the environment variables for the commands of a document."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return {**kept, "PATH": f"{COMMANDS}:{os.environ['PATH']}"}


def make_demo(home):
    """Make the datasets of `datacheck demo`, which most examples use."""
    assert datacheck("demo", "demo", cwd=home).returncode == 0


def furnish(home, demo):
    """Put the files that the examples of docs/ use into a folder: stores, a network, a solver and a log."""
    shutil.copytree(demo, home / "demo")
    for name in ("train_lmdb", "val_lmdb", "GT.lmdb", "LQ.lmdb"):
        shutil.copytree(demo / "photos_lmdb", home / name)
    shutil.copytree(demo / "arrays_leveldb", home / "train_leveldb")
    shutil.copy(demo / "measurements.h5", home / "train.h5")
    (home / "cut_lmdb").mkdir()
    (home / "cut_lmdb" / "data.mdb").write_bytes((demo / "photos_lmdb" / "data.mdb").read_bytes()[:95_000])
    words = word_pictures(60, colour_picture)
    write(home / "ocr_lmdb", words | {b"image-000000007": words[b"image-000000007"][:200]})
    write(home / "latents_lmdb", latents())
    write_demos(home / "demos.hdf5")
    net = (demo / "net.prototxt").read_text().replace("photos_lmdb", "train_lmdb")
    (home / "train_val.prototxt").write_text(net)
    (home / "solver.prototxt").write_text('net: "train_val.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 100\n')
    steps = (glog("loss", f"Iteration {at}, loss = {0.5 if at < 3 else float('nan')}") for at in range(6))
    (home / "train.log").write_text(head() + "".join(steps))


def write_demos(path):
    """Write episodes in robomimic's layout, with one NaN in the actions of one episode."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(6):
            steps = 20 + number
            demo = file.create_group(f"data/demo_{number}")
            demo.attrs["num_samples"] = steps
            demo["actions"] = rng.normal(size=(steps, 7)).astype("f4")
            demo["rewards"] = rng.random(steps).astype("f4")
            demo["dones"] = np.arange(steps) == steps - 1
            demo["obs/robot0_eef_pos"] = rng.normal(size=(steps, 3)).astype("f4")
            demo["obs/agentview_image"] = rng.integers(0, 256, (steps, 16, 16, 3)).astype("u1")
        file["data"].attrs["total"] = sum(range(20, 26))
        file["mask/train"] = [b"demo_0", b"demo_1", b"demo_2", b"demo_3"]
        file["mask/valid"] = [b"demo_4", b"demo_5"]
        file["data/demo_2/actions"][5, 3] = np.nan


def run_session(session, home, run=scripting.run):
    """Run the commands of a session in one shell; return the terminal output, including prompts and commands."""
    commands = re.findall(r"^\$ (.*)\n", session, re.MULTILINE)
    script = "\n".join(f"status=$?; echo {shlex.quote('$ ' + it)}; (exit $status)\n{it}" for it in commands)
    return run(f"exec 2>&1\n{script}", home, environment()).stdout


def in_processes(script, home, environment):
    """Run a script whose commands are processes, as a user's are."""
    return subprocess.run(
        ["bash", "-c", script], cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def timeless(text):
    """Replace the seconds and rates of a session by placeholders."""
    return TIME.sub("N s (N records/s)", text)


def assert_shown(output, shown):
    """Assert that an output matches what a document shows, where a line of `...` matches any lines."""
    output, shown = timeless(output), timeless(shown)
    pattern = "".join(
        "(?:.*\n)*?" if line.strip() == "..." else re.escape(line) for line in shown.splitlines(keepends=True)
    )
    assert re.fullmatch(pattern, output), "\n".join(
        difflib.unified_diff(shown.splitlines(), output.splitlines(), "shown", "printed", n=0, lineterm="")
    )


def run_commands(text, home):
    """Run commands that are shown without their output; return each command with its exit status and output."""
    results = []
    for command in text.replace("\\\n", "").splitlines():
        if command.strip() and not command.startswith("#"):
            done = scripting.run(command, home, environment())
            results.append((command, done.returncode, done.stdout + done.stderr))
    return results


def run_doctest(texts, name, at_least):
    """Run Python sessions in the working directory; require at least `at_least` examples, and none that fails."""
    parser = doctest.DocTestParser()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = parser.get_doctest("".join(texts), {"__name__": "docs"}, name, None, 0)
    results = doctest.DocTestRunner(optionflags=flags).run(test)
    assert results.failed == 0
    assert results.attempted >= at_least
