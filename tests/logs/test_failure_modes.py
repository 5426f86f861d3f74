"""Test that every failure mode has a log that shows it, and a similar log that does not."""

import math

import pytest
from building import SHARED
from log_building import backward, forward, glog, head, healthy, norms, run, shown

import datacheck

NAN, INF = math.nan, math.inf
LN10 = math.log(10)


@pytest.fixture
def diagnose(tmp_path):
    """Return a function that writes a log with this text and returns the report about it."""

    def read(text, **options):
        path = tmp_path / "train.log"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return datacheck.read_log(path, **options)

    return read


def told(report):
    return [(it.code, it.details["iteration"]) for it in report.findings]


def only(report):
    (finding,) = report.findings
    lines = [line["text"] for line in finding.details["evidence"]]
    assert lines
    assert finding.details["line"] in [line["line"] for line in finding.details["evidence"]]
    return finding


def growing(factor, count=12, start=2.0):
    return [start * factor**place for place in range(count)]


@pytest.mark.parametrize("old", [False, True], ids=["glog 0.6", "older glog"])
@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("before", ["", head()], ids=["no head", "head"])
def test_a_healthy_log_has_no_finding(diagnose, old, rate, before):
    report = diagnose((before.replace("I2026", "I") if old else before) + run(healthy(), old=old, rate=rate))
    assert (report.status, list(report.findings), report.checked) == (0, [], 40)
    assert report.runs[0].ended == "done"


def test_a_log_without_prefixes_is_read(diagnose):
    bare = "".join(line.partition("] ")[2] for line in run([*healthy(), NAN, NAN]).splitlines(keepends=True))
    assert told(diagnose(bare)) == [("sudden-nan", 40)]


def test_an_explosion_is_named_with_its_steps(diagnose):
    finding = only(diagnose(run([*healthy(30), *growing(3), INF, NAN, NAN])))
    assert (finding.code, finding.details["iteration"]) == ("exploding", 30)
    assert "to 354294 at iteration 41" in finding.message
    assert "infinite at iteration 42" in finding.message
    assert finding.details["steps"] >= 10
    assert finding.details["next"].startswith("datacheck lint")


def test_an_explosion_that_has_not_ended_is_named(diagnose):
    assert told(diagnose(run([*healthy(30), *growing(2, 20)], done=False)))[0][0] == "exploding"


def test_an_explosion_from_the_first_iteration_is_named(diagnose):
    assert told(diagnose(run([*growing(200, 15, 420.0), INF, NAN]))) == [("exploding", 1)]


def test_a_slow_explosion_over_a_long_run_is_named(diagnose):
    losses = [1.0 + 0.1 * (place % 3) for place in range(20_000)]
    losses += [1.0 * 1.0005**place for place in range(20_000)]
    assert told(diagnose(run(losses, done=False)))[0][0] == "exploding"


@pytest.mark.parametrize(
    "losses",
    [
        [*healthy(20), 40.0, *healthy(20)],
        [0.5 * 0.9**place for place in range(100)] + [0.0001, 0.002, 0.0001, 0.003, 0.001],
        [2.3, 1.0, 2.9, 0.8, 3.1, 2.2, 1.7, 2.8, 0.9],
        [1.0 - 0.5 * place for place in range(80)],
        [6.9 + 0.01 * (place % 3) for place in range(60)],
    ],
    ids=["one spike", "near zero", "noise", "below zero", "plateau"],
)
def test_a_loss_that_wavers_does_not_explode(diagnose, losses):
    assert told(diagnose(run(losses))) == []


def test_growing_gradients_under_a_steady_loss_explode(diagnose):
    lines = [norms(10, 1.1 ** (place**1.5)) + shown(place, 2.3 - 0.01 * place) for place in range(25)]
    report = diagnose("".join([*lines, norms(10, INF), shown(25, NAN)]))
    finding = only(report)
    assert finding.code == "exploding"
    assert finding.message.startswith("the norm of the gradients grew from ")


