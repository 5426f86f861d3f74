"""Test the first event of each millisecond, as DSEC and M3ED have it beside the events of a camera."""

import h5py
import numpy as np
import pytest

import datacheck


def events(path, *, cut=0, groups=True, first="ms_to_idx"):
    times = np.sort(np.random.default_rng(0).integers(0, 60_000, 2000))
    index = np.searchsorted(times, np.arange(60) * 1000)
    times = times[: len(times) - cut]
    with h5py.File(path, "w") as file:
        file[first] = index.astype("u8")
        for at, name in enumerate("txyp"):
            file[f"events/{name}" if groups else name] = times if name == "t" else times % (50 + at)
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("options", [{}, {"groups": False, "first": "ms_map_idx"}])
def test_events_that_were_cut_are_suspicious(tmp_path, options):
    assert events(tmp_path / "a.h5", **options) == []
    assert events(tmp_path / "b.h5", cut=90, **options) == [("dangling", "suspicious")]


def test_the_scans_of_a_mass_spectrometer_are_no_milliseconds(tmp_path):
    assert events(tmp_path / "a.h5", cut=90, groups=False, first="ms2_idx") == []
