"""Test the pages of logs, of prototxt and of rebuilds, and the cases without a page."""

import re

import pytest
from browsing import NAMES, Browser, binary
from building import datum, key, pictures, raw_records, write_lmdb
from log_building import head, healthy, norms, run, shown
from page_reading import Page
from trees import run as command

import datacheck
from datacheck.reporting.log_series import SeriesPoint
from datacheck.reporting.page import charts

EVIL = "</script><img src=x onerror=alert(1)>"


def page(path):
    return Page(path.read_text("utf-8"))


def exploding():
    losses = [2.3 * 0.99**at for at in range(60)] + [1.5 * 1.3**at for at in range(40)]
    lines = "".join(
        shown(at * 20, loss) + norms(50, 3.0 if at < 60 else 3.0 * 1.4 ** (at - 60)) for at, loss in enumerate(losses)
    )
    return head() + lines + "".join(shown((100 + at) * 20, float("nan")) for at in range(10))


@pytest.fixture
def log_page(tmp_path):
    (tmp_path / "train.log").write_text(exploding())
    datacheck.read_log(tmp_path / "train.log", reports=[tmp_path / "log.html"])
    return tmp_path / "log.html"


@pytest.fixture
def lint_page(tmp_path):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
        f'layer {{ name: "{EVIL}" type: "BatchNorm" bottom: "data" top: "bn" batch_norm_param {{ eps: 0 }} }}\n'
    )
    done = command("lint", tmp_path / "net.prototxt", "--report", tmp_path / "lint.html")
    assert done[0] == 1, done
    return tmp_path / "lint.html"


@pytest.fixture
def receipt_page(tmp_path):
    store = write_lmdb(tmp_path / "env", {**raw_records(40), key(3): b"", EVIL.encode(): b""})
    done = command("rebuild", store, tmp_path / "copy", "--drop-bad", "--report", tmp_path / "receipt.html")
    assert done[0] == 0, done
    return tmp_path / "receipt.html"


def test_a_log_shows_its_curves_with_the_event_marked(log_page):
    made = page(log_page)
    said = made.words()
    assert "Trouble" in made.words("h1")
    assert "exploding at iteration" in said
    labels = [it["aria-label"] for it in made.named("svg") if it.get("role") == "img"]
    assert [it.split(" from ")[0] for it in labels] == ["loss", "learning rate", "gradients (L2 norm)"]
    assert all("exploding at iteration" in it for it in labels)
    assert len([it for it in made.named("line") if "event" in it["class"]]) == 3
    assert made.named("rect"), "NaN is marked"
    assert "NaN or infinite" in said
    assert "loss = nan" in made.words("pre")
    assert made.loads_nothing() == []
    assert "The store" not in said


def test_a_healthy_log_is_called_so(tmp_path):
    (tmp_path / "train.log").write_text(head() + run(healthy()))
    datacheck.read_log(tmp_path / "train.log", reports=[tmp_path / "log.html"])
    made = page(tmp_path / "log.html")
    assert "Healthy" in made.words("h1")
    assert not [it for it in made.named("line") if "event" in it.get("class", "")]
    assert "NaN or infinite" not in made.words()


def test_long_lines_keep_their_peaks_and_gaps():
    points = [(float(at), 100.0) for at in range(50_000)]
    points[31_234] = (31_234.0, 3.0)
    points[40_000] = (40_000.0, None)
    thin = charts._thinned(points)
    assert len(thin) <= 2 * charts.STEPS
    assert (31_234.0, 3.0) in thin
    assert (40_000.0, None) in thin
    assert thin == sorted(thin, key=lambda it: it[0])


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], ["nan", "inf"], [1e308, -1e308], [1e-300, 1e300], []])
def test_any_series_is_drawn(values):
    points = [SeriesPoint(run=1, iteration=at, line=at, loss=value) for at, value in enumerate(values)]
    made = charts._panel("loss", "", points, [("loss", "loss")]) if points else None
    if made is not None:
        assert re.fullmatch(r"([ML]-?[\d.]+ -?[\d.]+(h0\.1)?)*", made.lines[0].path)


