"""Test what the formats for continuous integration say of prototxt and logs, and of stores with telling names."""

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck

NET = """layer { name: "d" type: "Input" top: "x" input_param { shape { dim: [1, 3, 10, 10] } } }

layer { name: "pool" type: "Pooling" bottom: "x" top: "y" pooling_param { pool: AVE kernel_size: 3 stride: 5 } }
"""
PLACE = "net.prototxt:3: layer 'pool': over the height and width of 10"
FIX = "; fix: set round_mode: FLOOR, or a stride of at most the kernel (3)"


def written(folder, *words, name="r.md"):
    datacheck(*words, "--report", name, cwd=folder)
    return (folder / name).read_text()


@pytest.mark.parametrize("name", ["r.md", "r.xml"])
def test_a_finding_in_a_prototxt_has_its_line_and_its_fix(tmp_path, name):
    (tmp_path / "net.prototxt").write_text(NET)
    text = written(tmp_path, "lint", "net.prototxt", name=name).replace("&#39;", "'").replace("&#x27;", "'")
    assert PLACE in text
    assert FIX in text


def test_an_annotation_has_the_fix_and_its_place_once(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (line,) = (
        it
        for it in datacheck("lint", "net.prototxt", "--format", "github", cwd=tmp_path).stdout.splitlines()
        if it.startswith("::error")
    )
    assert line.startswith("::error file=net.prototxt,line=3,title=empty-window (bad)::layer 'pool': over the height")
    assert line.endswith(FIX)


def test_the_verdict_of_a_log(tmp_path):
    lines = [f"I0101 10:10:10.000000  1 solver.cpp:228] Iteration {at}, loss = {2 - at}\n" for at in range(2)]
    (tmp_path / "train.log").write_text("".join(lines))
    assert "**`healthy so far: nothing wrong; loss 2 at iteration 0, 1 at iteration 1`**" in written(
        tmp_path, "log", "train.log"
    )
    (tmp_path / "train.log").write_text("".join(lines).replace("loss = 1", "loss = nan"))
    text = written(tmp_path, "log", "train.log")
    assert "**`TROUBLE: 1 bad; the first at iteration 1, line 2`**" in text
    assert "- `line 2: the loss is NaN at iteration 1" in text


def test_a_store_that_is_named_like_a_verdict(tmp_path):
    write_lmdb(tmp_path / "clean_lmdb", raw_records(8) | {b"00000003": b""})
    assert "**`NOT CLEAN: 1 bad`**" in written(tmp_path, "scan", "clean_lmdb")


def test_the_verdict_of_a_comparison(tmp_path):
    for name in ("a", "b"):
        write_lmdb(tmp_path / name, raw_records(8))
    assert "**`compared: 8 suspicious`**" in written(tmp_path, "compare", "a", "b")
