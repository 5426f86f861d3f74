"""Texts beside HDF5 files that have a line for each row."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def folder(path, files=2, rows=20, text=None, name="rooms.txt", each=False):
    path.mkdir()
    rng = np.random.default_rng(2)
    for at in range(files):
        with h5py.File(path / f"part_{at}.h5", "w") as file:
            values = rng.normal(size=(rows, 6, 4)).astype("f4")
            values[3, 0, 0] = np.nan if at == 1 else 0
            if each:
                for number, it in enumerate(values):
                    file[f"trace_{number}"] = it
            else:
                file["data"], file["label"] = values, np.arange(rows) % 3
    (path / name).write_text(text)
    return path


def lines(count, end="\n"):
    return "\n".join(f"room {it}" for it in range(count)) + end


LISTS = {
    "of all files": (lines(40), "rooms.txt"),
    "without an end": (lines(40, ""), "rooms.lst"),
    "of one file": (lines(20), "names.txt"),
    "with a head": ("name\n" + lines(40), "meta.csv"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_the_rows_stops_a_copy_without_some(tmp_path, name):
    text, called = LISTS[name]
    source = folder(tmp_path / "a", text=text, name=called)
    with pytest.raises(datacheck.UsageError, match=f"{called} has .* lines, which may be of the rows one by one"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    datacheck.rebuild(source, tmp_path / "copy", fill=0)
    assert (tmp_path / "copy" / called).read_text() == text


def test_a_list_is_counted_however_large_it_is(tmp_path):
    source = folder(tmp_path / "a", text="", name="rooms.txt")
    with (source / "rooms.txt").open("r+b") as file:
        for at in range(40):
            file.seek((at + 1) * (7 << 20))  # what lies between is not stored
            file.write(b"\n")
    with pytest.raises(datacheck.UsageError, match=r"rooms\.txt has 40 lines"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)


OTHERS = {
    "of the files": {"text": "part_0.h5\npart_1.h5\n"},
    "longer": {"text": lines(43)},
    "a table of another kind": {"text": lines(40), "name": "run.py"},
    "of what has names": {"text": lines(40), "each": True},
    "few": {"text": lines(10), "rows": 5},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_texts_stop_none(tmp_path, name):
    source = folder(tmp_path / "a", **OTHERS[name])
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True).dropped == 1
