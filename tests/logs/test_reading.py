"""Test reading real-world logs: cut, mixed up, endless, binary, huge or compressed; and what is written about them."""

import csv
import gzip
import json
import math
import subprocess
import sys
import tracemalloc

import commanding
import jsonschema
import pytest
from building import fingerprint
from log_building import forward, glog, head, healthy, norms, run, shown

import datacheck
from datacheck.logs import reading
from datacheck.logs.failure_modes import FAILURE_MODES
from datacheck.logs.growth import growth
from datacheck.logs.lines import BLOCK, LONGEST
from datacheck.logs.run import KEPT, NEAR
from datacheck.model.codes import CODES
from datacheck.reporting.document import schema

NAN = math.nan


def command(*args, **options):
    return commanding.datacheck("log", *args, **{"text": False, **options})


@pytest.fixture
def write(tmp_path):
    def write(content, name="train.log"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


SMALL = (
    head()
    + glog("test", "Iteration 0, Testing net (#0)")
    + glog("solver.cpp:414", "    Test net output #1: loss = 2.3 (* 1 = 2.3 loss)")
    + forward("data", "data", 0.5)
    + norms(7, 1)
    + shown(0, 2.3)
    + forward("data", "data", NAN)
    + shown(1, NAN, NAN)
    + glog("common.cpp:1", "Check failed: channels == datum_channels (3 vs. 0)", level="F")
).encode()


def test_a_log_cut_at_any_byte_is_read_or_refused(write):
    statuses = []
    for size in range(len(SMALL)):
        try:
            statuses.append(datacheck.read_log(write(SMALL[:size])).status)
        except datacheck.SourceUnknown:
            statuses.append(2)
    changes = [status for place, status in enumerate(statuses) if not place or status != statuses[place - 1]]
    assert changes == [2, 3, 0, 1]


def test_a_number_that_may_have_been_cut_is_not_believed(write):
    whole = run(healthy(5), done=False) + glog("loss", "Iteration 5, loss = 87.3365")
    assert datacheck.read_log(write(whole)).checked == 6
    assert datacheck.read_log(write(whole[:-3])).checked == 5
    lost = run(healthy(5), done=False) + glog("loss", "Iteration 5, loss = nan")[:-1]
    assert [it.code for it in datacheck.read_log(write(lost)).findings] == ["sudden-nan"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02" * 500, "is binary"),
        (b"hello\nworld\n", "no line of it is one that Caffe writes"),
        (b"x" * 3_000_000, "no line of it is one that Caffe writes"),
        (b"\xff\xfe\n" * 100, "no line of it is one that Caffe writes"),
        (b"I1123 09:33:28.639670  2536 other.cc:12] a program of glog's\n", "no line of it is one that Caffe writes"),
    ],
    ids=["empty", "binary", "text", "endless", "not UTF-8", "another program"],
)
def test_what_is_no_log_is_refused_with_one_sentence(write, content, said):
    path = write(content)
    done = command(path)
    assert (done.returncode, done.stdout) == (2, b"")
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_what_cannot_be_opened_is_said(tmp_path):
    with pytest.raises(datacheck.SourceMissing):
        datacheck.read_log(tmp_path / "none")
    with pytest.raises(datacheck.SourceUnknown, match="is a directory"):
        datacheck.read_log(tmp_path)


def test_something_endless_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "FOREIGN", 4 * BLOCK)
    path = tmp_path / "train.log"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(datacheck.SourceUnknown, match="is binary"):
        datacheck.read_log(path)
    with pytest.raises(datacheck.SourceUnknown, match="is a character device"):
        datacheck.read_log("/dev/zero")


def test_endless_lines_and_invalid_utf8_do_no_harm(write):
    good = run(healthy(20), done=False).encode()
    noise = b"\xff" * (3 * BLOCK) + b"\n" + b"I1123 09:33:28.639670  2536 " + b"[" * BLOCK + b"\n"
    report = datacheck.read_log(write(good + noise + shown(20, NAN).encode()))
    assert [(it.code, it.details["line"]) for it in report.findings] == [("sudden-nan", 63)]
    long = glog("loss", "Iteration 21, loss = 2" + " " * (2 * LONGEST) + "x").encode()
    assert datacheck.read_log(write(good + long)).status == 0


def test_line_ends_of_windows_are_read(write):
    text = (head() + run([*healthy(9), NAN])).replace("\n", "\r\n")
    (finding,) = datacheck.read_log(write(text)).findings
    assert finding.details["next"] == "datacheck scan 'train db'"
    assert not any("\\r" in line["text"] for line in finding.details["evidence"])


