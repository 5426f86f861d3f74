"""Test that a classifier whose loss stays far above that of guessing is called diverged, though it is never NaN.

Such runs are in public: with a learning rate too high for tanh or RMSProp, the loss leaves ln(classes) at once and then
moves about at several times of it.
"""

import math
import random

import pytest
from log_building import glog, shown

import datacheck

NET = """state {
  phase: TRAIN
}
layer {
  name: "fc"
  type: "InnerProduct"
  inner_product_param {
    num_output: %d
  }
}
"""
LOSS = """layer {
  name: "%s"
  type: "%s"
}
"""
SOFTMAX = LOSS % ("loss", "SoftmaxWithLoss")


def log(losses, *, layers=SOFTMAX, classes=1000, before=""):
    head = glog("net.cpp:53", "Initializing net from parameters: ") + NET % classes + layers
    solving = glog("solver.cpp:57", "Solver scaffolding done.") + before
    return head + solving + "".join(shown(20 * at, loss) for at, loss in enumerate(losses))


def noisy(centre, spread, count=40, first=7.4):
    values = random.Random(1)
    return [first, *(centre + values.uniform(-spread, spread) for _ in range(count))]


COST = math.log(1000)
GROWING = [7.2 + (it > 5) * 0.15 * it for it in range(60)]
RESTORED = glog("sgd_solver.cpp:372", "SGDSolver: restoring history")
DIVERGED = {
    "far above": log(noisy(48, 8)),
    "moving about": log(noisy(24, 16)),
    "growing slowly": log(GROWING),
    "old layers": log(noisy(48, 8), layers='layers {\n  name: "l"\n  type: SOFTMAX_LOSS\n}\n'),
}
HEALTHY = {
    "at chance": log(noisy(COST, 0.05, 30)),
    "a little above": log(noisy(7.5, 0.2)),
    "high, and then better": log([7.4, *[30.0] * 20, *noisy(6, 0.5, 25, first=6)]),
    "better, and then spikes": log([*noisy(3, 1), 40, 3, 50, 3]),
    "few displays": log(noisy(48, 8, 12)),
    "weighed tenfold from the start": log(noisy(69, 5, first=70)),
    "another loss": log(noisy(48, 8), layers=LOSS % ("loss", "EuclideanLoss")),
    "several losses": log(noisy(48, 8), layers=SOFTMAX + LOSS % ("box", "SmoothL1Loss")),
    "better than the width of another layer": log(noisy(8.3, 0.2), layers=SOFTMAX + NET[25:] % 4096),
    "other classes": log(noisy(48, 8), classes=21),
}


@pytest.fixture
def codes(tmp_path):
    def codes(text):
        (tmp_path / "train.log").write_text(text)
        return [(it.code, it.verdict) for it in datacheck.read_log(tmp_path / "train.log").findings]

    return codes


@pytest.mark.parametrize("name", DIVERGED)
def test_a_classifier_that_is_worse_than_guessing(codes, name):
    assert codes(DIVERGED[name]) == [("exploding", "bad")]


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_no_worse_or_cannot_be_known(codes, name):
    assert codes(HEALTHY[name]) == []


def test_the_sentence(tmp_path):
    (tmp_path / "train.log").write_text(log([7.4, *[50.0] * 40]))
    (found,) = datacheck.read_log(tmp_path / "train.log").findings
    assert found.message == (
        "the loss was 7.4 at iteration 0, and from iteration 420 to 800 it is about 50, which is worse than guessing: "
        "training diverged; learning rate 0.01 is too high"
    )