@pytest.mark.parametrize(
    ("lr", "said", "verdict"),
    [
        (lambda it: NAN, "is NaN", "bad"),
        (lambda it: -NAN if it > 5 else 0.1, "is NaN", "bad"),
        (lambda it: INF if it > 5 else 0.1, "is infinite", "bad"),
        (lambda it: 0.1 - 0.01 * it, "is negative (-0.01)", "bad"),
        (lambda it: 0.0, "is 0: nothing is learnt", "bad"),
        (lambda it: 0.0 if it > 35 else 0.1, "has come down to 0", "suspicious"),
    ],
)
def test_a_learning_rate_is_named(diagnose, lr, said, verdict):
    if said.startswith("is negative"):
        lr = lambda it: round(0.1 - 0.01 * it, 4) if it < 12 and it != 10 else -0.02 if it > 11 else 1e-5  # noqa: E731
    finding = only(diagnose(run(healthy(), lr)))
    assert (finding.code, finding.verdict) == ("learning-rate", verdict)
    assert said in finding.message


def test_a_learning_rate_that_is_nan_explains_the_loss_and_the_solver_explains_it(diagnose):
    solver = 'base_lr: 0.1\nmax_iter: 3\nlr_policy: "poly"\npower: 0.5\n'
    log = head(solver=solver) + run([2.3, 2.2, 2.1, 2.0, NAN, NAN], lambda it: NAN if it > 3 else 0.1)
    finding = only(diagnose(log))
    assert (finding.code, finding.details["iteration"]) == ("learning-rate", 4)
    assert '"poly" with max_iter 3 is past its end' in finding.message


def test_a_sudden_nan_says_which_records_were_read_and_what_to_run(diagnose):
    finding = only(diagnose(head() + run([*healthy(20), NAN, NAN])))
    assert (finding.code, finding.details["iteration"]) == ("sudden-nan", 20)
    assert "records 190 to 209" in finding.message
    assert finding.details["next"] == "datacheck scan 'train db'"


def test_nan_in_the_first_iteration_is_not_of_the_training(diagnose):
    finding = only(diagnose(run([-NAN, NAN, NAN])))
    assert "the first that is shown" in finding.message


def test_nan_of_the_test_network_alone_is_named(diagnose):
    test = glog("test", "Iteration 20, Testing net (#0)") + glog(
        "solver.cpp:414", "    Test net output #1: loss = nan (* 1 = nan loss)"
    )
    log = run(healthy(20), done=False) + test + shown(20, 1.5) + shown(21, 1.4)
    finding = only(diagnose(log))
    assert (finding.code, finding.details["iteration"]) == ("sudden-nan", 20)
    assert told(diagnose(log.replace("loss = nan (* 1 = nan loss)", "accuracy_of_class_3 = nan"))) == []


def test_a_batch_of_caffe_test_is_named(diagnose):
    values = [1, 1, 1, 1, 1, -NAN, 1, 1]
    log = "".join(glog("caffe.cpp:304", f"Batch {at}, dummy_loss = {value:g}") for at, value in enumerate(values))
    finding = only(diagnose(head(phase="TEST") + log + glog("caffe.cpp:309", "Loss: -nan")))
    assert finding.code == "sudden-nan"
    assert "at batch 5" in finding.message
    assert "records 50 to 59" in finding.message


@pytest.mark.parametrize("before", [head(batch=8), ""], ids=["batch known", "batch unknown"])
def test_a_saturated_softmax_is_named_with_its_share(diagnose, before):
    shares = [7, 6, 7, 5, 4, 6, 3, 2, 5, 7]
    finding = only(diagnose(before + run([2.3, *(87.3365 * it / 8 for it in shares)])))
    assert (finding.code, finding.details["iteration"]) == ("saturated", 1)
    assert finding.details["batch"] == 8
    assert finding.details["worst_share"] == 0.875
    assert "87.5 % of the batch" in finding.message