def test_a_zipped_log_is_read_as_far_as_it_goes(write):
    packed = gzip.compress((run(healthy(2000), done=False) + shown(2000, NAN)).encode())
    assert datacheck.read_log(write(packed)).status == 1
    cut = datacheck.read_log(write(packed[: len(packed) // 2]))
    assert (cut.status, 0 < cut.checked < 2000) == (0, True)


def test_standard_input_is_read():
    done = command("-", input=(head() + run([*healthy(9), NAN])).encode())
    assert done.returncode == 1
    assert done.stdout.startswith(b"-: Caffe log of 1 training run")


def test_a_hostile_log_cannot_reach_the_terminal(write):
    text = head().replace("train db", "x\x1b[31m'; rm -rf /") + run([*healthy(9), NAN])
    text += forward("\x1b[31mlayer", "b", NAN) + shown(11, NAN)
    done = command(write(text))
    assert done.returncode == 1
    assert b"\x1b" not in done.stdout
    assert b"next: datacheck scan SOURCE" in done.stdout  # this name cannot be given to a shell


def long_log(path, size):
    """Write a log of about `size` bytes that ends in NaN; return its number of iterations."""
    count = 0
    with path.open("w") as file:
        while file.tell() < size:
            lines = "".join(shown(at, 2 + (at * 7919 % 1000) / 5000) for at in range(count, count + 5000))
            file.write(lines)
            count += 5000
        file.write(shown(count, NAN))
    return count


def test_a_long_log_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "long.log"
    count = long_log(path, 10_000_000)
    tracemalloc.start()
    report = datacheck.read_log(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(it.code, it.details["iteration"]) for it in report.findings] == [("sudden-nan", count)]
    assert peak < 8_000_000, peak
    assert report.checked == count + 1
    assert KEPT <= len(report.series) <= 2 * KEPT + 3 * NEAR
    assert report.series[0].iteration == 0
    assert [it.iteration for it in report.series[-NEAR:]] == list(range(count - NEAR + 1, count + 1))


def test_many_runs_are_all_counted_and_few_kept(write, monkeypatch):
    monkeypatch.setattr("datacheck.logs.diagnosis.FINDINGS_IN_MEMORY", 20)
    report = datacheck.read_log(write((shown(0, 2.3) + shown(1, NAN)) * 300))
    assert (report.run_count, report.bad, len(report.runs)) == (300, 300, 64)
    assert [it.details["run"] for it in report.findings] == list(range(1, 301))
    threads = "".join(shown(at, 2.0, thread=thread) for at in range(2) for thread in range(1, 200))
    assert datacheck.read_log(write(threads)).checked == 398


def test_the_reports_say_the_same(write, tmp_path):
    path = write(head() + run([*healthy(9), NAN, math.inf, -math.inf]))
    before = fingerprint(path)
    files = [tmp_path / f"r.{suffix}" for suffix in ("json", "jsonl", "csv")]
    report = datacheck.read_log(path, reports=files)
    assert fingerprint(path) == before

    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(files[0].read_text(), parse_constant=refuse)
    jsonschema.validate(document, schema())
    assert document["schema"] == "datacheck-report/1"
    assert (document["source"]["backend"], document["checked"], document["bad"]) == ("log", 12, 1)
    assert document["settings"]["checks"] == list(FAILURE_MODES)
    (finding,) = document["findings"]
    assert set(finding["details"]) >= {"line", "iteration", "run", "evidence", "next"}
    assert [it["loss"] for it in document["series"][-3:]] == ["nan", "inf", "-inf"]
    assert (document["runs"][0]["ended"], document["runs"][0]["sources"]) == ("done", {"TRAIN": ["train db"]})
    *lines, last = map(json.loads, files[1].read_text().splitlines())
    assert [it["code"] for it in lines] == ["sudden-nan"]
    assert last["counts"] == {"sudden-nan": 1}
    rows = list(csv.DictReader(files[2].read_text().splitlines()))
    assert [(int(it["iteration"]), it["loss"]) for it in rows][-2:] == [(10, "inf"), (11, "-inf")]
    assert [int(it["line"]) for it in rows] == [it.line for it in report.series]
    assert rows[0]["lr"] == "0.01"


def test_a_report_is_saved_as_it_is_written(write, tmp_path):
    log = write(run(healthy()))
    report = datacheck.read_log(log, reports=[tmp_path / "written.csv"])
    report.save(tmp_path / "saved.csv")
    assert (tmp_path / "saved.csv").read_text() == (tmp_path / "written.csv").read_text()
    report.save(tmp_path / "saved.json")
    assert datacheck.load_report(tmp_path / "saved.json").checked == report.checked


def test_the_csv_has_every_iteration_of_a_long_log(tmp_path):
    count = long_log(tmp_path / "long.log", 3_000_000)
    datacheck.read_log(tmp_path / "long.log", reports=[tmp_path / "r.csv"])
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [int(row["iteration"]) for row in rows] == list(range(count + 1))


def test_a_report_never_overwrites_the_log(write):
    path = write(run(healthy()), "log.json")
    with pytest.raises(datacheck.UsageError, match="never written to"):
        datacheck.read_log(path, reports=[path])


def test_the_command_line(write, tmp_path):
    good, bad = write(run(healthy()), "good.log"), write(run([*healthy(9), NAN]), "bad.log")
    done = command(good)
    assert done.returncode == 0
    assert b"healthy: nothing wrong; loss 2.185 at iteration 0" in done.stdout
    assert command("--quiet", good).stdout == b""
    done = command(good, bad, tmp_path / "none")
    assert done.returncode == 2
    assert done.stdout.count(b"Caffe log of") == 2
    done = command(bad)
    assert (done.returncode, done.stderr) == (1, b"")
    said = done.stdout.decode().splitlines()
    assert said[1:3] == [
        "TROUBLE: 1 bad; the first at iteration 9, line 28",
        "  sudden-nan (bad) at iteration 9, line 28",
    ]
    assert said[4].endswith(", loss = 1.85651") or "loss = " in said[4]
    assert said[-1] == "    next: datacheck scan SOURCE"
    document = json.loads(command("--format", "json", good, bad).stdout)
    assert [it["bad"] for it in document["reports"]] == [0, 1]
    assert command(write(head(), "head.log")).returncode == 3


def test_the_picture_is_drawn(write, tmp_path):
    from PIL import Image

    path = write(head() + "".join(norms(3, at + 1) + shown(at, loss) for at, loss in enumerate([*healthy(30), NAN])))
    assert command("--plot", tmp_path / "p.png", path).returncode == 1
    with Image.open(tmp_path / "p.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        red = sum(count for count, (r, g, b) in picture.convert("RGB").getcolors(1 << 20) if r > 150 > 90 > max(g, b))
    assert red > 100
    assert command("--plot", tmp_path / "q.png", write(run(healthy()))).returncode == 0
    with Image.open(tmp_path / "q.png") as picture:
        colours = picture.convert("RGB").getcolors(1 << 20)
    assert not any(r > 190 and max(g, b) < 60 for _, (r, g, b) in colours)


def test_what_keeps_a_picture_from_being_drawn_is_said(write, tmp_path):
    path = write(run(healthy()))
    for arguments, said in [
        (("--plot", "p.jpg", path), b"ends in .png"),
        (("--plot", "p.png", path, path), b"one log"),
        (("--plot", tmp_path / "none" / "p.png", path), b"could not be written"),
    ]:
        done = command(*arguments)
        assert done.returncode == 2
        assert said in done.stderr
    code = "import sys; sys.modules['matplotlib.figure'] = None; from datacheck.cli.entry import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "log", "--plot", "p.png", path], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == b"datacheck: drawing needs matplotlib: pip install 'datacheck-ml[plot]'\n"


def test_every_story_has_a_code_and_a_manual():
    assert set(FAILURE_MODES) <= set(CODES)
    assert all(type(mode).__doc__.splitlines()[0].endswith(".") for mode in FAILURE_MODES.values())


@pytest.mark.parametrize(
    ("values", "ended", "found"),
    [
        ([], True, None),
        ([1.0], True, None),
        ([1, 1, 1, 1, 20, 400], True, (3, 5)),
        ([1, 1, 1, 1, 5], True, None),
        ([1, 1, 1, 1, 50], False, (3, 4)),
        ([1, 1, 1, 1, 50, 1, 1], False, None),
        ([10, 1, 0.1, 0.01, 1.1], False, None),
    ],
)
def test_growth_is_from_the_last_ordinary_number(values, ended, found):
    assert growth([float(it) for it in values], ended=ended) == found


@pytest.mark.parametrize("losses", [[1e308, -1e308, 1.0], [1e-320, 1.0, 1e300], [0.0, 0.0], [-3.0], [math.inf] * 2])
def test_any_numbers_can_be_drawn(write, tmp_path, losses):
    from datacheck.logs.plot import plotting

    for step in (1, 10**17):
        report = datacheck.read_log(write(run(losses, lambda at: losses[0], step=step)))
        plotting(tmp_path / "p.png")(report, tmp_path / "p.png")
        assert (tmp_path / "p.png").stat().st_size > 5000
