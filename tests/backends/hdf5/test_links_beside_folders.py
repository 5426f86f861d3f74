"""Links and pipes beside a folder of HDF5 files, among the texts that list these."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store

FILES = 6


@pytest.mark.parametrize(("listed", "missing"), [(FILES, []), (FILES + 1, ["part_6.h5"])])
def test_a_link_that_leads_to_itself_hides_no_list(tmp_path, listed, missing):
    source = tmp_path / "train"
    source.mkdir()
    for at in range(FILES):
        with h5py.File(source / f"part_{at}.h5", "w") as file:
            file["data"] = np.random.default_rng(at).normal(size=(20, 3))
    (tmp_path / "a.txt").symlink_to("a.txt")
    os.mkfifo(tmp_path / "b.txt")
    (tmp_path / "files.txt").write_text("".join(f"part_{at}.h5\n" for at in range(listed)))
    forget_walks()
    findings = open_store(source).layout().findings
    assert [name for it in findings for name in it.details["missing"]] == missing
