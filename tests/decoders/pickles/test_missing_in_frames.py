"""Numbers that pandas marks as missing, in nullable columns and categories."""

import pickle

import pandas
import pytest
from building import key, write_lmdb
from commanding import datacheck

COLUMNS = {"nullable": "Int64", "category": "category"}


@pytest.mark.parametrize("dtype", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize(("name", "missing", "status", "text"), [
    ("z", range(30), 0, "clean: nothing wrong"),
    ("z", [20], 0, "z: z[1] is None, nearly all others have numbers only"),
    ("label", [20], 1, "label: label nan, expected a finite number"),
])  # fmt: skip
def test_what_is_marked_as_missing_is_bad_only_in_labels(dtype, name, missing, status, text, tmp_path):
    records = {}
    for at in range(30):
        values = [1, None if at in missing else 2, 3, 0]
        table = pandas.DataFrame({"x": [0.5, 1.5, at, 2], name: pandas.Series(values, dtype="Int64").astype(dtype)})
        records[key(at)] = pickle.dumps(table)
    result = datacheck("scan", write_lmdb(tmp_path / "frames", records))
    assert (result.returncode, text in result.stdout) == (status, True), result.stdout
