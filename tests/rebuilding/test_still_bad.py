"""Test that a rebuild names the bad records that it was asked to keep, and no others."""

import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from commanding import datacheck


@pytest.fixture
def store(tmp_path):
    """Write 20 records, one with NaN, one cut, and one with NaN and no label."""
    values = [floats(number) for number in range(20)]
    values[7][0, 1, 1] = values[15][0, 0, 0] = np.nan
    records = {key(number): datum(it, None if number == 15 else 1) for number, it in enumerate(values)}
    records[key(11)] = records[key(11)][:-9]
    return write_lmdb(tmp_path / "s", records)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--drop-bad"], None),
        (["--fill", "0"], "2 records (truncated, label)"),
        (["--fill", "0", "--drop-bad"], None),
        (["--drop", "truncated"], "2 records (nan, label)"),
        (["--drop", "truncated", "--drop", "label", "--fill", "0"], None),
        (["--drop-bad", "--keep", key(15).decode()], "1 record (nan, label)"),
        (["--drop", "bad"], None),
    ],
)
def test_what_is_kept_although_bad(store, tmp_path, options, line):
    for dry_run, begin in ((True, "would still be bad in the copy: "), (False, "still bad in the copy: ")):
        done = datacheck("rebuild", store, tmp_path / "copy", *options, *["--dry-run"] * dry_run)
        assert done.returncode == 0, done.stderr
        named = [it for it in done.stdout.splitlines() if "still b" in it]
        assert named == ([] if line is None else [begin + line])


def test_a_rebuild_that_was_given_no_choice_drops_all_in_its_plan(store, tmp_path):
    done = datacheck("rebuild", store, tmp_path / "copy")
    assert done.returncode == 1
    assert "still b" not in done.stdout
