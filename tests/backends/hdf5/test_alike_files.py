"""Files of a folder that differ in their values alone are walked once: what is said of each is what a walk says."""

import random

import h5py
import numpy as np
import pytest
from covering import seeds
from hdf5_walks import forget_walks

import datacheck
from datacheck.backends.hdf5 import alike_files
from datacheck.backends.hdf5 import layout as reading
from datacheck.backends.hdf5.alike_files import AlikeFiles
from datacheck.backends.hdf5.reader import Hdf5Reader


def write(folder, count=8, **odd):
    """Write files of two episodes each, of one size, whose values differ."""
    folder.mkdir()
    for number in range(count):
        draw = np.random.default_rng(number)
        with h5py.File(folder / f"part_{number:02}.h5", "w") as file:
            for demo in range(2):
                group = file.create_group(f"data/demo_{demo}")
                group.attrs["num_samples"] = odd.get("counted", 12) if number == 5 and demo else 12
                group["actions"] = draw.normal(size=(12, 3))
                group["obs/state"] = draw.normal(size=(12, 4))
            file["mask/train"] = np.array([b"demo_0", odd.get("named", b"demo_1") if number == 5 else b"demo_1"])
            file["flat/action"] = draw.normal(size=(20, 2))
            file["flat/episode_ends"] = np.array([9, odd.get("end", 20) if number == 5 else 20])
    return folder


def walked(folder, monkeypatch, *, each):
    with monkeypatch.context() as patched:
        if each:
            patched.setattr(AlikeFiles, "contents", lambda *_: None)
        forget_walks()
        reader = Hdf5Reader.recognise(folder)
        patched.setattr(reading, "LOT_FILES", 3)
        layout = reader.layout()
        known = reader.knowing(layout.known)
        return layout.findings, layout.shards, [known.contents(it) for it in range(len(reader.files))]


def test_files_that_differ_in_their_values_are_walked_once(tmp_path, monkeypatch):
    folder = write(tmp_path / "x")
    learned = []
    before = AlikeFiles.learn
    monkeypatch.setattr(AlikeFiles, "learn", lambda *of: learned.append(of[1].name) or before(*of))
    made = walked(folder, monkeypatch, each=False)
    assert learned == ["part_00.h5", "part_01.h5", "part_02.h5"]
    assert made == walked(folder, monkeypatch, each=True)


@pytest.mark.parametrize(
    ("odd", "code"), [({"counted": 11}, "count"), ({"named": b"demo_7"}, "dangling"), ({"end": 21}, "dangling")]
)
def test_what_one_of_them_says_of_itself_is_held_against_it(tmp_path, monkeypatch, odd, code):
    folder = write(tmp_path / "x", **odd)
    assert len({it.stat().st_size for it in folder.iterdir()}) == 1
    made = walked(folder, monkeypatch, each=False)
    assert {(it.code, it.file) for it in made[0]} == {(code, "part_05.h5")}
    assert made == walked(folder, monkeypatch, each=True)


def test_their_values_are_judged_each(tmp_path):
    folder = write(tmp_path / "x")
    with h5py.File(folder / "part_06.h5", "a") as file:
        file["data/demo_1/obs/state"][7, 2] = np.nan
    report = datacheck.scan(folder, workers=1)
    assert [(it.code, it.file, it.key) for it in report.findings] == [("nan", "part_06.h5", "/data/demo_1/obs[7]")]


@pytest.mark.parametrize("seed", seeds(12))
def test_a_changed_byte_is_said_of_as_by_a_walk(tmp_path, monkeypatch, seed):
    folder = write(tmp_path / "x", count=6)
    draw = random.Random(seed)
    path = folder / f"part_0{draw.randrange(6)}.h5"
    held = bytearray(path.read_bytes())
    at = draw.randrange(4096 if seed % 2 else len(held))
    held[at] ^= 1 << draw.randrange(8)
    path.write_bytes(held)
    assert walked(folder, monkeypatch, each=False) == walked(folder, monkeypatch, each=True)


@pytest.mark.parametrize("name", ["BYTES", "PIECES", "KINDS", "KEPT", "OF_ONE_SIZE"])
def test_what_is_too_much_to_be_remembered_is_walked(tmp_path, monkeypatch, name):
    folder = write(tmp_path / "x")
    monkeypatch.setattr(alike_files, name, 0)
    learned = []
    before = AlikeFiles.learn
    monkeypatch.setattr(AlikeFiles, "learn", lambda *of: learned.append(of[1].name) or before(*of))
    made = walked(folder, monkeypatch, each=False)
    assert len(learned) == 8
    assert made == walked(folder, monkeypatch, each=True)
