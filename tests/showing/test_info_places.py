"""Test how `info` names the places that it sampled."""

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck


@pytest.mark.parametrize("count", [2, 300])
def test_one_place_is_not_spread(tmp_path, count):
    done = datacheck("info", write_lmdb(tmp_path / "store", raw_records(count)))
    (line,) = [it for it in done.stdout.splitlines() if "from a sample" in it]
    assert line.endswith(" at 1 place") == (count == 2)
    assert line.endswith(" places, evenly spread") == (count == 300)
