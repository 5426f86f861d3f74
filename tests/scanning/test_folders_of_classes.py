"""Test keys in folders that are named after classes: the records in them are data, not labels."""

import numpy as np
import pytest
from building import write_lmdb

from datacheck import scan


def found_in(path, **options):
    return [(it.key, it.field, it.code) for it in scan(path, workers=1, array=["f4:8"], **options).findings]


@pytest.mark.parametrize("folder", ["class_{}", "cls{}", "label-{}"])
def test_arrays_in_folders_of_classes_are_data(folder, tmp_path):
    values = {
        f"train/{folder.format(it % 3)}/{it:05}".encode(): np.random.default_rng(it).normal(size=8).astype("f4")
        for it in range(60)
    }
    bad = f"train/{folder.format(1)}/00031"
    values[bad.encode()][2] = np.nan
    write_lmdb(tmp_path / "env", {key: it.tobytes() for key, it in values.items()})
    assert found_in(tmp_path / "env", labels=3) == [(bad, "data", "nan"), (None, None, "label")], "nothing is a label"
