"""Test the lines around several sources and long scans."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from building import key, raw_records, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.cli.entry import cli
from datacheck.cli.output import LONG, SURE, KeepHint
from datacheck.reporting.summary import text
from datacheck.scanning.run import run as run_scan
from datacheck.scanning.scan import prepare
from datacheck.scanning.settings.make_settings import make


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


@pytest.fixture
def stores(tmp_path):
    write_lmdb(tmp_path / "a", raw_records(20))
    write_lmdb(tmp_path / "b", raw_records(30) | {key(3): b"", key(4): b""})
    return [tmp_path / "a", tmp_path / "b"]


def test_several_sources_end_with_one_line(stores):
    assert run("scan", *stores).stdout.splitlines()[-1] == (
        "2 sources: 1 clean, 1 NOT CLEAN; 50 records checked: 2 bad"
    )
    done = run("scan", stores[0], stores[0], "nowhere")
    assert done.stdout.splitlines()[-1] == "3 sources: 2 clean, 1 not scanned; 40 records checked: nothing wrong"
    assert done.return_value == 2
    assert "1 source" not in run("scan", stores[0]).stdout
    assert run("scan", "--quiet", stores[0], stores[0]).stdout == ""
    json.loads(run("scan", *stores, "--format", "json").stdout)


def test_the_report_has_its_status_and_when_it_began(stores):
    before = datetime.now(UTC) - timedelta(seconds=1)
    for store, status in zip(stores, (0, 1), strict=True):
        said = json.loads(run("scan", store, "--format", "json").stdout)
        assert (said["status"], said["clean"]) == (status, status == 0)
        assert before <= datetime.fromisoformat(said["started"]) <= datetime.now(UTC)
        assert said["started"].endswith("Z")


def stop(report):
    def progress(done, total, bad):
        if done >= 100:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_scan_says_how_far_it_came(tmp_path):
    seen = []
    source = LmdbReader(write_lmdb(tmp_path / "env", raw_records(400) | {key(3): b""}), 20_000)
    _, report = prepare(source, make(workers=1))

    def progress(done, total, bad):
        seen.append(done)
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scan(report, source, progress=progress)
    share = 100 * seen[-1] // 400
    assert f"INTERRUPTED after {seen[-1]} of 400 records ({share} %): 1 bad so far" in text(report)
    document = report.document()
    assert (document.status, document.clean, document.complete) == (130, False, False)


@pytest.mark.parametrize(
    ("passed", "done", "said"),
    [
        (SURE - 0.1, 1, []),
        (SURE, 1000, []),
        (SURE, 10, ["this will take about 3 minutes; --report FILE keeps every finding"]),
        (SURE, 1, ["this will take about 33 minutes; --report FILE keeps every finding"]),
    ],
)
def test_a_long_scan_says_at_its_start_how_to_keep_what_it_finds(passed, done, said):
    heard, times = [], iter([100.0, 100.0 + passed, 1000.0])
    seen = []
    watch = KeepHint(heard.append, wanted=True, clock=lambda: next(times)).watching(lambda *told: seen.append(told))
    watch(1, 1001, 0)  # the time until here says nothing about the others
    assert heard == []
    watch(1 + done, 1001, 0)
    assert (heard, seen) == (said, [(1, 1001, 0), (1 + done, 1001, 0)])
    if passed >= SURE:
        watch(1 + done, 1001, 0)
        assert len(heard) <= 1


def test_nothing_is_said_where_a_report_is_written():
    heard, times = [], iter([0.0, LONG])
    KeepHint(heard.append, wanted=False, clock=lambda: next(times)).watching(lambda *told: None)(1, 1000, 0)
    assert heard == []


@pytest.mark.parametrize("labels", ["0:", ":9"])
def test_lint_passes_over_configured_labels_that_are_for_scans(tmp_path, monkeypatch, labels):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datacheck.toml").write_text(f'labels = "{labels}"\n')
    (tmp_path / "net.prototxt").write_text('name: "n" layer { name: "d" type: "Input" top: "data" }\n')
    done = run("lint", "net.prototxt")
    assert done.exception is None
    assert isinstance(run("lint", "net.prototxt", "--labels", labels).exception, datacheck.UsageError)
