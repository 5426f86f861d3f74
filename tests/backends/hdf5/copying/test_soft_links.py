"""Soft links to a sample that a copy goes without go as well; those that led nowhere stay."""

from __future__ import annotations

import h5py
import numpy as np

import datacheck

LINKS = {
    "train/ep_7": "/ep_7",
    "test/ep_4": "/ep_4",
    "test/x_of_4": "/ep_4/x",
    "test/ep_40": "/ep_40",
    "test/elsewhere": "/nowhere",
    "ep_of_root": "ep_4",
}


def test_a_soft_link_goes_with_the_sample_that_it_leads_to(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in (*range(12), 40):
            file[f"ep_{at}/x"], file[f"ep_{at}/y"] = np.random.default_rng(at).random((20, 4)), np.arange(20)
        file["ep_4/x"][3, 1] = np.nan
        for name, leads in LINKS.items():
            file[name] = h5py.SoftLink(leads)
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert {*file["test"], *file["train"]} == {"ep_7", "ep_40", "elsewhere"}
        assert "ep_of_root" not in file
        assert np.array_equal(file["train/ep_7/x"], np.random.default_rng(7).random((20, 4)))
