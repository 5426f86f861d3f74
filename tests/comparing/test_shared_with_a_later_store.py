"""Test what a comparison says of the first of two stores that share records, which are findings of the second."""

import commanding
import pytest
from building import raw_records, write_lmdb


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        (0, "no duplicates, no leaks, no drift"),
        (1, "no duplicates; 1 record is also in another store, which names it"),
        (3, "no duplicates; 3 records are also in another store, which names them"),
    ],
)
def test_the_first_store_is_not_said_to_differ_in_nothing(tmp_path, shared, said):
    records = [*raw_records(40).items()]
    one = write_lmdb(tmp_path / "one", dict(records[:20]))
    other = write_lmdb(tmp_path / "other", dict(records[20 - shared :]))
    done = commanding.datacheck("compare", one, other)
    assert done.stdout.splitlines()[1] == f"compared: {said}"
