"""Test what a summary says about findings of one code with different verdicts."""

from datacheck.model.finding import found
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.summary import text
from datacheck.reporting.tally import Tally


def test_findings_of_one_code_are_counted_once_whatever_their_verdict(tmp_path):
    report = Report(Source(str(tmp_path), "lmdb"), Settings())
    tally = Tally(records=9, checked=9)
    for number in range(5):
        said = {"verdict": "unverifiable"} if number > 1 else {}
        tally.count([found("crash", f"it died {number} times", **said)])
    tally.count([found("empty", "the value has zero bytes")])
    report.add(tally)
    lines = text(report).splitlines()
    assert [it for it in lines if it.endswith((": 5", ": 3", ": 2", ": 1"))] == [
        "  crash (bad, unverifiable): 5",
        "  empty (bad): 1",
    ]
    assert "    it died 0 times" in lines
    assert "    it died 2 times" in lines