def test_a_prototxt_shows_file_line_and_layer(lint_page, tmp_path):
    made = page(lint_page)
    (found,) = [it for it in made.findings if it[3] == "normalisation"]
    assert found[0].startswith(f"{tmp_path / 'net.prototxt'}:2 ")
    assert EVIL in made.words("bdi")
    assert made.loads_nothing() == []
    assert len(made.named("script")) == 2
    assert "(fix: " in made.words("bdi")
    assert "1 finding: 1 bad." in made.words()


def test_a_receipt_shows_what_was_dropped_and_why(receipt_page, tmp_path):
    made = page(receipt_page)
    said = made.words()
    assert "Rebuilt" in made.words("h1")
    assert "39 of 41 records kept, each compared with the source." in said
    assert "2 records dropped" in said
    assert "00000003" in made.words("table")
    assert EVIL in made.words("table")
    assert made.loads_nothing() == []
    assert f"datacheck scan {tmp_path / 'copy'}" in made.words("code")


def test_a_dry_run_says_that_nothing_was_written(tmp_path):
    store = write_lmdb(tmp_path / "env", {**raw_records(40), key(3): b""})
    command("rebuild", store, tmp_path / "copy", "--drop-bad", "--dry-run", "--report", tmp_path / "r.html")
    made = page(tmp_path / "r.html")
    assert "Not written" in made.words("h1")
    assert "1 record would be dropped" in made.words("h2")
    assert not (tmp_path / "copy").exists()


def test_other_suffixes_are_refused_by_name(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(10))
    done = command("rebuild", store, tmp_path / "copy", "--report", tmp_path / "r.txt")
    assert done[0] == 2
    assert "a receipt's name ends in .json or .html" in done[2]
    assert not (tmp_path / "copy").exists()
    done = command("scan", store, "--report", tmp_path / "r.htm")
    assert done[0] == 2
    assert ".html" in done[2]


def test_a_scan_of_a_network_has_its_page(tmp_path):
    made = pictures()
    records = {key(at): datum(made[at % len(made)], at % 4, shape=(3, 64, 64), encoded=True) for at in range(24)}
    records[key(5)] = datum(made[0][:900], 1, shape=(3, 64, 64), encoded=True)
    store = write_lmdb(tmp_path / "env", records)
    (tmp_path / "net.prototxt").write_text(
        f'layer {{ name: "in" type: "Data" top: "data" top: "label" data_param {{ source: "{store}" backend: LMDB'
        " batch_size: 4 } }\n"
    )
    done = command("scan", "--net", tmp_path / "net.prototxt", "--report", tmp_path / "net.html")
    assert done[0] == 1, done
    said = page(tmp_path / "net.html")
    assert "layer in (Data) of" in said.words("table")
    assert len(said.pictures) == 2


@pytest.mark.skipif(binary() is None, reason=f"no browser is installed: none of {', '.join(NAMES)}")
@pytest.mark.parametrize("kind", ["log_page", "lint_page", "receipt_page"])
def test_a_browser_shows_them_without_complaint(kind, request, tmp_path_factory):
    path = request.getfixturevalue(kind)
    with Browser(tmp_path_factory.mktemp("browser"), width=320) as browser:
        browser.open(path)
        assert browser.complaints() == []
        assert [it for it in browser.requests() if it != f"file://{path}"] == []
        assert browser.run("document.documentElement.scrollWidth") <= 320
        assert browser.run("document.querySelectorAll('img').length") == 0


def test_the_terminal_names_the_page_and_does_not_call_it_all_findings(tmp_path):
    store = write_lmdb(tmp_path / "env", {**raw_records(40), key(3): b""})
    _, said, _ = command("scan", store, "--report", tmp_path / "a.html")
    assert f"to look at: {tmp_path / 'a.html'}\n" in said
    assert "all 1 finding" not in said
    _, said, _ = command("scan", store, "--report", tmp_path / "a.html", "--report", tmp_path / "a.json")
    assert f"all 1 finding: {tmp_path / 'a.json'}\n" in said
    assert "a.json" in page(tmp_path / "a.html").words("code")


def test_beside_a_page_alone_the_terminal_has_every_finding(tmp_path):
    store = write_lmdb(tmp_path / "env", {**raw_records(60), **{key(at): b"" for at in range(60, 80)}})
    _, said, _ = command("scan", store, "--report", tmp_path / "a.html")
    assert "00000079" in said
