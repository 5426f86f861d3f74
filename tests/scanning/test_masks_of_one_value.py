"""Test masks of one value, which are many and reported once, and a picture of one value, which is named."""

import h5py
import numpy as np

import datacheck


def test_empty_masks_are_said_once_and_empty_pictures_one_by_one(tmp_path):
    rng = np.random.default_rng(5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = rng.integers(0, 255, (60, 8, 8), dtype="u1")
        mask = rng.integers(0, 2, (60, 8, 8), dtype="u1")
        image[:12], mask[::4] = 7, 0
        file["image"], file["mask"] = image, mask
    found = datacheck.scan(tmp_path / "a.h5", workers=1).findings
    assert [it.key for it in found if it.field == "mask"] == [None]
    assert [it.key for it in found if it.field == "image"] == [f"/[{row}]" for row in range(12)]
