"""Files of a folder that are a picture each, or of which no row is left."""

from __future__ import annotations

import h5py
import numpy as np

import datacheck

COUNT, ODD = 12, 5


def write(folder, make):
    folder.mkdir()
    for number in range(COUNT):
        with h5py.File(folder / f"volume_1_slice_{number}.h5", "w") as file:
            for name, values in make(number).items():
                file[name] = values
    return folder


def draw(number, *shape):
    return np.random.default_rng(number).normal(size=shape)


def test_a_picture_without_its_mask_is_unpaired_and_goes(tmp_path):
    def slices(number):
        made = {"image": draw(number, 24, 24, 4), "mask": (draw(number, 24, 24, 3) > 0).astype("u1")}
        return {name: it for name, it in made.items() if (number, name) != (ODD, "mask")}

    source = write(tmp_path / "a", slices)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.verdict, finding.file) == ("unpaired", "bad", f"volume_1_slice_{ODD}.h5")
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert len(list((tmp_path / "b").iterdir())) == COUNT - 1
    assert datacheck.scan(tmp_path / "b", workers=1).clean


def test_a_file_of_which_no_row_is_left_goes(tmp_path):
    def slides(number):
        return {"features": draw(number, 20 + number, 15 if number == ODD else 16)}

    source = write(tmp_path / "a", slides)
    receipt = datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert receipt.samples == [f"volume_1_slice_{ODD}.h5"]
    assert not (tmp_path / "b" / f"volume_1_slice_{ODD}.h5").exists()
    assert datacheck.scan(tmp_path / "b", workers=1).clean


def test_a_file_with_rows_left_stays(tmp_path):
    def slides(number):
        values = draw(number, 20 + number, 16)
        values[0 if number != ODD else slice(19)] = np.nan
        return {"features": values}

    receipt = datacheck.rebuild(write(tmp_path / "a", slides), tmp_path / "b", drop_bad=True, workers=1)
    assert receipt.samples == []
    assert len(list((tmp_path / "b").iterdir())) == COUNT
