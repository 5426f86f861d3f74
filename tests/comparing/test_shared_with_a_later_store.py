"""Test what a comparison says of the first of two stores that share records, which are findings of the second."""

import commanding
import pytest
from building import raw_records, write_lmdb


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        (0, "nothing is there twice, nothing differs"),
        (1, "nothing is there twice; 1 record is in another store too, which names it"),
        (3, "nothing is there twice; 3 records are in another store too, which names them"),
    ],
)
def test_the_first_store_is_not_said_to_differ_in_nothing(tmp_path, shared, said):
    records = [*raw_records(40).items()]
    one = write_lmdb(tmp_path / "one", dict(records[:20]))
    other = write_lmdb(tmp_path / "other", dict(records[20 - shared :]))
    done = commanding.datacheck("compare", one, other)
    assert done.stdout.splitlines()[1] == f"compared: {said}"
