"""A dataset a sample, and samples of which nothing was written."""

import hashlib

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

NAMES = {"counted": "utt{:04d}".format, "unlike": lambda number: hashlib.md5(b"%d" % number).hexdigest()}


def write(path, shapes, name=NAMES["counted"]):
    with h5py.File(path, "w") as file:
        for number, shape in enumerate(shapes):
            values = np.random.default_rng(number).normal(size=shape).astype("f4")
            file[name(number)] = values
    return path


def found_in(path, **options):
    return [(it.key, it.code) for it in scan(path, **{"workers": 1, **options}).findings]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_an_utterance_without_a_frame_is_empty(name, tmp_path):
    shapes = [(30 + it % 13, 20) for it in range(45)]
    write(tmp_path / "sound.h5", shapes, name)
    assert found_in(tmp_path / "sound.h5") == []
    for number in (0, 20, 44):
        shapes[number] = (0, 20)
    write(tmp_path / "bad.h5", shapes, name)
    keys = sorted("/" + name(it) for it in (0, 20, 44))
    assert sorted(found_in(tmp_path / "bad.h5", workers=2)) == [(it, "empty") for it in keys]
    rebuild(tmp_path / "bad.h5", tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert len(file) == 42
    assert found_in(tmp_path / "copy.h5") == []


def test_pictures_without_boxes_are_sound(tmp_path):
    assert found_in(write(tmp_path / "few.h5", [(it % 7, 4) for it in range(45)])) == []
    assert found_in(write(tmp_path / "many.h5", [((it % 5 > 0) * (9 + it), 4) for it in range(45)])) == []


def test_what_has_no_value_beside_a_family_is_none_of_it(tmp_path):
    path = write(tmp_path / "a.h5", [(30 + it % 13, 20) for it in range(45)])
    with h5py.File(path, "a") as file:
        file["notes1"], file["utt9999"] = np.empty((0, 20), "f4"), np.empty(0, "i8")
    assert found_in(path) == []


def test_rows_of_another_shape_are_named(tmp_path):
    shapes = [(30 + it % 13, 20) for it in range(45)]
    shapes[0], shapes[44] = (31, 19), (31,)
    path = write(tmp_path / "bad.h5", shapes)
    assert sorted(found_in(path, workers=2)) == [("/utt0000", "shape"), ("/utt0044", "shape")]
    [first] = [it for it in scan(path, workers=1).findings if it.key == "/utt0000"]
    assert first.message == "a row has the shape (19,), in nearly all others (20,)"
    rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    assert found_in(tmp_path / "copy.h5") == []


def test_pictures_of_any_width_are_sound(tmp_path):
    assert found_in(write(tmp_path / "a.h5", [(30 + it % 13, 20 + it % 7, 3) for it in range(45)])) == []
