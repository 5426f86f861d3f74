"""Snapshots of simulations: particles by type, and their numbers in a header."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store

COUNTS = [60, 80, 0, 0, 12, 1]


def snapshot(path, said=COUNTS, short=(), bad=None, header="Header"):
    with h5py.File(path, "w") as file:
        file.create_group(header).attrs["NumPart_ThisFile"] = np.array(said, "i4")
        for kind, count in enumerate(COUNTS):
            for name in ("Coordinates", "Velocities") if count else ():
                values = np.random.default_rng(kind).normal(size=(count - ((kind, name) in short), 3))
                if (kind, name) == bad:
                    values[3, 1] = np.nan
                file[f"PartType{kind}/{name}"] = values
    return path


def told(path):
    forget_walks()
    findings = open_store(path).layout().findings
    return [(it.code, it.verdict) for it in findings]


def test_a_sound_snapshot_is_clean(tmp_path):
    assert told(snapshot(tmp_path / "a.hdf5")) == []


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"said": [69, *COUNTS[1:]]}, "count"),
        ({"short": [(1, "Velocities")]}, "row-count"),
        ({"short": [(1, "Velocities"), (1, "Coordinates")]}, "count"),
    ],
)
def test_particles_that_the_header_does_not_count_are_bad(tmp_path, faults, code):
    assert told(snapshot(tmp_path / "a.hdf5", **faults)) == [(code, "bad")]


def test_a_rebuild_drops_no_particles_that_the_header_counts(tmp_path):
    source = snapshot(tmp_path / "a.hdf5", bad=(1, "Coordinates"))
    with pytest.raises(datacheck.UsageError, match="/PartType1 has particles of a snapshot"):
        datacheck.rebuild(source, tmp_path / "b.hdf5", drop_bad=True, workers=1)


def test_groups_of_that_name_in_other_files_are_samples(tmp_path):
    source = snapshot(tmp_path / "a.hdf5", said=[69, *COUNTS[1:]], header="Other")
    assert told(source) == []
