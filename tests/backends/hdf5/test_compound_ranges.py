"""Parts of voxels by members of a compound type, as LArCV has them."""

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store


def told(path, *, members=("n", "first"), lost=0, beside=False, shuffled=False):
    counts = np.random.default_rng(0).integers(3, 9, 20)
    first = np.r_[0, np.cumsum(counts)[:-1]]
    extents = np.zeros(20, [(it, "u8") for it in members])
    extents[members[0]] = counts if members[0] == "n" else first + counts
    extents[members[1]] = first[::-1] if shuffled else first
    with h5py.File(path, "w") as file:
        file["Data/sparse3d_reco_group/extents"] = extents
        file["Data/sparse3d_reco_group/voxels"] = np.zeros(counts.sum() - lost, [("id", "u8"), ("value", "f4")])
        if beside:
            file["Data/sparse3d_reco_group/more"] = np.arange(7)
    forget_walks()
    return [(it.code, it.verdict) for it in open_store(path).layout().findings]


@pytest.mark.parametrize("members", [("n", "first"), ("stop", "start")])
@pytest.mark.parametrize(("lost", "expected"), [(0, []), (2, [("dangling", "bad")])])
def test_a_part_that_leads_beyond_the_voxels_is_a_fault(tmp_path, members, lost, expected):
    assert told(tmp_path / "a.h5", members=members, lost=lost) == expected


@pytest.mark.parametrize("options", [{"beside": True}, {"shuffled": True}, {"members": ("n", "id")}])
def test_other_members_may_be_anything(tmp_path, options):
    assert told(tmp_path / "a.h5", lost=2, **options) == []
