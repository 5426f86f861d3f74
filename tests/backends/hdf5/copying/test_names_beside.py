"""Texts beside HDF5 files that name what a copy would drop, or have an item for each row."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.copying import lists_beside

COUNT, BAD = 24, 5
TRACES = [f"B{it:03}.TA_2006_EV" for it in range(COUNT)]


def traces(path, beside, text):
    """Write a file of traces, as STEAD has them: a dataset each, named in a table beside it."""
    path.mkdir()
    with h5py.File(path / "chunk2.hdf5", "w") as file:
        for at, name in enumerate(TRACES):
            values = np.random.default_rng(at).normal(size=(60, 3)).astype("f4")
            values[2, 1] = np.nan if at == BAD else 0
            file[f"data/{name}"] = values
    (path / beside).write_text(text)
    return path


NAMING = {
    "chunk2.csv": "network,trace_name\n" + "".join(f"TA,{it}\n" for it in TRACES),
    "split.json": json.dumps({"train": TRACES[:12], "test": TRACES[12:]}),
    "train.txt": "\n".join(f"data/{it}" for it in TRACES),
}
OTHERS = {
    "test.txt": "\n".join(TRACES[12:]),
    "notes.txt": f"{TRACES[BAD]}_copy was removed",
    "notes.md": TRACES[BAD],
}


@pytest.mark.parametrize("beside", NAMING)
def test_a_text_that_names_a_dropped_dataset_stops_a_copy(tmp_path, beside):
    source = traces(tmp_path / "a", beside, NAMING[beside])
    with pytest.raises(datacheck.UsageError, match=f"{beside} names {TRACES[BAD]}, which would not be there"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)


@pytest.mark.parametrize("beside", OTHERS)
def test_other_texts_stop_none(tmp_path, beside):
    source = traces(tmp_path / "a", beside, OTHERS[beside])
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert (tmp_path / "copy" / beside).read_text() == OTHERS[beside]


def episodes(path):
    """Write five files with an episode each, of which one has a NaN."""
    path.mkdir()
    for number in range(5):
        with h5py.File(path / f"episode_{number}.hdf5", "w") as file:
            actions = np.random.default_rng(number).normal(size=(30, 7))
            actions[3, 3] = np.nan if number == 2 else 0
            file["action"], file["observations/qpos"] = actions, actions + 1
    return path


def test_a_readme_may_name_what_a_rebuild_drops(tmp_path):
    source = episodes(tmp_path / "a")
    (source / "README.txt").write_text("Open episode_2.hdf5 with h5py.\n")
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert len([*(tmp_path / "copy").glob("*.hdf5")]) == 4


def test_a_text_that_names_a_dropped_file_stops_a_copy(tmp_path):
    source = episodes(tmp_path / "a")
    (source / "split.json").write_text(json.dumps({"train": [f"episode_{it}.hdf5" for it in range(5)]}))
    with pytest.raises(datacheck.UsageError, match=r"split.json names episode_2"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)


@pytest.mark.parametrize(("items", "stops"), [(COUNT, True), (COUNT + 1, False)])
def test_a_json_list_with_an_item_for_each_row_stops_a_copy(tmp_path, items, stops):
    source = tmp_path / "a"
    source.mkdir()
    with h5py.File(source / "ply_data_train0.h5", "w") as file:
        data = np.random.default_rng(0).normal(size=(COUNT, 32, 3)).astype("f4")
        data[BAD, 1, 1] = np.nan
        file["data"], file["label"] = data, np.arange(COUNT) % 3
    (source / "ply_data_train_0_id2file.json").write_text(json.dumps([f"{it:08x}.txt" for it in range(items)]))
    if stops:
        with pytest.raises(datacheck.UsageError, match=r"id2file.json has 24 items, which may be of the rows"):
            datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    else:
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1 << 20])
def test_a_name_is_found_wherever_the_pieces_of_a_long_text_end(tmp_path, size, monkeypatch):
    monkeypatch.setattr(lists_beside, "PIECE", size)
    names = frozenset(it.encode() for it in TRACES[3:6])
    text = f"a,{TRACES[3]}\n{TRACES[4]}_copy {'b' * 40}{TRACES[4]} {TRACES[5]}"
    (tmp_path / "it.csv").write_text(text)
    assert lists_beside._names_in(tmp_path / "it.csv", names) == {TRACES[3].encode(), TRACES[5].encode()}
    (tmp_path / "it.csv").write_text(f"{text}_copy ")
    assert lists_beside._names_in(tmp_path / "it.csv", names) == {TRACES[3].encode()}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps({f"{at}.jpg": {"row": at, "it": [0] * 40} for at in range(COUNT)}), {COUNT}),
        (json.dumps({"version": '[,\\"', "images": [{"id": at} for at in range(30)], "few": [1, 2]}, indent=1), {30}),
        (json.dumps([{f"k{key}": 0 for key in range(30)} for _ in range(COUNT)]), {COUNT}),
        (json.dumps(["a,\\", '",b"', "é[" * 9, *range(30)], ensure_ascii=False), {33}),
        (json.dumps([*range(30)]) * 2, set()),
        (json.dumps([*range(30)])[:-1], set()),
        ('"text, of its own"', set()),
        ("", set()),
    ],
)
def test_items_are_counted_without_reading_the_whole_text_at_once(tmp_path, monkeypatch, size, text, expected):
    monkeypatch.setattr(lists_beside, "PIECE", size)
    (tmp_path / "it.json").write_text(text)
    assert lists_beside._items(tmp_path / "it.json") == expected
