"""Test a report in Python code: printed, queried, filtered, as a table, saved and loaded again."""

import json
import sys

import pytest
from building import datum, key, pixels, raw_records, write_lmdb

import datacheck
from datacheck.logs.reading import read_log
from datacheck.reporting import finding_store
from datacheck.reporting.finding_sequence import PRINTED


@pytest.fixture
def store(tmp_path):
    """A store of 60 records; three are bad, one of them with a key that is not printable."""
    records = raw_records(60)
    records |= {key(7): b"", key(31): datum(pixels(31), 1)[:-9], b"\xff\\odd": b""}
    return write_lmdb(tmp_path / "env", records)


@pytest.fixture
def report(store):
    return datacheck.scan(store, workers=1)


def test_printed_it_is_the_summary(report, store):
    assert repr(report) == str(report)
    assert str(report).splitlines()[1] == "NOT CLEAN: 3 bad"
    assert str(store) in repr([report])


@pytest.mark.parametrize("several", [False, True])
def test_it_is_neither_true_nor_false(store, several):
    made = datacheck.scan([store] if several else store, workers=1)
    with pytest.raises(TypeError, match="clean"):
        bool(made)
    assert made.clean is False


def test_findings_by_position_and_in_slices(report):
    findings = report.findings
    listed = list(findings)
    assert len(findings) == len(listed) == 3
    assert [findings[at] for at in range(-3, 3)] == listed * 2
    for piece in (slice(1, None), slice(None, None, 2), slice(None, None, -1), slice(2, 0, -1), slice(5, 9)):
        assert list(findings[piece]) == listed[piece]
        assert len(findings[piece]) == len(listed[piece])
    assert findings[1:][0] == listed[1]
    assert list(reversed(findings)) == listed[::-1]
    assert listed[1] in findings
    for at in (3, -4):
        with pytest.raises(IndexError, match="among 3"):
            findings[at]


def test_findings_that_are_many_are_read_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr(finding_store, "FINDINGS_IN_MEMORY", 8)
    records = raw_records(50) | {key(number): b"" for number in range(5, 45)}
    findings = datacheck.scan(write_lmdb(tmp_path / "env", records), workers=1).findings
    listed = list(findings)
    assert len(listed) == 40
    assert [findings[at] for at in range(40)] == listed
    assert list(findings[10:30:3]) == listed[10:30:3]
    findings.extend(listed[:2])
    assert findings[41] == listed[1]


def test_what_is_said_decides_which_findings_are_chosen(report, tmp_path):
    assert [it.key for it in report.findings.where(code="empty")] == ["00000007", "\\xff\\x5codd"]
    assert len(report.findings.where(code=["empty", "truncated"], verdict="bad")) == 3
    assert len(report.findings.where(verdict="suspicious")) == 0
    assert [it.code for it in report.findings.where(family="#")] == ["empty", "truncated"]
    assert report.findings.where(code="truncated").where(family="#")[0].index == 31
    with pytest.raises(datacheck.UsageError, match="no verdict is called 'worse'"):
        report.findings.where(verdict="worse")


def test_findings_are_printed_one_a_line(report, tmp_path):
    assert str(report.findings).splitlines()[0] == "empty (bad): 00000007: the value has zero bytes"
    assert str(report.findings.where(code="nan")) == "no findings"
    records = raw_records(60) | {key(number): b"" for number in range(PRINTED + 2)}
    many = datacheck.scan(write_lmdb(tmp_path / "many", records), workers=1).findings
    assert repr(many).splitlines()[PRINTED:] == ["and 2 more"]
    assert len(str(many[:PRINTED]).splitlines()) == PRINTED


def test_what_is_not_there_is_none_and_is_left_out_of_json(report):
    assert (report.findings[0].file, report.findings[0].database, report.source.folder) == (None, None, None)
    document = json.loads("".join(datacheck.reporting.json_files.json_document([report])))
    assert "file" not in document["findings"][0]
    assert "folder" not in document["source"]
    assert document["findings"][0]["field"] is None
    assert document["findings"][0]["details"] == {}


def test_keys_as_reports_and_as_the_store_have_them(report):
    assert list(report.bad_keys()) == ["00000007", "00000031", "\\xff\\x5codd"]
    assert list(report.bad_keys(raw=True)) == [b"00000007", b"00000031", b"\xff\\odd"]
    assert list(map(datacheck.unescape, report.bad_keys())) == list(report.bad_keys(raw=True))
    assert datacheck.escape(b"\xff\\odd") == "\\xff\\x5codd"


def test_positions_are_those_in_the_store(report):
    assert list(report.bad_indices()) == [7, 31, 60]


def test_a_position_that_is_not_known_is_not_passed_over(report):
    report.findings._memory[-1].by = 0
    lost = [datacheck.reporting.report.msgspec.structs.replace(it, index=None) for it in report.findings]
    report.findings = finding_store.FindingLog()
    report.findings.extend(lost)
    with pytest.raises(datacheck.UsageError, match="position of 00000007 is not known"):
        list(report.bad_indices())


def test_rows_for_tables(report, store):
    rows = report.to_dicts()
    assert rows[0] == {
        "source": str(store),
        "file": None,
        "database": None,
        "key": "00000007",
        "index": 7,
        "field": None,
        "code": "empty",
        "verdict": "bad",
        "message": "the value has zero bytes",
        "details": {},
    }
    frame = report.to_pandas()
    assert list(frame["key"]) == list(report.bad_keys())
    assert frame["index"].tolist() == [7, 31, 60]
    empty = datacheck.scan(store, ignore=["empty", "truncated"], workers=1).to_pandas()
    assert (len(empty), list(empty.columns)) == (0, list(frame.columns))


