"""Test the thresholds of the failure modes in training logs, and what the reports count."""

import json
import math

import pytest
from log_building import forward, glog, head, healthy, norms, run, shown

import datacheck
from datacheck.logs import reading
from datacheck.logs.text import log_text
from datacheck.reporting.plots import new_figure

NAN = math.nan


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "train.log"
        path.write_text(text)
        return datacheck.read_log(path, **options)

    return read


def told(report):
    return [(it.code, it.details["iteration"]) for it in report.findings]


@pytest.mark.parametrize(("equal", "findings"), [(19, []), (20, [("dead-network", 10)])])
def test_a_loss_that_is_no_logarithm_stands_still_for_20_points_to_be_frozen(read, equal, findings):
    assert told(read(run([*healthy(10), *[1.2345] * equal]))) == findings


@pytest.mark.parametrize(("equal", "findings"), [(4, []), (5, [("dead-network", 10)])])
def test_a_loss_that_is_the_logarithm_of_the_classes_does_so_for_5(read, equal, findings):
    assert told(read(head() + run([*healthy(10), *[math.log(10)] * equal]))) == findings


def test_the_records_of_a_report_are_the_iterations_that_were_shown(read, tmp_path):
    report = read(run(healthy(30)), reports=[tmp_path / "r.json"])
    document = json.loads((tmp_path / "r.json").read_text())
    assert (report.tally.records, report.checked, report.source.records) == (30, 30, 30)
    assert (document["checked"], document["source"]["records"]) == (30, 30)


def words(axis):
    return [text.get_text() for text in axis.texts]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([NAN], ["x: NaN"]),
        ([math.inf], ["x: infinite"]),
        ([-math.inf], ["x: infinite"]),
        ([NAN, math.inf], ["x: NaN or infinite"]),
        ([2.0], []),
    ],
)
def test_a_plot_says_what_its_crosses_are(read, values, said):
    pytest.importorskip("matplotlib")
    from datacheck.logs import plot

    figure = new_figure(10, 7.5)
    plot._draw(figure, read(run([*healthy(8), *values])))
    loss = figure.axes[0]
    assert [it for it in words(loss) if it.startswith("x:")] == said


def test_the_run_that_was_silent_for_longest_ends_where_there_are_too_many(read, monkeypatch):
    monkeypatch.setattr(reading, "LIVING", 2)
    ended = []
    real = reading.Interleaved._end

    def end(runs, over):
        ended.append(over.thread)
        real(runs, over)
        assert len(runs._living) < 2 or not runs._living

    monkeypatch.setattr(reading.Interleaved, "_end", end)
    begun = "".join(head(thread=thread) + run(healthy(5), thread=thread, done=False) for thread in (11, 12))
    third = head(thread=13) + run(healthy(5), thread=13, done=False)
    report = read(begun + shown(5, 2.0, thread=11) + third)
    assert ended[0] == b"12"
    assert sorted(ended) == [b"11", b"12", b"13"]
    assert [(it.thread, it.shown) for it in report.runs] == [("11", 6), ("12", 5), ("13", 5)]


def evidence(report):
    (finding,) = report.findings
    assert finding.code == "layer-nan"
    return [line["text"].partition("] ")[2] for line in finding.details["evidence"]]


def test_the_line_before_a_bad_layer_is_shown_unless_the_data_itself_is_bad(read):
    fine = "[Forward] Layer ip2, top blob ip2 data: 0.1"
    bad = "[Forward] Layer {}, top blob {} data: nan"
    inner = read(head() + forward("ip2", "ip2", 0.1) + forward("pool1", "pool1", NAN) + norms(7, 1) + shown(0, NAN))
    assert [it.strip() for it in evidence(inner)] == [fine, bad.format("pool1", "pool1")]
    read_in = read(head() + forward("ip2", "ip2", 0.1) + forward("data", "data", NAN) + norms(7, 1) + shown(0, NAN))
    assert [it.strip() for it in evidence(read_in)] == [bad.format("data", "data")]


@pytest.mark.parametrize(("count", "more"), [(19, None), (20, None), (21, "1 more"), (25, "5 more")])
def test_the_summary_shows_20_findings_and_counts_the_others(read, count, more):
    report = read("".join(run([*healthy(9), NAN]) for _ in range(count)))
    assert len(report.findings) == count
    lines = log_text(report).splitlines()
    assert sum(line.startswith("  sudden-nan (bad)") for line in lines) == min(count, 20)
    assert [line for line in lines if line.startswith("  and ")] == (
        [] if more is None else [f"  and {more}: --report FILE.json has them all"]
    )


def test_a_run_that_tests_says_batches(read):
    log = glog("caffe.cpp:1", "Running for 3 iterations.")
    log += "".join(glog("caffe.cpp:2", f"Batch {at}, loss = {loss}") for at, loss in enumerate((0.5, 0.4, 0.6)))
    assert "3 batches shown (0 to 2)" in log_text(read(log)).splitlines()[0]
