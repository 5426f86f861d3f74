"""What the walk of a file found is handed to the workers that read it, and goes for the file as it was alone."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zlib

import h5py
import msgspec
import numpy as np
import pytest

from datacheck.backends.hdf5 import known
from datacheck.backends.hdf5 import layout as surveying
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import Knowing, StoreOptions
from datacheck.model.unpickling import unpickled


def write(path):
    draw = np.random.default_rng(4)
    with h5py.File(path, "w") as file:
        file["data"], file["label"] = draw.normal(size=(30, 4)), np.arange(30) % 3
        file.create_dataset("words", data=["a", "b"], dtype=h5py.string_dtype())
        for number in range(5):
            file[f"demo_{number}/actions"], file[f"demo_{number}/obs"] = draw.normal(size=(9, 2)), np.ones((9, 3))
        file.create_dataset("texts", data=[f"text {it}" for it in range(30)], dtype=h5py.string_dtype("ascii"))
        file.create_dataset("ragged", (30,), h5py.vlen_dtype("f4"))
        file["refs"] = np.array([file["data"].ref], h5py.ref_dtype)
    return path


def opened(path):
    found = Hdf5Reader.recognise(path, StoreOptions())
    assert isinstance(found, Knowing)
    return found


def refuse(*args):
    raise AssertionError("the file is walked again")


def test_what_was_found_is_not_found_out_again(tmp_path, monkeypatch):
    one = opened(write(tmp_path / "a.h5"))
    layout = one.layout()
    other = one.knowing(layout.known)
    assert other == one
    walked = one.contents(0)
    rows = [len(block) for shard in layout.shards for block in one.blocks(shard)]
    monkeypatch.setattr(surveying, "contents_of", refuse)
    told = other.contents(0)
    assert told == walked
    kinds = {it.path: it.dtype.metadata for table in walked.tables for it in table.datasets}
    assert {it.path: it.dtype.metadata for table in told.tables for it in table.datasets} == kinds
    assert [len(block) for shard in layout.shards for block in other.blocks(shard)] == rows


def told(layout):
    """Return what a layout says, with what is known unpacked: sets are packed in the order of their hashes."""
    known = {number: (*it[:2], unpickled(zlib.decompress(it.packed))) for number, it in unpickled(layout.known).items()}
    return msgspec.structs.replace(layout, known=b""), known


def test_what_was_read_meanwhile_changes_nothing_of_what_is_sent(tmp_path):
    one = opened(write(tmp_path / "a.h5"))
    before = one.layout()
    other = one.knowing(before.known)
    assert sum(len(block) for shard in before.shards for block in other.blocks(shard)) == before.records
    assert other.contents(0).named
    assert told(other.layout()) == told(before)


def test_what_is_sent_of_a_file_does_not_depend_on_hashes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(40):
            file[f"data/demo_{number}/actions"] = np.zeros((5 + number, 2))
            file[f"data/demo_{number}/obs"] = np.ones((5 + number, 3))
        file["mask/train"] = np.array([f"demo_{number}".encode() for number in range(42)])
    script = (
        "import hashlib, pickle, sys\nfrom pathlib import Path\nfrom datacheck.backends.interface import StoreOptions\n"
        "from datacheck.backends.hdf5.reader import Hdf5Reader\n"
        "walked = Hdf5Reader.recognise(Path(sys.argv[1]), StoreOptions()).contents(0)\n"
        "print(hashlib.sha256(pickle.dumps((walked.means, walked.tables))).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "a.h5")],
            env=os.environ | {"PYTHONHASHSEED": str(seed)}, capture_output=True, check=True,
        ).stdout
        for seed in (1, 2, 3)
    }  # fmt: skip
    assert len(made) == 1


def test_what_was_sent_can_be_sent_on(tmp_path):
    walked = opened(write(tmp_path / "a.h5")).contents(0)
    once = pickle.loads(pickle.dumps(walked))
    twice = pickle.loads(pickle.dumps(once))
    assert walked == once == twice
    first = twice.tables[0].judged[0]
    assert (first.chunks, first.readable, first.title) == (None, True, walked.tables[0].judged[0].title)


def test_a_file_that_changed_is_walked_again(tmp_path):
    path = write(tmp_path / "a.h5")
    one = opened(path)
    other = one.knowing(one.layout().known)
    with h5py.File(path, "a") as file:
        file["more"] = np.arange(7.0)
    os.utime(path, ns=(0, 5))
    assert b"/more" in other.contents(0).paths


def test_of_files_too_many_to_be_handed_over_the_rest_is_walked(tmp_path, monkeypatch):
    for number in range(6):
        write(tmp_path / f"{number}.h5")
    one = opened(tmp_path)
    every = one.layout().known
    monkeypatch.setattr(known, "MOST_BYTES", len(every) // 2)
    layout = one.layout()
    assert 0 < len(layout.known) < len(every)
    other = one.knowing(layout.known)
    assert [other.contents(number) for number in range(6)] == [one.contents(number) for number in range(6)]


def test_who_took_the_layout_walks_no_file_twice(tmp_path, monkeypatch):
    for number in range(20):
        write(tmp_path / f"{number}.h5")
    one = opened(tmp_path)
    layout = one.layout()
    monkeypatch.setattr(surveying, "contents_of", refuse)
    assert sum(len(block) for shard in layout.shards for block in one.blocks(shard)) == layout.records


@pytest.mark.parametrize("most", [0, 1])
def test_nothing_is_handed_over_where_there_is_no_room(tmp_path, monkeypatch, most):
    monkeypatch.setattr(known, "MOST_BYTES", most)
    assert opened(write(tmp_path / "a.h5")).layout().known == b""