def test_a_whole_batch_at_the_limit_is_saturated(diagnose):
    assert told(diagnose(run([2.3, 2.4, *[87.3365] * 10]))) == [("saturated", 2)]


def test_high_losses_that_are_no_multiples_are_not_saturated(diagnose):
    losses = [60.1 * 0.97**place for place in range(40)]
    assert told(diagnose(head(batch=8) + run(losses))) == []


def test_one_of_several_losses_may_be_saturated(diagnose):
    def lines(at, value):
        out = [f"    Train net output #0: a = {1.2345 - at / 99:g} (* 1 = {1.2345 - at / 99:g} loss)"]
        out += [f"    Train net output #1: b = {value:g} (* 1 = {value:g} loss)"]
        return glog("loss", f"Iteration {at}, loss = {value + 1.2345 - at / 99:g}") + "".join(
            glog("out", it) for it in out
        )

    log = head() + "".join(lines(at, 87.3365 * share / 10) for at, share in enumerate([9, 8, 9, 7, 9]))
    assert told(diagnose(log)) == [("saturated", 0)]


def test_a_dead_network_is_named_with_its_classes(diagnose):
    finding = only(diagnose(run([2.4, 2.31, 2.25, *[LN10] * 20])))
    assert (finding.code, finding.details["iteration"], finding.details["classes"]) == ("dead-network", 3, 10)
    assert "10 classes" in finding.message


def test_a_network_that_diverged_and_guesses_since_is_dead(diagnose):
    losses = [2.33, 2.31, 2.3, 6.5, *(LN10 * (1 + 0.004 * (-1) ** at) for at in range(30))]
    finding = only(diagnose(head() + run(losses)))
    assert (finding.code, finding.details["iteration"]) == ("dead-network", 3)
    assert "diverged" in finding.message


def test_a_network_that_never_got_better_than_chance_is_suspicious(diagnose):
    wavering = [LN10 * (1 + 0.004 * (-1) ** at) for at in range(60)]
    report = diagnose(head() + run(wavering))
    assert (told(report), report.status) == ([("dead-network", 0)], 0)
    assert diagnose(head() + run(wavering), strict=True).status == 1
    assert told(diagnose(head() + run(wavering, done=False))) == []


def test_a_loss_that_stands_still_elsewhere_is_dead_too(diagnose):
    finding = only(diagnose(run([2.4, 2.31, *[1.23456] * 30])))
    assert (finding.code, finding.details["classes"]) == ("dead-network", 0)


def debug(at, **bad):
    """Return one iteration with debug_info; `bad` replaces values by the names of their lines."""
    lines = [
        forward("data", "data", bad.get("data", 0.5)),
        forward("pool1", "pool1", bad.get("pool1", 0.4)),
        forward("ip2", "ip2", bad.get("ip2", 0.3)),
        forward("ip2", "0", bad.get("weights", 0.2), param=True),
        forward("loss", "loss", bad.get("loss", 2.3)),
        backward("loss", "ip2", bad.get("loss_diff", 0.1)),
        backward("ip2", "0", bad.get("weights_diff", 0.1), param=True),
        norms(7, 1),
    ]
    return "".join(lines) + shown(at, bad.get("loss", 2.3 - at / 100))


