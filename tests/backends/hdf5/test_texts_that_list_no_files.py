"""Texts in a folder of HDF5 files that have the names of some of them as words, but do not list them."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store

CLASSES = ["airplane", "bag", "cap", "car", "chair", "earphone", "guitar", "knife", "lamp", "laptop"]
EPISODES = [f"episode_{it}" for it in range(11)]
CASES = {
    "a label in each line": (range(10), "labels.txt", "".join(f"{it % 11}\n" for it in range(200)), []),
    "a class without a file": (CLASSES, "classes.txt", "\n".join(["background", *CLASSES]), []),
    "a model to be written": (EPISODES, "config.json", json.dumps([*(f"{it}.h5" for it in EPISODES), "best.h5"]), []),
    "all files in one": (EPISODES, "files.txt", "\n".join(f"{it}.h5" for it in [*EPISODES, "merged"]), []),
    "an episode": (
        EPISODES,
        "config.json",
        json.dumps([*(f"{it}.h5" for it in EPISODES), "final_1.h5"]),
        ["final_1.h5"],
    ),
    "a scene": (CLASSES, "files.txt", "\n".join(f"{it}.h5" for it in [*CLASSES, "mug"]), ["mug.h5"]),
    "a frame": ([f"{it:03}" for it in range(10)], "val.txt", "".join(f"{it:03}\n" for it in range(11)), ["010"]),
    "a hash": (
        [f"a{it}f9c{it * it}" for it in range(10)],
        "val.txt",
        "".join(f"a{it}f9c{it * it}\n" for it in range(10)) + "0be7c",
        ["0be7c"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_only_names_of_files_that_are_not_there_are_missing(tmp_path, name):
    stems, text, lines, missing = CASES[name]
    for at, stem in enumerate(stems):
        with h5py.File(tmp_path / f"{stem}.h5", "w") as file:
            file["data"] = np.random.default_rng(at).normal(size=(4, 3))
    (tmp_path / text).write_text(lines)
    forget_walks()
    findings = [it for it in open_store(tmp_path).layout().findings if it.code == "missing"]
    assert [name for it in findings for name in it.details["missing"]] == missing