def test_without_pandas_it_says_what_to_install(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(datacheck.UsageError, match="pip install pandas"):
        report.to_pandas()


def test_a_report_is_saved_and_loaded(report, tmp_path, store):
    report.save(tmp_path / "a.json")
    report.save(str(tmp_path / "a.jsonl"))
    report.save(tmp_path / "a.csv")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 4
    again = datacheck.load_report(tmp_path / "a.json")
    assert isinstance(again, datacheck.Report)
    assert (str(again), again.status, list(again.bad_keys())) == (str(report), 1, list(report.bad_keys()))
    assert again.statistics == report.statistics
    again.save(tmp_path / "b.json")
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()
    with pytest.raises(datacheck.UsageError, match=r"only \.json and \.jsonl can be read again"):
        datacheck.load_report(tmp_path / "a.csv")
    with pytest.raises(datacheck.UsageError, match="could not be read"):
        datacheck.load_report(tmp_path / "no.json")
    with pytest.raises(datacheck.UsageError):
        report.save(tmp_path / "a.doc")
    with pytest.raises(datacheck.DatacheckError):
        report.save(store / "data.json")


def test_what_a_report_left_out_is_left_out_when_it_is_loaded(store, tmp_path):
    report = datacheck.scan(store, ignore=["empty"], max_bad=5, workers=1)
    report.save(tmp_path / "a.json")
    again = datacheck.load_report(tmp_path / "a.json")
    assert (str(again), again.clean, again.bad) == (str(report), True, 1)
    again.require_clean()


def test_a_log_is_loaded_with_its_series(tmp_path):
    log = tmp_path / "train.log"
    log.write_text(
        "I0101 00:00:00.000000     1 solver.cpp:228] Iteration 0, loss = 2.3\n"
        "I0101 00:00:01.000000     1 solver.cpp:228] Iteration 20, loss = nan\n"
    )
    report = read_log(log)
    assert "Iteration" in str(report) or "iteration" in str(report)
    report.save(tmp_path / "log.json")
    again = datacheck.load_report(tmp_path / "log.json")
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "log.json").read_bytes()


def test_several_sources_are_one_sequence(tmp_path, store):
    sound = write_lmdb(tmp_path / "sound", raw_records(20))
    reports = datacheck.scan([sound, store], workers=1)
    first, second = reports
    assert (first.clean, second.clean, reports.clean, reports.status, len(reports)) == (True, False, False, 1, 2)
    assert reports[-1] is second
    assert reports[:1].clean
    assert str(reports).splitlines()[-1] == "2 sources: 1 clean, 1 NOT CLEAN; 81 records checked: 3 bad"
    with pytest.raises(datacheck.NotClean) as caught:
        reports.require_clean()
    assert str(sound) not in str(caught.value)
    reports[:1].require_clean()
    reports.save(tmp_path / "both.json")
    again = datacheck.load_report(tmp_path / "both.json")
    assert isinstance(again, datacheck.ScanReports)
    assert [it.status for it in again] == [0, 1]
    assert len(again.to_dicts()) == len(reports.to_pandas()) == 3


def test_no_report_at_all_is_not_clean():
    nothing = datacheck.ScanReports([])
    assert (nothing.clean, nothing.status) == (False, 3)
    with pytest.raises(datacheck.NotClean):
        nothing.require_clean()


def test_a_folder_of_stores_is_one_report_that_is_saved_store_by_store(tmp_path, store):
    write_lmdb(tmp_path / "sound", raw_records(20))
    whole = datacheck.scan(tmp_path, workers=1)
    assert [it.file for it in whole.findings] == ["env"] * 3
    assert (whole.findings[2].key, whole.findings[-1].file) == ("\\xff\\x5codd", "env")
    assert str(whole).splitlines()[-1].startswith("2 sources: 1 clean, 1 NOT CLEAN")
    whole.save(tmp_path / "whole.json")
    assert [it.status for it in datacheck.load_report(tmp_path / "whole.json")] == [1, 0]


def test_a_prototxt_is_printed_with_its_lines(tmp_path):
    net = tmp_path / "net.prototxt"
    net.write_text('name: "n"\nlayer { name: "a" type: "ReLU" bottom: "nowhere" top: "b" }\n')
    assert "net.prototxt:2" in str(datacheck.lint(net))


@pytest.mark.writes_leveldb
def test_a_long_key_does_not_fill_the_screen(tmp_path):
    import plyvel

    database = plyvel.DB(str(tmp_path / "store"), create_if_missing=True)
    for number in range(30):
        database.put(f"{number:08d}".encode(), datum(pixels(number), 1))
    database.put(b"k" * 100_000, b"")
    database.close()
    report = datacheck.scan(tmp_path / "store")
    assert report.bad == 1
    assert max(map(len, str(report).splitlines())) <= 1000
    with pytest.raises(datacheck.NotClean) as raised:
        report.require_clean()
    assert max(map(len, str(raised.value).splitlines())) <= 1000
    assert max(len(it.key) for it in report.findings) == 100_000
    assert max(map(len, str(report.findings).splitlines())) <= 1000
