"""No row is looked at by two probes, so that no more rows are sampled than there are."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.reader import Hdf5Reader


@pytest.mark.parametrize("rows", [1, 15, 17, 40, 280, 1000, 1025, 4000])
def test_probes_of_a_table_do_not_overlap(tmp_path, rows):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(2).normal(size=(rows, 3))
    probes = Hdf5Reader(path, (path,)).layout().probes
    seen = [at for probe in probes for at in range(probe.start.key, probe.stop.key)]
    assert len(seen) == len(set(seen)) == min(rows, 1024)
    families = datacheck.scan(path, workers=1).profile.families
    assert [it.sampled for it in families.values()] == [min(rows, 1024)]
