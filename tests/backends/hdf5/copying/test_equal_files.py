"""Test copies of folders whose files all have as many rows, or as many parameters, as each other."""

import h5py
import numpy as np
import pytest
from commanding import datacheck


def universes(folder, name, *, odd=None, count=5, bad="unitPar"):
    """Write simulations with four parameters each, as CosmoFlow has them; one value of the third one is NaN."""
    folder.mkdir()
    for at in range(count):
        rng = np.random.default_rng(at)
        values = {"full": rng.normal(size=(20 + (odd == at), 6, 4)), "unitPar": rng.normal(size=4)}
        if at == 2:
            values[bad].flat[1] = np.nan
        with h5py.File(folder / name.format(at), "w") as file:
            for path, its in values.items():
                file[path] = its.astype("f4")
            file["namePar"] = [b"Omega_m", b"sigma_8", b"N_spec", b"H0"]
    return folder


def copied(folder):
    said = datacheck("rebuild", folder, copy := folder.parent / "copy", "--drop-bad")
    return said.stdout, {it.name: h5py.File(it)["unitPar"].shape for it in copy.iterdir()}


def test_a_file_goes_with_one_of_its_parameters(tmp_path):
    said, shapes = copied(universes(tmp_path / "a", "univ_{}.h5"))
    assert "with all of univ_2.h5" in said
    assert set(shapes.values()) == {(4,)}
    assert len(shapes) == 4


@pytest.mark.parametrize(
    ("name", "odd", "noted"), [("univ_{}.h5", None, True), ("univ_{}.h5", 4, False), ("shard_{}.h5", None, False)]
)
def test_the_receipt_says_that_one_of_equal_files_has_fewer_rows(tmp_path, name, odd, noted):
    said, shapes = copied(universes(tmp_path / "a", name, odd=odd, bad="full"))
    assert len(shapes) == 5
    assert ("had 20 rows of" in said) is noted, said
