"""Test reports in every format: they say the same, stream, follow their schema, and let nothing hostile through."""

import csv
import io
import json
import math

import jsonschema
import msgspec
import numpy as np
import pytest
from building import datum, floats, key, raw_records, write_lmdb

import datacheck
from datacheck.model.blocks import Block
from datacheck.model.escaping import escape, plain, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.key_families import fold
from datacheck.model.settings import Settings
from datacheck.reporting.document import schema
from datacheck.reporting.files import REPORTS, Reports
from datacheck.reporting.finding_store import FindingLog, Findings, PackedFindings
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.summary import text
from datacheck.reporting.tally import Tally

HOSTILE = [
    b"\x1b[31mred\x1b[0m",
    b"<script>alert(1)</script>",
    b"line\nbreak",
    b"back\\slash",
    b"\xff\xfe\x00",
    "ünï".encode(),
]


@pytest.fixture
def hostile(tmp_path):
    """A store of empty records whose keys try to affect a terminal or a page."""
    return write_lmdb(tmp_path / "env", {**raw_records(20), **dict.fromkeys(HOSTILE, b"")})


def findings(count):
    return [found("nan", f"number {number}", field="data", count=number) for number in range(count)]


def report_of(count):
    report = Report(Source("path", "lmdb"), Settings())
    tally = Tally(records=count, checked=count)
    for finding in findings(count):
        tally.count([finding])
    report.add(tally)
    return report


@pytest.mark.parametrize("raw", [*HOSTILE, b"", bytes(range(256))])
def test_keys_are_escaped_reversibly(raw):
    escaped = escape(raw)
    assert unescape(escaped) == raw
    assert all(" " <= char <= "~" for char in escaped)


def test_messages_that_quote_a_file_are_made_plain():
    assert plain("fine ünï") == "fine ünï"
    assert plain("\x1b[31m\u202e\n") == "\\x1b[31m\\u202e\\n"
    assert found("nan", "\x1b[31m").message == "\\x1b[31m"


@pytest.mark.parametrize(
    ("raw", "family"),
    [
        (b"image-000001", "image-#"),
        (b"00000041_c/img_1.jpg", "#_c/img_#.jpg"),
        (b"num-samples", "num-samples"),
        (b"\x01", "\\x01"),
    ],
)
def test_families_fold_digits(raw, family):
    assert fold(raw) == family


@pytest.mark.parametrize("database", [None, "train"])
@pytest.mark.parametrize(
    "keys",
    [
        [b"%08d" % number for number in range(30)],
        [b"image-%d" % number for number in range(9)] + [b"label-%d" % number for number in range(9)] + [b"n", b""],
        [b"a\n1", b"12\n34", b"\n", b"5x6y77"],
        [bytes([byte]) * 3 for byte in range(256)],
    ],
)
def test_families_of_many_keys_are_those_of_each(keys, database):
    block = Block(keys, [b"x"] * len(keys), database)
    each = [block.family(row) for row in range(len(keys))]
    for known in (set(each), set(each[::2]), {each[0]}, {"none"}):
        for rows in (range(len(keys)), range(1, len(keys), 2)):
            families = block.families(rows, known)
            for row in rows:
                (name,) = (name for name, of in families.items() if row in of)
                assert name == (each[row] if each[row] in known else None)
            assert sorted(row for of in families.values() for row in of) == list(rows)


def test_hostile_keys_come_out_escaped_everywhere(hostile, tmp_path):
    paths = [tmp_path / f"r{suffix}" for suffix in REPORTS]
    report = datacheck.scan(hostile, reports=paths)
    assert report.bad == len(HOSTILE)
    for said in [text(report), *(path.read_text("utf-8") for path in paths)]:
        assert "\x1b" not in said
        assert "\\x1b[31mred" in said.replace("\\\\", "\\")
    assert {unescape(it) for it in report.bad_keys()} == set(HOSTILE)


def test_the_json_report_holds_to_its_schema(hostile, tmp_path):
    report = datacheck.scan(
        hostile, reports=[tmp_path / "r.json"], range=(0, 255), labels=10, sample="90%", max_bad="1%"
    )
    said = json.loads((tmp_path / "r.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(said, schema())
    assert list(said)[:5] == ["schema", "version", "status", "clean", "started"]
    assert list(said)[5:8] == ["source", "settings", "profile"]
    assert said["schema"] == "datacheck-report/1"
    assert said["bad"] == report.bad
    assert len(said["findings"]) == len(report.findings)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**said, "bad": "many"}, schema())


def test_no_bare_nan_or_infinity_stands_in_json(tmp_path):
    records = {
        key(number): datum(np.full((1, 2, 2), value, np.float32), 1)
        for number, value in enumerate([np.nan, np.inf, -np.inf])
    }
    datacheck.scan(write_lmdb(tmp_path / "env", records), range=(0, 1), reports=[tmp_path / "r.json"])

    def refuse(constant):
        raise AssertionError(constant)

    json.loads((tmp_path / "r.json").read_text(), parse_constant=refuse)


def test_the_formats_agree(tmp_path):
    records = raw_records(40) | {key(3): b"", key(9): datum(floats(1), None)}
    paths = {suffix: tmp_path / f"r{suffix}" for suffix in REPORTS}
    datacheck.scan(write_lmdb(tmp_path / "env", records), reports=paths.values())
    document = json.loads(paths[".json"].read_text())
    *lines, last = map(json.loads, paths[".jsonl"].read_text().splitlines())
    rows = list(csv.DictReader(io.StringIO(paths[".csv"].read_text())))
    assert [{**it, "source": str(tmp_path / "env")} for it in document["findings"]] == lines
    assert last == {name: value for name, value in document.items() if name != "findings"}
    assert [(row["key"], row["code"], json.loads(row["details"])) for row in rows] == [
        (it["key"], it["code"], it["details"]) for it in document["findings"]
    ]
    assert len(lines) >= 3


