"""Test that the chart of a loss that is never finite shows no numbers that the log does not have."""

import re

import datacheck


def test_a_loss_that_is_nan_from_the_start_has_no_bounds(tmp_path):
    lines = [f"I0101 10:10:{at:02}.000000  1 solver.cpp:228] Iteration {at * 100}, loss = nan\n" for at in range(5)]
    (tmp_path / "train.log").write_text("".join(lines))
    datacheck.read_log(tmp_path / "train.log", reports=[tmp_path / "log.html"])
    text = (tmp_path / "log.html").read_text("utf-8")
    assert 'aria-label="loss from iteration 0 to 400, never finite' in text
    assert re.search(r'<div class="y"><span></span><span></span></div>', text)


def test_one_that_was_finite_once_has_them(tmp_path):
    lines = [
        f"I0101 10:10:{at:02}.000000  1 solver.cpp:228] Iteration {at * 100}, loss = {'nan' if at else '2.5'}\n"
        for at in range(5)
    ]
    (tmp_path / "train.log").write_text("".join(lines))
    datacheck.read_log(tmp_path / "train.log", reports=[tmp_path / "log.html"])
    text = (tmp_path / "log.html").read_text("utf-8")
    assert "between 2.5 and 2.5" in text
