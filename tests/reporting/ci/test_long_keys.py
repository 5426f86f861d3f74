"""Test that a key of megabytes does not fill the reports for continuous integration: they show its start and fault."""

import io
import json

import pytest

from datacheck.model.finding import found
from datacheck.model.settings import Settings
from datacheck.reporting.ci.annotations import commands
from datacheck.reporting.ci.bounded import one_line
from datacheck.reporting.files import REPORTS
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally

LONG = "key" * 1_000_000


def report_of(*names):
    report = Report(Source("x", "lmdb"), Settings())
    tally = Tally(records=len(names), checked=len(names))
    for number, name in enumerate(names):
        tally.count_records([found("nan", "it is NaN", field="data")], [name], [number])
    report.add(tally)
    return report


@pytest.mark.parametrize("suffix", [".xml", ".sarif", ".md"])
def test_a_long_key_is_cut(suffix):
    file = io.StringIO()
    REPORTS[suffix](file).finish([report_of(LONG, "short")])
    text = file.getvalue()
    assert len(text) < 20_000
    assert "keykeykey" in text
    assert "short: data: it is NaN" in text


def test_an_annotation_of_a_long_key_says_what_is_wrong():
    (long, short) = commands([report_of(LONG, "short")])
    assert len(long) < 1200
    assert long.endswith("...: data: it is NaN")
    assert short.endswith("::short: data: it is NaN")


def test_results_of_keys_with_one_beginning_are_told_apart():
    file = io.StringIO()
    REPORTS[".sarif"](file).finish([report_of(f"{LONG}1", f"{LONG}2")])
    one, two = json.loads(file.getvalue())["runs"][0]["results"]
    assert one["partialFingerprints"] != two["partialFingerprints"]


def test_a_key_of_hundreds_of_characters_is_whole():
    (finding,) = report_of("k" * 480).findings
    assert one_line(finding) == f"{'k' * 480}: data: it is NaN"