def test_several_reports_make_one_document(tmp_path):
    with Reports([tmp_path / "r.json", tmp_path / "r.jsonl"], []) as files:
        for report in (report_of(2), report_of(0)):
            files.begin(report)(list(report.findings))
    said = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(said, schema())
    assert said["schema"] == "datacheck-reports/1"
    assert [it["bad"] for it in said["reports"]] == [2, 0]
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert len(json.loads(lines[-1])["reports"]) == 2


def test_json_lines_are_written_while_the_scan_runs(tmp_path):
    seen = []
    path, growing = tmp_path / "r.jsonl", tmp_path / "r.jsonl.partial"
    from datacheck.backends.lmdb.reader import LmdbReader

    reader = LmdbReader(write_lmdb(tmp_path / "env", raw_records(200) | {key(1): b""}), 3000)
    datacheck.scan(reader, reports=[path], progress=lambda *_: seen.append(growing.stat().st_size))
    assert not growing.exists()
    assert 0 < seen[0] == seen[-1] < path.stat().st_size


def test_a_report_is_never_written_into_the_source(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(3))
    for target in (path / "r.json", path / "sub" / "r.json"):
        with pytest.raises(datacheck.UsageError, match="never written to"):
            datacheck.scan(path, reports=[target])
    assert sorted(it.name for it in path.iterdir()) == ["data.mdb", "lock.mdb"]


def test_a_report_that_cannot_be_written_is_said_before_the_scan(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(3))
    with pytest.raises(datacheck.ReportFailed, match="there is no folder"):
        datacheck.scan(path, reports=[tmp_path / "none" / "r.json"])


def test_a_log_of_findings_keeps_them_all_in_order(monkeypatch):
    monkeypatch.setattr("datacheck.reporting.finding_store.FINDINGS_IN_MEMORY", 10)
    log = FindingLog()
    log.extend(findings(9))
    log.extend(findings(25)[9:])
    assert list(log) == findings(25)
    first = iter(log)
    for _ in range(15):
        next(first)
    log.extend(findings(3))
    assert next(first) == findings(25)[15]
    assert len(log) == len(list(log)) == 28


def test_the_text_shows_a_few_of_many():
    said = text(report_of(5000))
    assert "nan (bad): 5,000" in said
    assert "and 4,997 more" in said
    assert len(said.splitlines()) < 10


def test_tallies_add_up_in_any_grouping():
    def tally(number):
        made = Tally(records=3, checked=3)
        made.count([Finding(key="k", index=number, code="nan", verdict="bad", message="")])
        return made

    left, right = Tally(), Tally()
    left += tally(0)
    left += tally(1)
    left += tally(2)
    rest = tally(1)
    rest += tally(2)
    right += tally(0)
    right += rest
    assert left == right
    assert [it.index for it in left.findings] == [0, 4, 8]


def test_a_record_counts_once_under_its_worst_verdict():
    tally = Tally()
    tally.count([found("constant", ""), found("nan", ""), found("inf", "")])
    assert dict(tally.verdicts) == {"bad": 1}
    assert sum(tally.codes.values()) == 3


def test_percentages_tolerated_are_of_the_records_checked():
    report = report_of(7)
    report.settings = Settings(max_bad="50%")
    assert report.tolerated == math.floor(3.5)


def test_what_is_said_of_many_records_is_sent_once():
    alike, other = found("label", "label 77, expected an integer, 0 to 9", label="77"), found("nan", "1 of 4 values")
    made = Findings()
    made.extend([alike, alike, other], ["a", "b", "b"], [0, 1, 1])
    made.extend([alike], ["c"], [2])
    expected = [("a", 0, alike.message), ("b", 1, alike.message), ("b", 1, other.message), ("c", 2, alike.message)]
    assert [(it.key, it.index, it.message) for it in made] == expected
    assert len(made.packed()) < 2 * len(PackedFindings.of([alike]).packed) + 50
    run = PackedFindings.of(made).raised(10)
    assert [(it.key, it.index - 10, it.message) for it in run] == expected
    assert (alike.key, alike.index) == (None, None)
    (of_store,) = PackedFindings.of([found("damaged-store", "cut")]).raised(5)
    assert of_store.index is None


def test_records_with_several_findings_count_once_however_they_come():
    of = [found("constant", ""), found("nan", ""), found("constant", "")]
    together, apart = Tally(), Tally()
    together.count_records(of, ["a", "a", "b"], [0, 0, 1])
    for findings, name, index in ((of[:2], "a", 0), (of[2:], "b", 1)):
        apart.count([msgspec.structs.replace(it, key=name, index=index) for it in findings])
    assert together == apart
    assert dict(together.verdicts) == {"bad": 1, "suspicious": 1}


@pytest.mark.parametrize(
    "keys", [[b"a", b"b1"], [b"a\nb", b"c"], [b"a\\b", b"c"], [b"\xe9", b"c"], [b"", b""], [b"\0"]]
)
def test_names_of_many_records_are_those_of_each(keys):
    block = Block(keys, [b""] * len(keys))
    assert block.names(range(len(keys))) == [block.name(row) for row in range(len(keys))]
