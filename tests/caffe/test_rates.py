"""Test that the learning rate is what Caffe computes, and that its first bad step is found without trying each."""

import math

import numpy as np
import pytest

from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.rates import AT_ONCE, Schedule, trouble

NAN, INF = math.nan, math.inf


def by_hand(schedule, count):
    """Return the rates one by one, computed like SGDSolver::GetLearningRate, in double precision."""
    step, rates = 0, []
    for iteration in range(count):
        if schedule.policy == "multistep" and step < len(schedule.stepvalue) and iteration >= schedule.stepvalue[step]:
            step += 1
        rates.append(
            schedule.base_lr
            * {
                "fixed": lambda: 1.0,
                "step": lambda at=iteration: schedule.gamma ** (at // schedule.stepsize),
                "exp": lambda at=iteration: schedule.gamma**at,
                "inv": lambda at=iteration: (1 + schedule.gamma * at) ** -schedule.power,
                "multistep": lambda at=step: schedule.gamma**at,
                "poly": lambda at=iteration: (1 - at / schedule.max_iter) ** schedule.power,
                "sigmoid": lambda at=iteration: 1 / (1 + math.exp(-schedule.gamma * (at - schedule.stepsize))),
            }[schedule.policy]()
        )
    return np.array(rates)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("fixed", 0.01),
        Schedule("step", 0.01, gamma=0.1, stepsize=7),
        Schedule("exp", 0.01, gamma=0.95),
        Schedule("inv", 0.01, gamma=1e-4, power=0.75),
        Schedule("multistep", 0.01, gamma=0.5, stepvalue=(3, 10, 10, 20)),
        Schedule("multistep", 0.01, gamma=0.5, stepvalue=(30, 10, 20)),
        Schedule("multistep", 0.01, gamma=0.5),
        Schedule("multistep", 0.01, gamma=0.5, stepvalue=(0, 0, 0)),
        Schedule("poly", 0.01, power=0.5, max_iter=40),
        Schedule("poly", 0.01, power=2, max_iter=50),
        Schedule("sigmoid", 0.01, gamma=0.2, stepsize=20),
    ],
    ids=repr,
)
def test_each_policy_is_as_caffe_has_it(schedule):
    assert schedule.refusal is None
    np.testing.assert_allclose(schedule.rates(0, 40), by_hand(schedule, 40), rtol=1e-5)
    np.testing.assert_array_equal(schedule.rates(5, 20), schedule.rates(0, 40)[5:20])
    assert schedule.rates(0, 4).dtype == np.float32


@pytest.mark.parametrize(
    ("schedule", "iterations", "found"),
    [
        (Schedule("fixed", 0.01), 10**9, None),
        (Schedule("fixed"), 10, (0, "zero")),
        (Schedule("fixed", NAN), 10, (0, "NaN")),
        (Schedule("fixed", INF), 10, (0, "infinite")),
        (Schedule("fixed", -0.1), 10, (0, "negative")),
        (Schedule("step", 0.1, stepsize=100), 1000, (100, "zero")),
        (Schedule("step", 0.1, gamma=0.1, stepsize=100), 10_000_000, (4500, "zero")),
        (Schedule("exp", 0.1), 100, (1, "zero")),
        (Schedule("exp", 0.1, gamma=0.9999), 10_000_000, (1_016_476, "zero")),
        (Schedule("exp", 0.1, gamma=2), 1000, (132, "infinite")),
        (Schedule("inv", 0.1), 1000, None),
        (Schedule("inv", 0.1, gamma=1, power=-30), 1000, (19, "infinite")),
        (Schedule("multistep", 0.1, stepvalue=(50,)), 1000, (50, "zero")),
        (Schedule("poly", 0.1, power=1, max_iter=1000), 1000, None),
        (Schedule("poly", 0.1, power=1, max_iter=1000), 1010, (1000, "zero")),
        (Schedule("poly", 0.1, power=-1, max_iter=1000), 1010, (1000, "infinite")),
        (Schedule("poly", 0.1, max_iter=1000), 1010, None),
        (Schedule("poly", 0.1), 4, None),
        (Schedule("poly", 0.1, power=0.5), 4, (0, "NaN")),
        (Schedule("sigmoid", 0.1, stepsize=5), 1000, None),
        (Schedule("sigmoid", 0.1, gamma=5, stepsize=50), 1000, (0, "zero")),
        (Schedule("fixed"), 0, None),
    ],
    ids=repr,
)
def test_the_first_bad_step_is_named(schedule, iterations, found):
    assert schedule.first_trouble(iterations) == found


def test_what_a_poly_without_max_iter_does_step_by_step():
    half = [trouble(float(it)) for it in Schedule("poly", 0.1, power=0.5).rates(0, 4)]
    assert half == ["NaN", "infinite", "infinite", "infinite"]
    assert [trouble(float(it)) for it in Schedule("poly", 0.1, power=1).rates(0, 2)] == ["NaN", "infinite"]
    np.testing.assert_allclose(Schedule("poly", 0.1).rates(0, 4), 0.1)
    assert Schedule("poly", 0.1, power=1, max_iter=10).rate(11) < 0
    assert math.isnan(Schedule("poly", 0.1, power=0.9, max_iter=10).rate(11))


def test_the_search_finds_what_a_look_at_every_step_finds():
    random = np.random.default_rng(5)

    def one(choices):
        return choices[random.integers(len(choices))]

    seen = set()
    for _ in range(2000):
        schedule = Schedule(
            one(["fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"]),
            one([0.0, 0.1, 1e-30, 1e30, -1.0, NAN, INF]),
            gamma=one([0.0, 0.5, 0.1, 1.0, 2.0, 30.0, INF]),
            power=one([0.0, 1.0, 2.0, 0.5, -1.0, -20.0, NAN, INF]),
            stepsize=one([1, 3, 50]),
            stepvalue=tuple(int(it) for it in random.integers(0, 120, random.integers(0, 60))),
            max_iter=one([0, 1, 7, 100, 200]),
        )
        if schedule.refusal:
            continue
        rates = [trouble(float(it)) for it in schedule.rates(0, 150)]
        first = next(((at, it) for at, it in enumerate(rates) if it), None)
        assert schedule.first_trouble(150) == first, schedule
        seen.add((schedule.policy, first is None or first[1]))
    assert len(seen) > 20


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule("", 0.1), "Unknown learning rate policy"),
        (Schedule("Step", 0.1), "Unknown learning rate policy: Step"),
        (Schedule("step", 0.1, gamma=0.1), "stepsize > 0"),
        (Schedule("sigmoid", 0.1, gamma=0.1), "stepsize > 0"),
        (Schedule("exp", 0.1, gamma=-1), "gamma >= 0"),
        (Schedule("inv", 0.1, gamma=NAN), "gamma >= 0"),
    ],
)
def test_what_caffe_refuses(schedule, words):
    assert words in schedule.refusal


def test_a_schedule_comes_from_a_solver_in_pieces():
    solver = parse_prototxt("s", 'base_lr: 0.5 lr_policy: "multistep" stepvalue: 2 stepvalue: 4 gamma: 0.5 max_iter: 8')
    schedule = Schedule.of(solver.message)
    assert schedule == Schedule("multistep", 0.5, gamma=0.5, stepvalue=(2, 4), max_iter=8)
    pieces = list(schedule.pieces(AT_ONCE + 5))
    assert [(start, len(rates)) for start, rates in pieces] == [(0, AT_ONCE), (AT_ONCE, 5)]
