"""Texts in and beside a folder that list its HDF5 files, or have a line for each row."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store
from datacheck.backends.hdf5.folders import file_lists

FILES, ROWS = 6, 20


def folder(path, called="ply_data_{}.h5", bad=False):
    path.mkdir(parents=True)
    for at in range(FILES):
        data = np.random.default_rng(at).normal(size=(ROWS, 8, 3)).astype("f4")
        data[3, 2, 1] = np.nan if bad and at == 2 else 0
        with h5py.File(path / called.format(at), "w") as file:
            file["data"], file["label"] = data, np.arange(ROWS) % 3
    return path


def told(path):
    forget_walks()
    return [(it.code, it.verdict, it.details.get("missing")) for it in open_store(path).layout().findings]


def listed(*more, called="ply_data_{}.h5", above="data/set/"):
    return "".join(f"{above}{it}\n" for it in (*map(called.format, range(FILES)), *more))


ABSENT = {
    "a text": ("files.txt", listed("ply_data_6.h5")),
    "a table": ("meta.csv", "split,file\n" + "".join(f"train,ply_data_{it}.h5\n" for it in range(FILES + 1))),
    "a JSON text": ("splits.json", json.dumps({"train": [f"ply_data_{it}.h5" for it in range(FILES + 1)]})),
    "a list beside": ("../train.txt", listed("ply_data_6.h5")),
}


@pytest.mark.parametrize("name", ABSENT)
def test_a_list_of_files_names_one_that_is_not_there(tmp_path, name):
    path, text = ABSENT[name]
    source = folder(tmp_path / "a" / "train")
    (source / path).write_text(text)
    (missing,) = {"data/set/ply_data_6.h5", "ply_data_6.h5"} & {
        it.strip('",]} ') for it in text.replace(",", "\n").split()
    }
    assert told(source) == [("missing", "bad", [missing])]


@pytest.mark.parametrize("name", ["stats.csv", "durations.json", "sha256.txt"])
def test_what_only_describes_the_files_may_name_one_that_was_taken_out(tmp_path, name):
    source = folder(tmp_path / "train")
    names = [f"ply_data_{it}.h5" for it in range(FILES + 1)]
    lines = "\n".join(f"{it},2.5" for it in names)
    (source / name).write_text(json.dumps(dict.fromkeys(names, 2.5)) if name.endswith("json") else lines)
    assert told(source) == [("missing", "suspicious", [names[-1]])]


@pytest.mark.parametrize(("most", "expected"), [(FILES + 1, ["bad"]), (FILES, ["unverifiable"])])
def test_where_very_many_files_lie_around_none_is_known_to_be_missing(tmp_path, monkeypatch, most, expected):
    monkeypatch.setattr(file_lists, "MOST_FILES", most)
    source = folder(tmp_path / "a" / "train")
    (source / "files.txt").write_text(listed("ply_data_6.h5"))
    assert [verdict for _, verdict, _ in told(source)] == expected


def cases(path, *more, bad=None):
    """Write volumes of cases, and a list of their names without suffixes, as TransUNet reads them."""
    (path / "lists").mkdir(parents=True)
    for at in range(FILES):
        with h5py.File(path / f"case{at:04}.npy.h5", "w") as file:
            file["image"] = np.random.default_rng(at).normal(size=(5 + at, 8, 8)).astype("f4")
            file["image"][1, 1, 1] = np.nan if at == bad else 0
    names = [*(f"case{at:04}" for at in range(FILES)), *more]
    (path / "lists" / "test_vol.txt").write_text("\n".join(names))
    return path


@pytest.mark.parametrize(
    ("more", "missing"), [([], []), (["case0038"], [["case0038"]]), (["slice_7"], []), (["case7", "case8"], [])]
)
def test_a_list_may_name_files_without_suffixes(tmp_path, more, missing):
    assert told(cases(tmp_path / "a", *more)) == [("missing", "bad", it) for it in missing]


def test_a_rebuild_stops_if_a_list_names_a_dropped_file_without_suffixes(tmp_path):
    with pytest.raises(datacheck.UsageError, match=r"test_vol.txt names case0003, which would not be there"):
        datacheck.rebuild(cases(tmp_path / "a", bad=3), tmp_path / "copy", drop_bad=True, workers=1)


SOUND = {
    "all are there": ("files.txt", listed()),
    "many are in other folders": ("files.txt", listed(*(f"ply_data_{it}.h5" for it in range(20, 30)))),
    "one lies beside the folder": ("../all.txt", listed("other_7.h5", "ply_data_9.h5")),
    "the raw file is named": ("about.txt", listed("raw.h5")),
    "a readme": ("README.txt", listed("ply_data_6.h5")),
    "a log": ("write_log.txt", listed("ply_data_6.h5")),
    "files to leave out": ("blacklist.txt", listed("ply_data_6.h5")),
    "files that were taken out": ("rejected_files.txt", listed("ply_data_6.h5")),
    "a pattern": ("files.txt", listed("ply_data_%d.h5", "ply_data_*.h5")),
    "other files": ("removed.txt", "ply_data_90.h5\n"),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_lists_have_no_finding(tmp_path, name):
    path, text = SOUND[name]
    source = folder(tmp_path / "a" / "train")
    (source / path).write_text(text)
    (tmp_path / "a" / "val").mkdir()
    (tmp_path / "a" / "val" / "ply_data_9.h5").touch()
    (tmp_path / "a" / "other_7.h5").touch()
    assert told(source) == []


def test_names_with_spaces_are_found_by_their_last_word(tmp_path):
    source = folder(tmp_path / "a", "run {}.h5")
    (source / "files.txt").write_text(listed(called="run {}.h5", above=""))
    assert told(source) == []


def test_a_receipt_names_lists_beside_the_source_that_are_no_longer_true(tmp_path):
    source = folder(tmp_path / "train", bad=True)
    (tmp_path / "train_names.txt").write_text("".join(f"chair {it}\n" for it in range(FILES * ROWS)))
    (tmp_path / "other_names.txt").write_text("".join(f"chair {it}\n" for it in range(FILES * ROWS)))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert [it for it in receipt.unkept if "names.txt" in it] == [
        "train_names.txt, beside the source, has 120 lines, which may be of the rows one by one; the copy has fewer"
    ]


def test_a_receipt_names_lists_beside_the_source_that_name_dropped_files(tmp_path):
    source = tmp_path / "train"
    source.mkdir()
    for at in range(FILES):
        with h5py.File(source / f"traj_{at}.h5", "w") as file:
            actions = np.random.default_rng(at).normal(size=(ROWS + at, 7))
            actions[3, 3] = np.nan if at == 2 else 0
            file["action"], file["obs"] = actions, actions + 1
    (tmp_path / "list.txt").write_text(listed(called="traj_{}.h5"))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert [it for it in receipt.unkept if "list.txt" in it] == [
        "list.txt, beside the source, names traj_2.h5, which the copy does not have"
    ]
