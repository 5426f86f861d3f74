"""Test that the page writes the totals of one source and of one record in the singular."""

import pytest
from building import key, raw_records, write_lmdb

from datacheck import scan


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (8, "1 of 2 sources is not clean; 9 records were looked at."),
        (0, "2 of 2 sources are not clean; 1 record was looked at."),
    ],
)
def test_one_source_and_one_record_have_the_singular(others, sentence, tmp_path):
    bad, other = write_lmdb(tmp_path / "bad", {key(0): b""}), write_lmdb(tmp_path / "other", raw_records(others))
    scan([bad, other], reports=[tmp_path / "page.html"], workers=1)
    assert sentence in (tmp_path / "page.html").read_text()
