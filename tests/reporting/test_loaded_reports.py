"""Test that a loaded report can be saved and printed like a new one."""

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
@pytest.mark.parametrize("kept", ["kept.json", "kept.jsonl"])
def test_it_is_saved_in_every_format(store, tmp_path, suffix, several, kept):
    report = datacheck.scan([store, store] if several else store)
    report.save(tmp_path / kept)
    again = datacheck.load_report(tmp_path / kept)
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


def test_json_lines_with_findings_that_do_not_count(store, tmp_path):
    report = datacheck.scan(store, ignore=["empty"])
    report.save(tmp_path / "kept.jsonl")
    again = datacheck.load_report(tmp_path / "kept.jsonl")
    assert list(again.findings) == list(report.findings)
    assert (again.bad, again.counts, str(again)) == (report.bad, report.counts, str(report))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:-1], "is not the whole report of a scan"),
        (lambda lines: lines[1:], "where its last line counts"),
        (lambda lines: [lines[0], *lines], "belongs to none of the reports"),
        (lambda lines: [lines[0].replace('"source"', '"sauce"'), *lines[1:]], "belongs to none of the reports"),
        (lambda lines: [], "is not the whole report of a scan"),
    ],
)
def test_json_lines_that_are_not_whole_are_refused(store, tmp_path, change, words):
    path = tmp_path / "kept.jsonl"
    datacheck.scan(store, reports=[path])
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    with pytest.raises(datacheck.UsageError, match=words):
        datacheck.load_report(path)


def test_a_rebuild_rests_on_json_lines_too(store, tmp_path):
    path = tmp_path / "kept.jsonl"
    report = datacheck.scan(store, reports=[path])
    receipt = datacheck.rebuild(store, tmp_path / "copy", drop_bad=True, from_report=path)
    assert (receipt.written, receipt.dropped) == (True, report.bad)
