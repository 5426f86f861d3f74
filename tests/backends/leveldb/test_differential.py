"""Compare random LevelDB stores: datacheck reads what the library reads, finds no fault, and the copy is equal.

`make damage` does the same with many more seeds.
"""

import pytest
from random_leveldb import compared, differences, opened, write

pytest.importorskip("plyvel")  # it has no wheels for the newest Pythons

SEEDS = 12


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_library_and_datacheck_agree(tmp_path, seed):
    assert differences(tmp_path, seed) == []


def test_a_record_that_datacheck_has_not_would_be_seen(tmp_path):
    truth = write(tmp_path / "store", 1)
    missing = next(iter(truth))
    with opened(str(tmp_path / "store")) as db:
        db.delete(missing)
    said = compared(tmp_path, truth)
    assert "the records differ" in said
    assert f"{len(truth) - 1} of {len(truth)} records were checked" in said
