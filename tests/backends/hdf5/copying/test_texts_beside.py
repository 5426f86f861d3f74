"""Texts beside HDF5 files that have as many lines as there are rows, but are no lists of these."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

PARAGRAPHS = "\n".join("" if at % 5 == 3 else f"words of line {at}" for at in range(24)) + "\n"
LINES = "\n".join(f"line {at}" for at in range(24)) + "\n"
CAPTIONS = LINES.replace("line 7\n", "\n")  # a caption that is empty


def folder(path, texts):
    path.mkdir()
    data = np.random.default_rng(0).normal(size=(24, 6)).astype("f4")
    data[5, 2] = np.nan
    with h5py.File(path / "a.h5", "w") as file:
        file["data"], file["label"] = data, np.arange(24) % 3
    for name, text in texts.items():
        (path / name).write_bytes(text.encode())
    return path


def test_texts_about_the_data_stop_no_rebuild(tmp_path):
    texts = dict.fromkeys(("LICENSE.txt", "README.txt", ".gitignore", "requirements.txt"), LINES)
    texts |= {"about.txt": PARAGRAPHS, "terms of it.txt": LINES, "more.txt": PARAGRAPHS.replace("\n", "\r\n")}
    source = folder(tmp_path / "a", texts)
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1).dropped == 1
    assert (tmp_path / "copy" / "LICENSE.txt").read_text() == LINES


def test_lists_stop_a_rebuild(tmp_path):
    texts = {"samples.txt": LINES, "captions.txt": CAPTIONS, "names.txt": LINES.replace("\n", "\r\n")}
    with pytest.raises(datacheck.UsageError) as caught:
        datacheck.rebuild(folder(tmp_path / "a", texts), tmp_path / "copy", drop_bad=True, workers=1)
    assert all(f"{it} has 24 lines, which may be of the rows one by one" in str(caught.value) for it in texts)


def test_the_list_that_is_copied_is_not_beside_itself(tmp_path, monkeypatch):
    names = [f"{number:02}.h5" for number in range(16)]
    for name in names:
        data = np.random.default_rng(0).normal(size=(16, 6))
        data[1, 3] = np.nan if name == "03.h5" else 0
        with h5py.File(tmp_path / name, "w") as file:
            file["data"], file["label"] = data, np.arange(16) % 3
    for called in ("all.txt", "all_labels.txt"):
        (tmp_path / called).write_text("".join(f"{it}\n" for it in names))
    monkeypatch.chdir(tmp_path)
    receipt = datacheck.rebuild("all.txt", "copy", drop_bad=True, workers=1)
    assert [it.partition(",")[0] for it in receipt.unkept if "beside the source" in it] == ["all_labels.txt"]
