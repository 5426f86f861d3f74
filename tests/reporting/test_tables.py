"""Test that tables hold no formula for any spreadsheet, whatever its separator, and read back as they were."""

import csv
import io
import json
import random
import re

import pytest
from building import raw_records, write_lmdb

import datacheck
from datacheck.logs.table import SeriesSink
from datacheck.model.escaping import escape, plain, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.settings import Settings
from datacheck.reporting.csv_files import CsvSink, as_json, as_name, as_text
from datacheck.reporting.log_series import SeriesPoint
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source

SIGNS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
HOSTILE = [
    "a;=cmd|calc",
    ";=1",
    ";;-1",
    'a;"=1+1"',
    "a; @x",
    "=1;+1",
    "a;'=1",
    "'=1",
    "a,=1",
    "\uff1d1;\uff1d1",
    "a;\t=1",
]
SOUND = ["a=1", "1-1", "a;b=1", "label 3, expected -1", "", "plain", "a;b;c", "it's", 'say "x"', "a - b; c"]
UNDO = re.compile(r"""((?:^|;)["' ]*)'([\t\r\n]|[=+\-@\uff1d\uff0b\uff0d\uff20])""")


def undone(cell):
    return UNDO.sub(r"\1\2", cell)


def random_texts():
    dice = random.Random(12)
    return ["".join(dice.choices("=-+@;'\" ,a\\\uff1d", k=dice.randrange(1, 9))) for _ in range(3000)]


def pieces(raw):
    """Yield what a spreadsheet may take for the start of a cell, with any separator, whether or not it heeds quotes."""
    for line in raw.split("\r\n"):
        for piece in line.split(";"):
            yield piece.lstrip("\"' ")


@pytest.mark.parametrize("cell", SOUND)
def test_what_is_no_formula_stays_as_it_is(cell):
    assert as_text(cell) == as_name(cell) == as_json(cell) == cell


def test_every_cell_can_be_undone():
    for text in [*HOSTILE, *random_texts()]:
        name = escape(text.encode())
        assert unescape(as_name(name)) == text.encode()
        assert undone(as_text(text)) == text
        document = json.dumps({"x": text}, ensure_ascii=False)
        assert json.loads(as_json(document)) == {"x": text}
        for cell in (as_name(name), as_json(document)):
            assert not any(piece.startswith(SIGNS) for piece in pieces(cell)), (text, cell)
        assert not any(re.match('[" ]*' + re.escape(sign), it) for it in as_text(text).split(";") for sign in SIGNS)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_row_reads_back_and_splits_into_no_formula(hostile):
    file = io.StringIO(newline="")
    sink = CsvSink(file)
    report = Report(Source(hostile, "lmdb"), Settings())
    made = found("nan", f"said {hostile}", field=hostile, value=hostile)
    finding = Finding(
        code=made.code, verdict=made.verdict, message=made.message, field=hostile, file=escape(hostile.encode()),
        key=escape(hostile.encode()), index=-3, details={"value": hostile},
    )  # fmt: skip
    sink.add(report, [finding])
    raw = file.getvalue()
    _, (source, name, _, key, index, field, code, _, message, details) = csv.reader(io.StringIO(raw, newline=""))
    assert unescape(name) == hostile.encode()
    assert unescape(key) == unescape(name) + b":" + unescape(name)
    assert (undone(field), undone(message), json.loads(details)) == (
        hostile,
        f"said {plain(hostile)}",
        {"value": hostile},
    )
    assert (index, code) == ("-3", "nan")
    assert ',-3,"' in raw  # a number is not quoted
    assert undone(source) == plain(hostile)
    assert not any(re.match(r"[\" ]*[=+@-]", piece) for piece in raw.split(";"))


def test_the_series_of_a_log_has_numbers_for_numbers():
    file = io.StringIO(newline="")
    sink = SeriesSink(file)
    sink.point(Report(Source("a;=1", "caffe-log"), Settings()), SeriesPoint(0, 10, 3, -0.5, 0.1))
    head, row, end = file.getvalue().split("\r\n")
    assert row.startswith('"a;\'=1",0,10,3,-0.5,0.1,')
    assert head.startswith('"source","run",')
    assert end == ""


def test_a_key_with_a_semicolon_from_a_store_to_the_table(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(20) | {b"a;=cmd|calc": b""})
    datacheck.scan(store, reports=[tmp_path / "r.csv"])
    raw = (tmp_path / "r.csv").read_text()
    assert '"a;\\x3dcmd|calc"' in raw
    (row,) = (it for it in csv.DictReader(io.StringIO(raw)) if it["code"] == "empty")
    assert unescape(row["key"]) == b"a;=cmd|calc"
