"""Test that a receipt names the codes of bad records that are kept, also a code that only a validator knows."""

from dataclasses import dataclass

import numpy as np
from building import datum, floats, key, write_lmdb
from commanding import datacheck

import datacheck as library
from datacheck.model.finding import found


@dataclass(frozen=True)
class Dark:
    """No record is dark."""

    def __call__(self, batch):
        for row, values in zip(batch.rows, batch.values, strict=True):
            if batch.field == "data" and not values.any():
                yield row, found("dark", "every value is 0", verdict="bad")


def test_they_are_named(tmp_path):
    values = [floats(number) for number in range(12)]
    values[3][:] = 0
    values[5][0, 1, 1] = np.nan
    values[7][0, 1, 1] = np.inf
    store = write_lmdb(tmp_path / "s", {key(number): datum(it) for number, it in enumerate(values)})
    library.scan(store, validators=[Dark()], workers=1).save(tmp_path / "r.json")
    done = datacheck("rebuild", store, tmp_path / "c", "--drop", "inf", "--from-report", tmp_path / "r.json")
    assert "still bad in the copy: 2 records (nan, dark)\n" in done.stdout
