"""Sounds that have an exact number of samples for each frame of their features."""

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store

HOP = 50


def told(path, lengths, *, grouped):
    """Write recordings, given the frames and the samples of each, as files or as groups of one file."""
    rng = np.random.default_rng(0)
    for at, (frames, samples) in enumerate(lengths):
        with h5py.File(path / ("all.h5" if grouped else f"LJ001-{at:04}.h5"), "a") as file:
            group = file.create_group(f"LJ001-{at:04}") if grouped else file
            group["wave"], group["feats"] = rng.normal(size=samples), rng.normal(size=(frames, 8))
    forget_walks()
    findings = open_store(path / "all.h5" if grouped else path).layout().findings
    return [(it.code, it.verdict, sorted(it.details["rows"].values())) for it in findings]


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ((30, 30 * HOP - 2), [("row-count", "suspicious", [30, 30 * HOP - 2])]),
        ((30, 30 * HOP), []),
        ((30, 9), []),  # of something else
    ],
)
def test_a_sound_that_was_cut_is_suspicious(tmp_path, grouped, odd, expected):
    lengths = [odd if at == 4 else (20 + at, (20 + at) * HOP) for at in range(12)]
    assert told(tmp_path, lengths, grouped=grouped) == expected


@pytest.mark.parametrize("more", [range(12), [7] * 12])
def test_sounds_may_have_any_length(tmp_path, more):
    """The lengths are no multiples, or all are equal."""
    lengths = [(20 + at * (len({*more}) > 1), (20 + at) * HOP + it) for at, it in enumerate(more)]
    assert told(tmp_path, lengths, grouped=False) == []


@pytest.mark.parametrize(
    ("bands", "frames", "expected"),
    [(78, range(20), ["shape"]), (80, range(20), []), (78, [9] * 20, []), (78, range(12), [])],
)
def test_a_spectrum_that_lacks_bands_is_suspicious(tmp_path, bands, frames, expected):
    """The bands are the rows where the number of frames differs."""
    with h5py.File(tmp_path / "mels.h5", "w") as file:
        for at, count in enumerate(frames):
            file[f"LJ{at:03}/mel"] = np.zeros((bands if at == 8 else 80, 20 + count))
            file[f"LJ{at:03}/quant"] = np.arange(300 + at)
    forget_walks()
    assert [it.code for it in open_store(tmp_path / "mels.h5").layout().findings] == expected
