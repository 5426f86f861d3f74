"""Test that a page stays below 20 MB, whatever the keys are and however many sources there are."""

import html
import json
import re

import pytest
from building import datum, key, raw_records, write_lmdb
from click.testing import CliRunner
from page_reading import Page

from datacheck.cli.entry import cli
from datacheck.model.finding import found
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.reporting.advice import advice
from datacheck.reporting.page import finding_table, pages
from datacheck.reporting.page.pages import page_of
from datacheck.reporting.page.words import embedded, size_embedded
from datacheck.reporting.report import Report
from datacheck.reporting.samples import IN_ALL
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally

MOST = 20_000_000


def nan_at(name, index=0, message="a NaN"):
    return replace(found("nan", message), key=name, index=index)


def report_of(path, findings):
    report = Report(Source(path, "lmdb"), Settings())
    tally = Tally(records=len(findings) + 1, checked=len(findings) + 1)
    tally.count(findings)
    report.add(tally)
    return report


def test_a_command_never_has_a_key_that_no_command_line_takes():
    long = nan_at("<&" * 4_000_000)
    report = report_of("x", [long])
    assert "datacheck show x --bad 1" in (advice(report, []) or "").splitlines()[0]
    page = "".join(page_of([report]))
    assert len(page) < 100_000
    assert "datacheck show x --bad 1" in Page(page).words()
    short = report_of("x", [nan_at("00000001")])
    assert "datacheck show x 00000001" in (advice(short, []) or "")


def test_the_table_counts_the_bytes_that_it_takes(monkeypatch):
    monkeypatch.setattr(finding_table, "BYTES", 200_000)
    findings = [nan_at(f"{'<' * 400}{at}", at, f"{at}") for at in range(2_000)]
    report = report_of("x", findings)
    page = "".join(page_of([report]))
    shown = Page(page).findings
    assert 0 < len(shown) < 2_000
    assert f"The first {len(shown):,} of 2,000 findings" in Page(page).words()
    assert len(page) < 400_000


@pytest.mark.parametrize("text", ["a", "<b>", 'a"b\\x00', "猫", "\n\x00<", "a\u2028b", "\udcff<"])
def test_a_text_has_the_size_that_it_is_said_to_have(text):
    assert size_embedded(text) == len(embedded(text).encode())


def test_of_many_sources_those_are_in_full_that_there_is_room_for(monkeypatch):
    reports = [report_of(f"s{at}", [nan_at("1")]) for at in range(60)]
    whole = Page("".join(page_of(reports)))
    assert len([it for it in whole.named("section") if it.get("class") == "source"]) == 60
    assert "There is no room" not in whole.words()
    monkeypatch.setattr(pages, "SECTION", 5_000)
    monkeypatch.setattr(pages, "MOST", 80_000)
    monkeypatch.setattr(pages, "LISTED", 50)
    text = "".join(page_of(reports))
    page = Page(text)
    in_full = [it["id"] for it in page.named("section") if it.get("class") == "source"]
    assert 1 < len(in_full) < 50
    assert len(text) < 100_000
    assert f"The first {len(in_full)} sources are shown in full." in page.words()
    assert "and 10 more sources" in page.words()
    anchors = {it.get("id") for _, it in page.elements}
    assert {it["href"][1:] for it in page.named("a") if it["href"].startswith("#")} <= anchors
    assert len(page.findings) == 60


def test_several_sources_share_the_room_for_pictures(tmp_path, monkeypatch):
    from datacheck.reporting import files, samples

    for name in "abc":
        write_lmdb(tmp_path / f"{name}_lmdb", raw_records(40) | {key(at): datum(b"short", 1) for at in (3, 5, 7)})
    monkeypatch.setattr(files, "Room", lambda: samples.Room(samples=4))
    sources = [str(tmp_path / f"{it}_lmdb") for it in "abc"]
    out = [f"--report={tmp_path / 'p.html'}", f"--report={tmp_path / 'r.json'}"]
    done = CliRunner().invoke(cli, ["scan", *sources, *out], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 1)
    page = Page((tmp_path / "p.html").read_text("utf-8"))
    assert len([it for it in page.named("div") if it.get("class") == "pair"]) == 4
    assert [len(it["findings"]) for it in json.loads((tmp_path / "r.json").read_text())["reports"]] == [3, 3, 3]
    assert IN_ALL < 1000


def test_a_command_is_copied_as_it_is_and_broken_between_its_words():
    report = report_of("x", [nan_at("a  b -c'")])
    text = "".join(page_of([report]))
    (command,) = (it for it in (advice(report, []) or "").splitlines() if it.startswith("look at one: "))
    (code,) = re.findall(r"<code>(<span>datacheck</span> <span>show</span>.*?)</code>", text)
    assert html.unescape(re.sub(r"</?span>", "", code)) == command.removeprefix("look at one: ")
