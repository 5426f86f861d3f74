"""Test the benchmarks at a very small scale: that they run, what they print and write, but no figure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "benchmarks"


def run(*words):
    return subprocess.run([sys.executable, *words], cwd=HERE, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    document = tmp_path_factory.mktemp("bench") / "speed.json"
    words = ["--scale", "0.0001", "--rounds", "2", "--rows", "lmdb-raw-28", "--gigabytes", "0.01", "--json", document]
    done = run("speed.py", *map(str, words))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(document.read_text())


def test_the_table_leads_with_whole_processes(measured):
    text, document = measured
    machine, _, head, *_ = text.splitlines()
    assert machine == document["machine"]
    assert "cores" in machine
    assert "GB" in machine
    assert head.startswith("| data | records | loop, whole: least (median) | datacheck, whole |")
    assert text.index("whole") < text.index("a record")
    assert "| LMDB, raw Datum 1x28x28 | 80, " in text
    assert "| LMDB, raw Datum 3x256x256, 0.01 GB | " in text


def test_beside_each_row_stands_what_the_machine_gave(measured):
    text, document = measured
    for row in document["rows"]:
        assert set(row["speeds"]) == {"touch", "preadv", "crc32c", "decode", "load"}
        assert all(row["speeds"][name] > 0 for name in ("touch", "preadv", "crc32c", "decode"))
    assert text.count("decode ") == 1


def test_every_round_is_in_the_document(measured):
    _, document = measured
    small, whole = document["rows"]
    for row in (small, whole):
        assert {side: len(times) for side, times in row["whole"].items() if side != "limit"} == {
            "loop": 2,
            "datacheck": 2,
        }
    assert len(small["ratios"]) == 2
    assert not whole["ratios"]
    assert 5e6 < whole["bytes"] < 2e7


def test_what_a_part_costs_is_told_in_processor_time(tmp_path):
    rows = "conventions-counted,renumbering"
    done = run("speed.py", "--scale", "0.0005", "--rounds", "1", "--rows", rows, "--json", str(tmp_path / "it.json"))
    assert done.returncode == 0, done.stderr
    for row in json.loads((tmp_path / "it.json").read_text())["rows"]:
        assert {side: len(times) for side, times in row["processor"].items()} == {"loop": 1, "datacheck": 1}
        assert not row["ratios"]
    *_, first, second, _, python, _, _, _ = done.stdout.splitlines()
    assert first.startswith("| LMDB, pairs of a JSON and a text, counted, scan with conventions and without | ")
    assert first.endswith(" | 1.03 |")
    assert second.startswith("| LMDB, pairs of which every 50th is bad, rebuild with its numbers closed up | ")
    assert second.endswith(" | 1.30 |")
    assert python.startswith("python -c pass: ")


def test_an_unknown_row_is_refused():
    done = run("speed.py", "--rows", "lmdb-rau")
    assert done.returncode == 2
    assert "no such rows: lmdb-rau" in done.stderr


def test_the_fold_is_measured_with_more_workers_than_cores(tmp_path):
    words = ["--records", "3000", "--shards", "2", "--workers", "1,3", "--json", str(tmp_path / "fold.json")]
    done = run("fold.py", *words)
    assert done.returncode == 0, done.stderr
    folds = json.loads((tmp_path / "fold.json").read_text())["folds"]
    assert [(it["workers"], it["shards"]) for it in folds] == [(1, 2), (3, 6)]
    assert all(it["parent"] > 0 and 0 < it["kept_busy"] <= 1 for it in folds)
    assert "| 3 | 6 | " in done.stdout
    assert "one caller keeps up with " in done.stdout


def test_results_of_many_tasks_are_added_up():
    done = run("scale.py", "--tasks", "2100")
    assert done.returncode == 0, done.stderr
    assert ", 21,000,000 records\n" in done.stdout
    assert "\n21 findings; " in done.stdout


def test_a_cluster_is_compared_with_workers_of_ones_own():
    pytest.importorskip("distributed")
    done = run("cluster.py", "--records", "500", "--runs", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("500 records, ")
