"""Test that a loaded report says what is known from an earlier report, as the report of the scan did."""

import pytest
from building import raw_records, write_lmdb

import datacheck


def damaged(count, cut):
    records = raw_records(count).items()
    return {key: value[:5] if at in cut else value for at, (key, value) in enumerate(records)}


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("cut", [{3}, {3, 7}, ()], ids=["known", "new", "gone"])
def test_a_loaded_report_says_what_is_known(tmp_path, suffix, cut):
    store = write_lmdb(tmp_path / "a", damaged(12, {3}))
    datacheck.scan(store, reports=[tmp_path / "first.json"])
    for file in store.iterdir():
        file.unlink()
    write_lmdb(store, damaged(12, cut))
    report = datacheck.scan(store, known=tmp_path / "first.json")
    report.save(tmp_path / f"r.{suffix}")
    loaded = str(datacheck.load_report(tmp_path / f"r.{suffix}"))
    assert ("nothing new" in loaded, "gone since" in loaded) == (cut == {3}, not cut)
    assert f"known from {tmp_path / 'first.json'}: " in loaded
    assert loaded == str(report)
