"""A report that was loaded can be saved and printed as one that was just made."""

import pytest
from building import datum, key, pictures, raw_records, write_lmdb

import datacheck

SUFFIXES = (".json", ".jsonl", ".csv", ".html", ".xml", ".sarif", ".md")


@pytest.fixture(params=["raw", "pictures"])
def store(tmp_path, request):
    records = raw_records(40) | {key(7): b"", key(9): datum(b"short", 1)}
    if request.param == "pictures":
        made = pictures()
        records = {key(at): datum(made[at % len(made)], at % 4, shape=(3, 64, 64), encoded=True) for at in range(40)}
        records[key(7)] = datum(made[0][:300], 1, shape=(3, 64, 64), encoded=True)
    return write_lmdb(tmp_path / "env", records)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("several", [False, True])
def test_it_is_saved_in_every_format(store, tmp_path, suffix, several):
    report = datacheck.scan([store, store] if several else store)
    report.save(tmp_path / "kept.json")
    again = datacheck.load_report(tmp_path / "kept.json")
    again.save(tmp_path / f"again{suffix}")
    said = (tmp_path / f"again{suffix}").read_text("utf-8")
    assert "00000007" in said or suffix == ".md"
    if suffix in (".json", ".jsonl", ".csv"):
        report.save(tmp_path / f"first{suffix}")
        assert said == (tmp_path / f"first{suffix}").read_text("utf-8")


def test_it_is_printed_and_shown_as_the_first(store, tmp_path):
    report = datacheck.scan(store)
    report.save(tmp_path / "kept.json")
    again = datacheck.load_report(tmp_path / "kept.json")
    assert str(again) == str(report)
    assert again._repr_html_() == report._repr_html_()
