"""Test that a loaded report says what it was compared with, and is not taken for a scan if it was only compared."""

from building import raw_records, write_lmdb
from commanding import datacheck as command

import datacheck


def test_a_loaded_comparison_is_not_called_clean(tmp_path):
    one, other = (write_lmdb(tmp_path / name, raw_records(12)) for name in ("a", "b"))
    done = command("compare", one, other, "-o", tmp_path / "c.json")
    again = datacheck.load_report(tmp_path / "c.json")
    assert [str(it).splitlines()[1:4] for it in again] == [
        done.stdout.splitlines()[1:4],
        [
            "compared: 12 suspicious",
            "  leak (suspicious): 12",
            "    00000000  the same value as 00000000 in " + str(one),
        ],
    ]
    assert str(again).endswith("2 sources: 2 compared; 24 records checked: 12 suspicious")


def test_a_loaded_report_says_which_checksums_were_compared(tmp_path):
    store = write_lmdb(tmp_path / "a", raw_records(12))
    command("checksum", store, "--out", tmp_path / "sums")
    report = datacheck.scan(store, checksums=tmp_path / "sums")
    report.save(tmp_path / "r.json")
    assert "12 of 12 recorded values compared" in str(report)
    assert str(datacheck.load_report(tmp_path / "r.json")) == str(report)


def test_a_loaded_report_says_what_it_was_answered_from(tmp_path):
    store = write_lmdb(tmp_path / "a", raw_records(12))
    datacheck.scan(store, reports=[tmp_path / "first.json"])
    report = datacheck.scan(store, if_changed=tmp_path / "first.json")
    report.save(tmp_path / "r.json")
    assert "unchanged: answered from" in str(report)
    assert str(datacheck.load_report(tmp_path / "r.json")) == str(report)
