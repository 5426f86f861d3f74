"""Test that episode files whose numbers are spelled in several ways keep their names, since nothing counts them."""

import h5py
import numpy as np
import pytest

import datacheck

TWICE = ["episode_0.hdf5", "episode_1.hdf5", "episode_01.hdf5", "episode_2.hdf5", "episode_3.hdf5"]
GROWN = [*(f"episode_{it}.hdf5" for it in range(10)), "episode_010.hdf5", "episode_011.hdf5"]
PADDED = [f"episode_{it:02}.hdf5" for it in range(12)]


def write(folder, names):
    folder.mkdir()
    for nth, name in enumerate(names):
        with h5py.File(folder / name, "w") as file:
            file["action"] = np.random.default_rng(nth).normal(size=(20, 7)) + nth
            if nth == 0:
                file["action"][3, 1] = np.nan
    return folder


@pytest.mark.parametrize("names", [TWICE, GROWN], ids=["twice", "grown"])
def test_names_that_no_loader_makes_are_kept(tmp_path, names):
    receipt = datacheck.rebuild(write(tmp_path / "a", names), tmp_path / "b", drop_bad=True, workers=1)
    assert list(receipt.renamed()) == []
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == sorted(names[1:])
    for name in names[1:]:
        assert (tmp_path / "b" / name).read_bytes() == (tmp_path / "a" / name).read_bytes()


def test_padded_numbers_that_fill_their_width_are_closed_up(tmp_path):
    receipt = datacheck.rebuild(write(tmp_path / "a", PADDED), tmp_path / "b", drop_bad=True, workers=1)
    assert len(list(receipt.renamed())) == 11
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == PADDED[:-1]
    assert (tmp_path / "b/episode_10.hdf5").read_bytes() == (tmp_path / "a/episode_11.hdf5").read_bytes()
