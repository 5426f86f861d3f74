"""Test that a sample has exactly the size asked for, is spread over the store, and is the same however it is read."""

import pytest

from datacheck.scanning.sampling import Sample, parse_sample


@pytest.mark.parametrize(("picks", "records"), [(1, 1), (7, 7), (10, 1000), (333, 1000), (999, 1000), (5, 9)])
def test_exactly_as_many_as_asked_for(picks, records):
    rows = Sample(picks, records).rows(0, records)
    assert len(set(rows)) == picks
    assert rows == sorted(rows)
    assert 0 <= rows[0] <= rows[-1] < records


@pytest.mark.parametrize("step", [1, 7, 64, 999])
def test_the_division_into_blocks_does_not_matter(step):
    sample = Sample(100, 1000)
    whole = sample.rows(0, 1000)
    assert [start + row for start in range(0, 1000, step) for row in sample.rows(start, step)] == whole


def test_it_is_spread_over_the_store():
    rows = Sample(10, 1000).rows(0, 1000)
    assert [row // 100 for row in rows] == list(range(10))


@pytest.mark.parametrize(
    ("text", "records", "picks"), [("5", 100, 5), ("5%", 100, 5), ("0.1%", 100, 1), ("500", 100, 100)]
)
def test_amounts(text, records, picks):
    assert parse_sample(text, records).picks == picks


def test_an_empty_store_has_no_sample():
    assert parse_sample("5", 0).rows(0, 0) == []