@pytest.mark.parametrize(
    ("bad", "layer", "what", "said", "command"),
    [
        ({"data": NAN, "pool1": NAN, "loss": NAN}, "data", "top blob", "the data itself brings it in", "scan"),
        ({"pool1": NAN, "ip2": NAN, "loss": NAN}, "pool1", "top blob", "leaves windows empty", "lint"),
        ({"ip2": NAN, "weights": NAN, "loss": NAN}, "ip2", "param blob", "weights were so before", "lint"),
        ({"loss": INF}, "loss", "top blob", "is infinite", "lint"),
        ({"loss_diff": NAN, "weights_diff": NAN}, "loss", "bottom blob", "the forward pass was finite", "lint"),
        ({"weights_diff": -NAN}, "ip2", "param blob", "first of the backward pass", "lint"),
    ],
)
def test_the_layer_that_is_first_not_finite_is_named(diagnose, bad, layer, what, said, command):
    finding = only(diagnose(head() + "".join(debug(at) for at in range(5)) + debug(5, **bad)))
    assert (finding.code, finding.details["iteration"]) == ("layer-nan", 5)
    assert (finding.details["layer"], finding.details["what"]) == (layer, what)
    assert said in finding.message
    assert finding.details["next"].startswith(f"datacheck {command}")


def test_debug_info_of_a_healthy_run_has_no_finding(diagnose):
    assert told(diagnose(head() + "".join(debug(at) for at in range(30)))) == []


def test_the_layer_is_named_in_a_test_pass_too(diagnose):
    passes = [forward("data", "data", 0.5 if at != 3 else NAN) + forward("ip2", "ip2", 0.1) for at in range(6)]
    test = glog("test", "Iteration 0, Testing net (#0)") + "".join(passes)
    finding = only(
        diagnose(head() + test + glog("solver.cpp:414", "    Test net output #0: accuracy = 0.1") + debug(0))
    )
    assert "testing at iteration 0, batch 3" in finding.message


def clip(norm):
    scale = 10 / norm
    return glog("clip", f"Gradient clipping: scaling down gradients (L2 norm {norm:g} > 10) by scale factor {scale:g}")


def test_clipping_at_every_step_is_suspicious(diagnose):
    steps = [shown(at * 5, loss) + clip(50) * 5 for at, loss in enumerate(healthy(10))]
    report = diagnose("".join(steps))
    assert (told(report), report.status) == ([("clipping", 0)], 0)
    assert "median from an L2 norm of 50 to 10" in only(report).message
    assert report.series[2].clipped == 5
    some = [shown(at * 5, loss) + clip(50) * 3 for at, loss in enumerate(healthy(10))]
    assert told(diagnose("".join(some))) == []


@pytest.mark.parametrize(
    ("line", "said", "command"),
    [
        ("data_transformer.cpp:167] Check failed: channels == datum_channels (3 vs. 0) ", "a record is empty", "scan"),
        ("db_lmdb.hpp:15] Check failed: mdb_status == 0 (2 vs. 0) No such file or directory", "does not exist", "lint"),
        ("sgd_solver.cpp:67] Unknown learning rate policy: ", "lr_policy is not set", "lint"),
        (
            "hdf5_data_layer.cpp:55] Check failed: hdf_blobs_[i]->shape(0) == num (90 vs. 100) ",
            "differ in length",
            "scan",
        ),
        ("new_layer.cpp:5] Check failed: a == b (1 vs. 2) ", "does not know: Check failed: a == b", None),
    ],
)
def test_what_an_abort_means_is_said(diagnose, line, said, command):
    place, _, text = line.partition("] ")
    died = glog("io.cpp:173", "Could not decode datum ", level="E", thread=99) + glog(place, text, level="F", thread=99)
    finding = only(diagnose(head() + run(healthy(3), done=False) + died + "*** Check failure stack trace: ***\n"))
    assert (finding.code, finding.details["iteration"]) == ("aborted", 2)
    assert said in finding.message
    assert finding.details["evidence"][0]["text"].endswith("Could not decode datum")
    assert (finding.details.get("next") or "").startswith(f"datacheck {command}" if command else "")


@pytest.mark.parametrize(
    "line",
    ["*** SIGSEGV (@0x0) received by PID 21423 (TID 0x7f) from PID 0; stack trace: ***", "Bus error (core dumped)"],
)
def test_a_signal_is_an_abort(diagnose, line):
    assert told(diagnose(run(healthy(3), done=False) + line + "\n")) == [("aborted", 2)]


