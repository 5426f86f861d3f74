"""Test that a rebuild that is killed at any moment leaves nothing that prevents the next one from working."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from building import datum, floats, key, pixels, raw_records, write_lmdb

from datacheck.backends import open_store

BAD = {key(3): b"", key(17): datum(pixels(17), 1)[:90]}


def lmdb_source(folder):
    return write_lmdb(folder / "source", raw_records(300, (3, 32, 32)) | BAD)


def hdf5_source(folder):
    data = np.stack([floats(number, (3, 24, 24)) for number in range(200)])
    data[7, 0, 1, 2] = np.nan
    with h5py.File(folder / "source.h5", "w") as file:
        file.create_dataset("data", data=data, chunks=(8, 3, 24, 24), compression="gzip")
        file["label"] = np.arange(200) % 5
    return folder / "source.h5"


def content(path):
    """Return the whole contents of a copy."""
    if path.is_file():
        with h5py.File(path) as file:
            return file["data"][:].tobytes(), file["label"][:].tobytes()
    reader = open_store(path)
    return [
        (at, bytes(value))
        for shard in reader.layout().shards
        for block in reader.blocks(shard)
        for at, value in zip(block.keys, block.values, strict=True)
    ]


def rebuild(*args):
    return [sys.executable, "-m", "datacheck", "rebuild", *map(str, args), "--drop-bad", "--quiet"]


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def names_in(folder):
    return {it.name for it in folder.iterdir()}


def begun_in(folder):
    """Return everything in a folder, at any depth, apart from the source."""
    return {it for it in folder.rglob("*") if "source" not in it.relative_to(folder).parts[0]}


@pytest.mark.parametrize("make", [lmdb_source, hdf5_source])
def test_after_each_kill_the_next_rebuild_succeeds_and_leaves_nothing_behind(tmp_path, make):
    home = tmp_path / "home"
    home.mkdir()
    source, target, quarantine = make(home), home / "target", home / "held"
    names = names_in(home)
    subprocess.run(rebuild(source, target), check=True)
    expected = content(target)
    remove(target)
    left = 0
    # On a loaded machine a rebuild may end before what it began is noticed.
    for wait in (0.0, 0.2, "begun", *["more"] * 20):
        with subprocess.Popen(rebuild(source, target, "--quarantine", quarantine)) as process:
            if isinstance(wait, float):
                time.sleep(wait)
            else:
                until_begun(home, process, more=wait == "more")
            process.send_signal(signal.SIGKILL)
        left += bool(names_in(home) - names - {"target", "held"})
        for made in (target, quarantine):
            if made.exists():
                remove(made)
        done = subprocess.run(
            rebuild(source, target, "--quarantine", quarantine), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert content(target) == expected
        for made in (target, quarantine):
            remove(made)
        assert names_in(home) == names
        if left == 3:
            break
    assert left == 3


def until_begun(folder: Path, process: subprocess.Popen, *, more: bool) -> None:
    """Wait until a rebuild has made something in a folder, or with `more` something inside of that."""
    while process.poll() is None:
        made = begun_in(folder)
        if made and (not more or any(it.parent != folder for it in made)):
            return
        time.sleep(0.002)
