"""Test that a receipt names every dropped record, including those of a partner's file and those of the same step."""

import json

import h5py
import numpy as np
import pytest
from commanding import datacheck

draw = np.random.default_rng(3)


def rebuilt(tmp_path, source, *options):
    receipt = tmp_path / "receipt.json"
    run = datacheck("rebuild", source, tmp_path / "copy", "--drop-bad", "--report", receipt, *options)
    assert run.returncode == 0, run.stderr
    return json.loads(receipt.read_text()), run.stdout


def test_the_labels_in_the_file_beside_are_named(tmp_path):
    folder = tmp_path / "patches"
    folder.mkdir()
    for name in ("train", "test"):
        with h5py.File(folder / f"{name}_x.h5", "w") as file:
            file["x"] = draw.normal(size=(20, 3))
            if name == "train":
                file["x"][4, 1] = np.nan
        with h5py.File(folder / f"{name}_y.h5", "w") as file:
            file["y"] = np.arange(20) % 2
    receipt, said = rebuilt(tmp_path, folder)
    assert receipt["dropped"] == 2
    assert receipt["drops"] == [
        {"key": "/[4]", "index": 44, "codes": ["nan"], "file": "train_x.h5"},
        {"key": "/[4]", "index": 64, "codes": ["unpaired"], "file": "train_y.h5"},
    ]
    assert "  train_y.h5:/[4]  unpaired\n" in said
    assert "others" not in receipt


def episodes(path):
    with h5py.File(path, "w") as file:
        for number in range(6):
            group = file.create_group(f"data/demo_{number}")
            group["actions"], group["obs/a"] = draw.normal(size=(12 + number, 4)), draw.normal(size=(12 + number, 3))
        file["data/demo_2/actions"][3, 1] = np.inf
    return path


def test_the_same_step_of_other_members_is_named(tmp_path):
    receipt, _ = rebuilt(tmp_path, episodes(tmp_path / "x.h5"), "--drop-rows")
    assert [(it["key"], it["codes"]) for it in receipt["drops"]] == [
        ("/data/demo_2[3]", ["inf"]),
        ("/data/demo_2/obs[3]", ["unpaired"]),
    ]
    assert receipt["dropped"] == 2
    assert receipt["samples"] == []


def test_a_sample_that_goes_as_a_whole_is_named_once(tmp_path):
    receipt, _ = rebuilt(tmp_path, episodes(tmp_path / "x.h5"))
    assert [it["key"] for it in receipt["drops"]] == ["/data/demo_2[3]"]
    assert receipt["samples"] == ["/data/demo_2"]


def test_the_other_parts_of_a_sample_of_datasets_are_named(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for number in range(30):
            rows = 20 + number % 7
            file[f"wav_{number:03}"], file[f"f0_{number:03}"] = draw.normal(size=(rows, 4)), draw.normal(size=(rows, 2))
        file["wav_007"][3, 1] = np.nan
    receipt, _ = rebuilt(tmp_path, path)
    assert [(it["key"], it["codes"]) for it in receipt["drops"]] == [("/wav_007", ["nan"]), ("/f0_007", ["unpaired"])]


@pytest.mark.parametrize("told", [True, False])
def test_where_a_copy_would_lose_something_it_is_said_what_keeps_it(tmp_path, told):
    path = tmp_path / "x.mat"
    with h5py.File(path, "w") as file:
        cells = np.empty((1, 12), h5py.ref_dtype)
        for number in range(12):
            cell = file.create_dataset(f"#refs#/{chr(97 + number)}", data=draw.normal(size=(3, 40 + number)))
            cell.attrs["MATLAB_class"] = np.bytes_("double")
            cells[0, number] = cell.ref
        if told:
            file["#refs#/d"][1, 2] = np.nan
        else:
            file["#refs#/d"][...] = 3.0
        file["eeg"] = cells
        file["eeg"].attrs["MATLAB_class"] = np.bytes_("cell")
    run = datacheck("rebuild", path, tmp_path / "copy", "--drop", "nan" if told else "constant")
    assert run.returncode == 2
    assert "the cell /eeg{4} would lead to nothing" in run.stderr
    assert "--accept-losses" in run.stderr
    assert ("--fill VALUE" in run.stderr) is told