def test_a_run_that_died_before_its_first_iteration_is_named(diagnose):
    failed = glog("upgrade_proto.cpp:88", "Check failed: x Failed to parse NetParameter file: a.prototxt", level="F")
    assert told(diagnose(failed)) == [("aborted", None)]


def test_a_run_of_no_iterations_is_named(diagnose):
    end = glog("solver.cpp:327", "Iteration 0, loss = 2.3") + glog("done", "Optimization Done.")
    report = diagnose(head(solver='base_lr: 0.1\nlr_policy: "poly"\npower: 1\n') + end)
    assert told(report) == [("no-iterations", 0)]
    assert "max_iter is not set" in only(report).message


def test_a_run_that_displays_nothing_is_undecided(diagnose):
    report = diagnose(head() + glog("done", "Optimization Done."))
    assert (report.status, told(report)) == (3, [])


def test_each_run_of_a_log_is_diagnosed_by_itself(diagnose):
    good, bad = run(healthy(20), done=False), run([*healthy(10), NAN])
    report = diagnose(good + bad + good)
    assert [(it.code, it.details["run"], it.details["iteration"]) for it in report.findings] == [("sudden-nan", 2, 10)]
    assert report.run_count == 3
    assert [it.shown for it in report.runs] == [20, 11, 20]


def test_interleaved_runs_are_told_apart_by_their_threads(diagnose):
    good = run(healthy(30), thread=11).splitlines(keepends=True)
    bad = run([*healthy(29), NAN], thread=12).splitlines(keepends=True)
    report = diagnose(head(thread=11) + head(thread=12) + "".join(map("".join, zip(good, bad, strict=True))))
    assert [(it.code, it.details["run"], it.details["iteration"]) for it in report.findings] == [("sudden-nan", 2, 29)]
    assert [(it.thread, it.shown) for it in report.runs] == [("11", 30), ("12", 30)]


def test_a_line_torn_by_another_process_does_not_hide_it(diagnose):
    torn = shown(3, 1.9)[:60] + shown(7, NAN, thread=5)
    report = diagnose(shown(2, 2.0) + torn + shown(8, NAN, thread=5))
    assert ("sudden-nan", 7) in told(report)


def test_lines_behind_the_prefix_of_a_launcher_are_read(diagnose):
    log = "".join(f"[1,0]<stderr>: {line}" for line in run([*healthy(9), NAN]).splitlines(keepends=True))
    assert told(diagnose(log)) == [("sudden-nan", 9)]


@pytest.mark.parametrize(
    ("word", "code"), [("1.#QNAN", "sudden-nan"), ("-1.#IND", "sudden-nan"), ("1.#INF", "sudden-nan")]
)
def test_the_words_of_windows_are_read(diagnose, word, code):
    assert told(diagnose(run(healthy(9), done=False) + glog("loss", f"Iteration 9, loss = {word}"))) == [(code, 9)]


LOGS = SHARED / "real" / "logs"
REAL = {
    "s_healthy": [],
    "s_lr_nan": [("learning-rate", 0)],
    "s_div_softmax": [("saturated", 1)],
    "s_div_euclid_debug": [("exploding", 1)],
    "s_diverge_slow": [("dead-network", 6)],
    "s_nan_input_debug": [("layer-nan", 0), ("dead-network", 6)],
    "s_nan_pool_debug": [("layer-nan", 0)],
}


@pytest.mark.skipif(not LOGS.is_dir(), reason="the folder of real logs is not here")
@pytest.mark.parametrize("name", REAL)
def test_a_real_log_is_what_its_name_says(name):
    report = datacheck.read_log(LOGS / f"{name}.log")
    assert told(report) == REAL[name]
    assert report.status == bool(REAL[name])
    if name == "s_nan_input_debug":
        assert next(iter(report.findings)).details["next"] == "datacheck scan data/a_nan"
    if name == "s_nan_pool_debug":
        assert next(iter(report.findings)).details["layer"] == "pool1"
