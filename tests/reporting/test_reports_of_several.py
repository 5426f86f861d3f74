"""Test the reports of several sources: their totals, and their display in notebooks."""

import pytest
from building import datum, key, raw_records, write_lmdb

import datacheck
from datacheck.reporting.several import SHOWN_SHORT, ScanReports


@pytest.fixture
def reports(tmp_path):
    one = write_lmdb(tmp_path / "one", raw_records(30) | {key(7): b"", key(9): datum(b"short", 1)})
    other = write_lmdb(tmp_path / "two", raw_records(30) | {b"<b>x</b>": datum(b"short", 1)})
    return datacheck.scan([one, other])


def test_they_count_together(reports):
    assert (reports.bad, reports.suspicious, reports.unverifiable) == (3, 0, 0)
    assert reports[:1].bad == 2
    assert ScanReports([]).bad == 0


def test_a_notebook_shows_each_of_them_and_hostile_keys_as_words(reports):
    shown = reports._repr_html_()
    assert all(it._repr_html_() in shown for it in reports)
    assert "<b>x</b>" not in shown
    assert "2 sources: 2 NOT CLEAN" in shown


def test_a_notebook_shows_the_first_of_many(reports):
    many = ScanReports([reports[0]] * (SHOWN_SHORT + 3))
    shown = many._repr_html_()
    assert shown.count(reports[0]._repr_html_()) == SHOWN_SHORT
    assert "and 3 more sources" in shown
