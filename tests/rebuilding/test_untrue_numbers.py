"""Test wrong numbers of rows that cannot be corrected: a rebuild says that its copy has them."""

import h5py
import numpy as np
import pytest

import datacheck
from tests.trees import run

DRAW = np.random.default_rng(4)


def matrix(path, **pointers):
    held = DRAW.random((60, 25)) < 0.2
    with h5py.File(path, "w") as file:
        of = file.create_group("matrix")
        of["data"], of["indices"] = DRAW.random(held.sum()) + 1, np.nonzero(held)[1]
        of["indptr"] = np.concatenate([[0], np.cumsum(held.sum(1))])
        of["shape"], of["barcodes"] = np.array([25, 60]), np.array([b"ACGT%04d-1" % it for it in range(60)])
        for at, number in pointers.items():
            of["indptr"][int(at.strip("_"))] = number
    return path


def steps(path, ends):
    with h5py.File(path, "w") as file:
        file["data/action"], file["data/state"] = DRAW.random((300, 2)), DRAW.random((300, 5))
        file["meta/episode_ends"] = np.array(ends)
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda path: matrix(path, _10=10_000),
        lambda path: matrix(path, _60=10_000),
        lambda path: steps(path, [100, 400, 300]),
        lambda path: steps(path, [100, 180, 400]),
    ],
    ids=["falling", "beyond", "not-rising", "behind-the-end"],
)
def test_a_copy_that_is_as_bad_is_said_to_be(tmp_path, write):
    source, copy = write(tmp_path / "a.h5"), tmp_path / "b.h5"
    status, said, _ = run("rebuild", source, copy, "--drop-bad")
    assert status == 0
    assert "as bad in the copy: dangling: " in said
    receipt = datacheck.rebuild(source, tmp_path / "c.h5", drop_bad=True, workers=1)
    assert [it.code for it in receipt.lost] == ["dangling"]
    assert datacheck.scan(copy, workers=1).counts == {"dangling": 1}


def test_nothing_is_said_of_what_a_copy_has_true(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        for number in range(25):
            demo = file.create_group(f"data/demo_{number}")
            demo["actions"], demo["obs/state"] = DRAW.random((20, 7)), DRAW.random((20, 3))
            demo.attrs["num_samples"] = 20
        file["data"].attrs["total"] = 7
        file["mask/train"] = np.array([b"demo_0", b"demo_99"])
    receipt = datacheck.rebuild(tmp_path / "a.hdf5", tmp_path / "b.hdf5", drop_bad=True, workers=1)
    assert receipt.lost == []
    assert datacheck.scan(tmp_path / "b.hdf5", workers=1).clean


def test_nothing_is_said_of_numbers_that_go_with_their_sample(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        for number in range(25):
            demo = file.create_group(f"data/demo_{number}")
            demo["actions"], demo["obs/state"] = DRAW.random((20, 7)), DRAW.random((20, 3))
            demo["contacts/data"], demo["contacts/indices"] = DRAW.random(40) + 1, np.tile([2, 5], 20)
            demo["contacts/indptr"], demo["contacts/shape"] = np.arange(0, 42, 2), np.array([20, 9])
        file["data/demo_3/contacts/indptr"][2] = 90
        file["data/demo_3/actions"][4, 1] = np.nan
    assert datacheck.scan(tmp_path / "a.hdf5", workers=1).counts == {"dangling": 1, "nan": 1}
    receipt = datacheck.rebuild(tmp_path / "a.hdf5", tmp_path / "b.hdf5", drop_bad=True, workers=1)
    assert receipt.samples == ["/data/demo_3"]
    assert receipt.lost == []
    assert datacheck.scan(tmp_path / "b.hdf5", workers=1).clean
