"""Files of a folder that have nothing but one picture without channels each, or one matrix of something with itself."""

import h5py
import numpy as np
import pytest

import datacheck


def pictures(folder, shapes, name="typhoon_{:02}.h5", bad=None, dataset="Infrared"):
    folder.mkdir()
    for at, shape in enumerate(shapes):
        values = np.random.default_rng(at).normal(250, 20, shape).astype("f4")
        values[3, 5] = np.nan if at == bad else 250
        with h5py.File(folder / name.format(at), "w") as file:
            file[dataset] = values
    return folder


def left(folder):
    return len([*folder.glob("*.h5")])


def test_a_line_of_a_picture_takes_the_whole_picture_with_it(tmp_path):
    source = pictures(tmp_path / "a", [(20 + at, 20 + at) for at in range(6)], bad=2)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert (left(tmp_path / "copy"), datacheck.scan(tmp_path / "copy", workers=1).status) == (5, 0)


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        ([(24, 20)] * 6, "typhoon_{:02}.h5"),
        ([(24, 24)] * 6, "part_{:02}.h5"),
        ([(24, 24)] * 6, "e_{}.h5"),
    ],
)
def test_rows_of_other_files_go_by_themselves(tmp_path, shapes, name):
    source = pictures(tmp_path / "a", shapes, name, bad=2, dataset="embeddings" if name == "e_{}.h5" else "Infrared")
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert left(tmp_path / "copy") == 6


@pytest.mark.parametrize(
    ("odd", "count", "codes"),
    [((22, 24), 20, ["shape"]), ((24, 24), 20, []), ((22, 24), 9, [])],
)
def test_a_picture_that_was_cut_is_suspicious(tmp_path, odd, count, codes):
    source = pictures(tmp_path / "a", [odd if at == 7 else (24, 24) for at in range(count)])
    assert [it.code for it in datacheck.scan(source, workers=1).findings if it.file == "typhoon_07.h5"] == codes
