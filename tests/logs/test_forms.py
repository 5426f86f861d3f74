"""Test forms of logs that public forks and wrappers write, and findings about losses that stand still or jump."""

import math

import pytest

from datacheck import read_log
from tests.log_building import glog, head, run, shown

FALLING = [2.4 - at / 30 for at in range(12)]


def told(folder, text):
    path = folder / "train.log"
    path.write_text(text)
    report = read_log(path)
    return [(it.code, it.verdict) for it in report.findings]


def lines(losses, form, rate=" (3.7 iter/s, 5.4s/20 iters)", tail=""):
    return "".join(form(f"Iteration {at * 20}{rate}, loss = {loss}{tail}") for at, loss in enumerate(losses))


FORMS = {
    "NVIDIA, several solvers": lambda it: glog("solver.cpp:239", f"    [0.0] {it}"),
    "NVIDIA, without a prefix": lambda it: f"    [0.0] {it}\n",
    "Intel, several processes": lambda it: f"[0] {glog('solver.cpp:239', it, old=True)}",
    "spelled out": lambda it: f"1508138445  INFO: src/caffe/solver.cpp : line 218 : {it}\n",
    "of 2014": lambda it: glog("solver.cpp:195", it.replace(" (3.7 iter/s, 5.4s/20 iters)", ""), old=True),
    "no prefix": lambda it: f"{it}\n",
    "with what is left": lambda it: glog("solver.cpp:239", f"{it}  [ 20 / 70000 ] -> [ 3:36 (H:M) ]"),
    "carriage returns": lambda it: glog("solver.cpp:239", it).replace("\n", "\r\n"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", ["nan", "-nan", "-1.#IND", "1.#QNAN"])
def test_a_loss_that_is_nan_is_told_in_every_form(tmp_path, form, bad):
    assert told(tmp_path, lines(FALLING, FORMS[form])) == []
    assert told(tmp_path, lines([*FALLING, bad, bad], FORMS[form])) == [("sudden-nan", "bad")]


WEIGHTED = "    Train net output #0: loss = {} (* 20 = {} loss)"


def weighted(losses):
    return "".join(
        glog("loss", f"Iteration {at}, loss = {20 * loss:.6g}") + glog("out", WEIGHTED.format(loss, 20 * loss))
        for at, loss in enumerate(losses)
    )


def test_saturation_is_seen_through_a_loss_weight(tmp_path):
    assert told(tmp_path, weighted([9.2, *[87.3365] * 7])) == [("saturated", "bad")]
    assert told(tmp_path, weighted([9.2, *[8.5 - at / 10 for at in range(7)]])) == []


def test_no_saturation_where_every_number_is_a_multiple(tmp_path):
    solver = 'base_lr: 0.01\ndisplay: 1\nmax_iter: 40\nlr_policy: "fixed"\naverage_loss: 50000\n'
    smooth = [2.3 + 4.7 * math.exp(-at / 14) for at in range(45)]
    assert told(tmp_path, head(solver=solver, batch=50) + run(smooth)) == []


def test_a_loss_at_chance_from_the_second_point_on(tmp_path):
    chance = [math.log(10) * (1 + 0.003 * math.sin(at * 2.1)) for at in range(60)]
    assert told(tmp_path, head() + run([2.9, *chance], done=False)) == [("dead-network", "bad")]
    assert told(tmp_path, head() + run([2.9, *chance[:30]], done=False)) == []
    assert told(tmp_path, head() + run([2.9, 2.7, 2.6, *chance], done=False)) == []


def test_a_loss_of_nothing(tmp_path):
    assert told(tmp_path, head() + run([0.0] * 12)) == [("dead-network", "bad")]
    assert told(tmp_path, head() + run([1.2, 0.8, 0.3, *[0.0] * 12])) == [("dead-network", "suspicious")]
    assert told(tmp_path, head() + run([1.2, 0.8, 0.3, *[0.0] * 3, *[0.1] * 9])) == []
    assert told(tmp_path, head() + run([1.2, 0.8, *[0.001 / (at + 1) for at in range(20)]])) == []


def test_a_jump_between_the_first_two_displays(tmp_path):
    high = [74 + 3 * math.sin(at) for at in range(9)]
    assert told(tmp_path, head() + run([2.36, *high])) == [("exploding", "bad")]
    assert told(tmp_path, head() + run([2.36, *high, 2.0])) == []
    assert told(tmp_path, head() + run([2.36, *[9 + math.sin(at) for at in range(9)]])) == []
    assert told(tmp_path, head() + run([0.01, *[0.5 + at / 100 for at in range(9)]])) == []


def test_both_stories_are_told_where_iterations_are_not_shown(tmp_path):
    path = tmp_path / "train.log"
    path.write_text(head() + "".join(shown(at * 100, loss) for at, loss in enumerate([2.3, 2.1, math.nan])))
    (finding,) = read_log(path).findings
    assert "display: 1" in finding.message
    assert "either the training exploded or a bad record" in finding.message
    path.write_text(head() + "".join(shown(at, loss) for at, loss in enumerate([2.3, 2.1, math.nan])))
    (finding,) = read_log(path).findings
    assert "display: 1" not in finding.message


def test_which_of_several_losses_is_nan(tmp_path):
    path = tmp_path / "train.log"
    text = head()
    for at, (one, other) in enumerate([(1.0, 2.0), (0.9, 1.9), ("nan", 1.8)]):
        text += glog("loss", f"Iteration {at}, loss = {'nan' if one == 'nan' else one + other}")
        text += glog("out", f"    Train net output #0: boxes = {one} (* 1 = {one} loss)")
        text += glog("out", f"    Train net output #1: classes = {other} (* 1 = {other} loss)")
    path.write_text(text)
    (finding,) = read_log(path).findings
    assert "of the losses, boxes is not finite, and classes is" in finding.message


def test_a_run_that_was_asked_for_nothing_is_no_failure(tmp_path):
    solver = 'base_lr: 0.01\ndisplay: 1\n{}lr_policy: "fixed"\n'
    done = glog("solver.cpp:332", "Optimization Done.")
    assert told(tmp_path, head(solver=solver.format("max_iter: 0\n")) + done) == []
    assert told(tmp_path, head(solver=solver.format("")) + done) == [("no-iterations", "bad")]


def test_a_run_that_someone_ended_is_no_failure_of_its_own(tmp_path):
    signal = "*** SIGTERM (@0x0) received by PID 21423 (TID 0x7f) from PID 1; stack trace: ***\n"
    assert told(tmp_path, head() + run(FALLING, done=False) + signal) == [("aborted", "suspicious")]
    fault = signal.replace("SIGTERM", "SIGSEGV")
    assert told(tmp_path, head() + run(FALLING, done=False) + fault) == [("aborted", "bad")]
