"""Groups with numbers in their names that hold columns of one table, such as those of each object or cell."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

ROWS = 40
AXES = ["time", "frequencies", "weights"]


def columns(path, bad=None, outside=("pos", "chromo"), group="cpg/BS27_{}", rows=ROWS):
    with h5py.File(path, "w") as file:
        for name in outside:
            file[name] = np.random.default_rng(0).normal(size=rows)
        for at in range(3):
            for name in ("dist", "state"):
                values = np.random.default_rng(at).normal(size=(ROWS, 5))
                values[4, 2] = np.nan if bad == (at, name) else 0
                file[f"{group.format(at)}/{name}"] = values
    return path


def test_a_rebuild_drops_no_group_of_columns(tmp_path):
    assert list(datacheck.scan(columns(tmp_path / "a.h5"), workers=1).findings) == []
    source = columns(tmp_path / "b.h5", (1, "dist"))
    with pytest.raises(datacheck.UsageError, match="has as many rows as /cpg/BS27_1"):
        datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)


@pytest.mark.parametrize(
    "source",
    [
        {"outside": ["time"]},
        {"group": "demos/demo_{}"},
        {"rows": ROWS + 1},
        {"group": "eeg/trial_{}"},
        {"outside": AXES},
    ],
    ids=["one", "named", "other", "trials", "axes"],
)
def test_other_groups_are_samples(tmp_path, source):
    source = columns(tmp_path / "a.h5", (1, "dist"), **source)
    datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(source) as before, h5py.File(tmp_path / "copy.h5") as after:
        (above,) = {"cpg", "demos", "eeg"} & set(before)
        assert len(after[above]) == len(before[above]) - 1


def test_rows_may_be_of_the_groups_themselves(tmp_path):
    """Each of 16 groups has 16 rows, and the names and labels outside are those of the groups."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["name"], file["label"] = np.arange(16), np.arange(16) % 3
        for at in range(16):
            file[f"it/p_{at}/a"] = file[f"it/p_{at}/b"] = np.random.default_rng(at).normal(size=(16, 5))
        file["it/p_3/a"][4, 2] = np.nan
    with pytest.raises(datacheck.UsageError, match="label has a row for each group of /it, of which some go"):
        datacheck.rebuild(tmp_path / "a.h5", tmp_path / "copy.h5", drop_bad=True, workers=1)
