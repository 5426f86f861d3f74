"""Frames and series of pandas: what is missing or too short, and copies that pandas could not read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError

ROWS = 30


def write(path, *, objects=False, levels=False, empty=False):
    """Write a frame as pandas does with format="fixed", a series and a frame of format="table"."""
    rows = 0 if empty else ROWS
    with h5py.File(path, "w") as file:
        frame = file.create_group("df")
        frame.attrs.update({"pandas_type": b"frame", "nblocks": 2 + objects, "ndim": 2, "axis1_variety": b"regular"})
        frame["axis0"] = np.array([b"a", b"b", b"c", b"d"][: 3 + objects])
        arrays = {
            "axis1": np.arange(rows),
            "block0_values": np.ones((rows, 2)),
            "block1_values": np.arange(rows)[:, None],
        }
        if levels:
            del arrays["axis1"]
            frame.attrs.update({"axis1_variety": b"multi", "axis1_nlevels": 2})
            for at in range(2):
                frame[f"axis1_level{at}"] = np.arange(5)
                arrays[f"axis1_label{at}"] = np.arange(rows, dtype="i1") % 5
        for name, values in arrays.items():
            held = values if rows else np.zeros((1,) * values.ndim)
            frame[name] = held
            if not rows:
                frame[name].attrs["value_type"], frame[name].attrs["shape"] = b"int64", np.array(values.shape)
        frame["block0_items"], frame["block1_items"] = np.array([b"a", b"b"]), np.array([b"c"])
        if objects:
            frame["block2_items"] = np.array([b"d"])
            pickled = frame.create_dataset("block2_values", (1,), h5py.vlen_dtype("u1"))
            pickled[0] = np.frombuffer(b"\x80\x04]\x94(" + b"K\x01" * ROWS + b"e.", "u1")
        series = file.create_group("s")
        series.attrs.update({"pandas_type": b"series", "index_variety": b"regular"})
        series["index"], series["values"] = np.arange(9), np.linspace(0, 1, 9)
        table = file.create_group("t")
        table.attrs["pandas_type"] = b"frame_table"
        table["table"] = np.zeros(7, [("index", "i8"), ("values_block_0", "f8", (2,))])
        for name in ("sorted", "indices", "indicesLR"):
            table[f"_i_table/index/{name}"] = np.arange(50)
    return path


def said(path):
    its = [it for it in datacheck.scan(path, workers=1).findings if it.verdict == "bad"]
    return [(it.code, it.message) for it in its]


@pytest.mark.parametrize("options", [{}, {"objects": True}, {"levels": True}, {"empty": True}])
def test_a_sound_frame_has_all_that_it_says(tmp_path, options):
    assert said(write(tmp_path / "a.h5", **options)) == []


LOST = {
    "df/axis0": "/df is a frame of pandas and has no axis0",
    "df/axis1": "/df is a frame of pandas and has no axis1",
    "df/block1_values": "/df is a frame of pandas and has no block1_values",
    "df/block0_items": "/df is a frame of pandas and has no block0_items",
    "s/index": "/s is a series of pandas and has no index",
    "t/table": "/t is a frame_table of pandas and has no table",
}


@pytest.mark.parametrize("path", LOST)
def test_what_is_missing_of_a_frame_is_named(tmp_path, path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        del file[path]
    assert ("missing", LOST[path]) in said(tmp_path / "a.h5")


def test_the_index_of_a_table_that_is_lost_has_no_records(tmp_path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        del file["t/table"]
    assert datacheck.scan(tmp_path / "a.h5", workers=1).source.records == ROWS + 9


@pytest.mark.parametrize("path", ["df/axis1", "df/block0_values", "s/values"])
def test_what_is_too_short_of_a_frame_is_named(tmp_path, path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        values = file[path][:-2]
        del file[path]
        file[path] = values
    ((code, message),) = said(tmp_path / "a.h5")
    assert code == "row-count"
    assert f"/{path} has {len(values)} rows" in message


def test_a_label_that_leads_to_nothing_is_named(tmp_path):
    with h5py.File(write(tmp_path / "a.h5", levels=True), "a") as file:
        file["df/axis1_label1"][4], file["df/axis1_label0"][5] = 9, -1
    message = "/df/axis1_label1[4] leads to label 9; /df/axis1_level1 has 5"
    assert said(tmp_path / "a.h5") == [("dangling", message)]


def test_no_row_goes_of_a_frame_with_objects(tmp_path):
    path = write(tmp_path / "a.h5", objects=True)
    with h5py.File(path, "a") as file:
        file["df/block0_values"][3, 0] = np.nan
    with pytest.raises(UsageError, match="/df/block2_values is one pickle of a column of /df"):
        datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)


@pytest.mark.parametrize("levels", [False, True])
def test_a_row_of_a_frame_goes_with_its_index(tmp_path, levels):
    path = write(tmp_path / "a.h5", levels=levels)
    with h5py.File(path, "a") as file:
        file["df/block0_values"][3, 0] = np.nan
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert said(tmp_path / "copy.h5") == []
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert {len(copy[f"df/block{it}_values"]) for it in range(2)} == {ROWS - 1}
        assert len(copy["df/axis1_label0" if levels else "df/axis1"]) == ROWS - 1
