"""Test a test loss far above the training loss: what is reported, and what is not."""

import pytest
from log_building import cpp, glog, head, shown

from datacheck.logs.reading import read_log


def a_test(iteration, value, name="loss", weight=1.0):
    lines = glog("test", f"Iteration {iteration}, Testing net (#0)")
    lines += glog("out", "    Test net output #0: accuracy = 0.5")
    return lines + glog(
        "out", f"    Test net output #1: {name} = {cpp(value)} (* {cpp(weight)} = {cpp(value * weight)} loss)"
    )


def log(tmp_path, train, test, **how):
    """Return the findings of a run with a display every 10 iterations and a test every 100."""
    text = head()
    for place in range(0, 2000, 10):
        if place % 100 == 0 and test is not None:
            text += a_test(place, test(place), **how)
        text += shown(place, train(place))
    (tmp_path / "log").write_text(text + glog("done", "Optimization Done."))
    return [(it.code, it.verdict) for it in read_log(tmp_path / "log").findings]


def falling(place):
    return 2.3 * 0.997**place + 0.01 + 0.001 * (place % 7)


UNLEARNT = {
    "stays at what guessing costs": lambda place: 2.302 + 0.001 * (place % 3),
    "is worse from the first test on": lambda place: 2.3 if place == 0 else 4 + 0.1 * (place % 5),
    "has risen since": lambda place: max(2.3 * 0.99**place, 0.4) + place / 1000,
}
SOUND = {
    "follows that of training": lambda place: falling(place) * 1.3,
    "is above it, and falls": lambda place: 2.3 * 0.999**place + 0.2,
    "is far above it, and stands still where it is low": lambda place: 0.09,
    "is above it, as of a network that fits its records": lambda place: max(falling(place), 0.4) + 0.01 * (place % 3),
    "was high once": lambda place: 90 if place == 0 else falling(place),
    "is high in one test": lambda place: 50 if place == 1900 else falling(place),
}


@pytest.mark.parametrize("name", UNLEARNT)
def test_a_test_loss_that_is_suspicious(tmp_path, name):
    assert log(tmp_path, falling, UNLEARNT[name]) == [("test-loss", "suspicious")]


@pytest.mark.parametrize("name", SOUND)
def test_a_test_loss_that_is_sound(tmp_path, name):
    assert log(tmp_path, falling, SOUND[name]) == []


def test_a_training_without_tests_is_sound(tmp_path):
    assert log(tmp_path, falling, None) == []


def test_weights_of_the_test_phase_do_not_matter(tmp_path):
    assert log(tmp_path, falling, SOUND["follows that of training"], weight=100.0) == []
    assert log(tmp_path, falling, UNLEARNT["has risen since"], weight=0.01) == [("test-loss", "suspicious")]


def test_losses_are_compared_by_name(tmp_path):
    def text(name):
        lines = head()
        for place in range(0, 2000, 10):
            if place % 100 == 0:
                lines += a_test(place, 3.0, name)
            lines += glog("loss", f"Iteration {place} (500 iter/s, 0.002s/1 iters), loss = {cpp(2 + falling(place))}")
            lines += glog(
                "out", f"    Train net output #0: main = {cpp(falling(place))} (* 0.5 = {cpp(falling(place) / 2)} loss)"
            )
            lines += glog("out", "    Train net output #1: other = 2 (* 1 = 2 loss)")
        (tmp_path / "log").write_text(lines + glog("done", "Optimization Done."))
        return [it.code for it in read_log(tmp_path / "log").findings]

    assert text("main") == ["test-loss"]
    assert text("other") == []
    assert text("of the test alone") == []


def test_a_few_tests_are_not_for_long(tmp_path):
    lines = head() + "".join(shown(place, falling(place)) for place in range(0, 2000, 10))
    lines += "".join(a_test(2000 + place, 9) for place in range(4))
    (tmp_path / "log").write_text(lines + glog("done", "Optimization Done."))
    assert list(read_log(tmp_path / "log").findings) == []
