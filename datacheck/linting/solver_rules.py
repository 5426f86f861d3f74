"""Lint rules for solvers: the learning rate, and settings with which training aborts, does nothing or diverges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from datacheck.caffe.forks import forks_of_policy, forks_of_solver
from datacheck.caffe.rates import POLICIES, Schedule
from datacheck.caffe.schema import enums
from datacheck.linting.nets_of_solver import networks_named
from datacheck.linting.rule_input import Problem, SolverCase, nearest, not_finite, number

TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}
"""The solver types, by their names in the old field `solver_type`."""
RATE_FIELDS = ("base_lr", "gamma", "power")
MOST_GROWTH = 10
"""Largest factor by which a policy may raise the rate; a larger rise is most likely a mistake."""
SOURCES = ("net", "net_param", "train_net", "train_net_param")


def learning_rate(case: SolverCase) -> Iterator[Problem]:
    """The learning rate is a positive number at every iteration, as Caffe computes it."""
    schedule = case.schedule
    if schedule.refusal is not None:
        yield _refusal_problem(case, schedule.refusal)
        return
    if not case.has("max_iter") and schedule.policy == "poly":
        yield Problem(
            "learning-rate",
            "max_iter is not set and counts as 0, by which the policy poly divides: 'caffe train' ends after 0 "
            f"iterations{_python_clause(schedule)}",
            "lr_policy",
            "set max_iter",
        )
        return
    trouble = schedule.first_trouble(max(case.iterations, 1))
    if trouble is None:
        return
    iteration, what = trouble
    path, reason = _cause(case, iteration)
    yield Problem(
        "learning-rate",
        f"{reason}: the learning rate is {what} from iteration {iteration} on",
        path,
        _FIXES.get(path, "choose other constants for the policy"),
        "suspicious"
        if what == "zero" and iteration > 0 and path == "lr_policy" and not _is_past_max_iter(case, iteration)
        else None,
    )


_FIXES = {
    "base_lr": "set base_lr to a small positive number, such as 0.01",
    "gamma": "set gamma, such as 0.1; for exp, just below 1",
    "power": "set power, such as 1",
}


def _python_clause(schedule: Schedule) -> str:
    trouble = schedule.first_trouble(4)
    return f", and a run stepped from Python has the rate {trouble[1]} at iteration {trouble[0]}" if trouble else ""


def _is_past_max_iter(case: SolverCase, iteration: int) -> bool:
    return case.schedule.policy == "poly" and iteration >= case.schedule.max_iter


def _cause(case: SolverCase, iteration: int) -> tuple[str, str]:
    """Return the field that causes the trouble, and the reason as a clause."""
    schedule = case.schedule
    for name in RATE_FIELDS:
        if not math.isfinite(getattr(schedule, name)):
            return name, f"{name} is {number(getattr(schedule, name))}"
    if schedule.base_lr <= 0:
        return "base_lr", f"base_lr is {number(schedule.base_lr)}" if case.has("base_lr") else _unset_clause("base_lr")
    if schedule.gamma == 0 and schedule.policy in ("step", "exp", "multistep"):
        return "gamma", "gamma is 0" if case.has("gamma") else _unset_clause("gamma")
    if _is_past_max_iter(case, iteration):
        return "lr_policy", f"the run goes on for {case.iterations} iterations, past max_iter {schedule.max_iter}"
    return "lr_policy", f"the policy {schedule.policy} leaves what a float can hold"


def _unset_clause(name: str) -> str:
    return f"{name} is not set and counts as 0"


def _refusal_problem(case: SolverCase, refusal: str) -> Problem:
    """Return the problem of a schedule without a rate; Caffe aborts after the first backward pass."""
    schedule = case.schedule
    when = f"Caffe aborts after the first backward pass ({refusal})"
    if not case.has("lr_policy"):
        return Problem("learning-rate", f"lr_policy is not set: {when}", "base_lr", 'set lr_policy, such as "fixed"')
    forks = forks_of_policy(schedule.policy)
    if forks:
        return Problem(
            "learning-rate",
            f"a fork ({', '.join(forks)}) has the policy {schedule.policy!r}; BVLC Caffe has not, and aborts",
            "lr_policy",
            "train with that fork",
            "suspicious",
            forks,
        )
    if schedule.policy not in POLICIES:
        suggestion = nearest(schedule.policy, POLICIES)
        fix = f'lr_policy: "{suggestion}"' if suggestion else f"take one of {', '.join(POLICIES)}"
        return Problem("learning-rate", f"{schedule.policy!r} is not a learning-rate policy: {when}", "lr_policy", fix)
    if "stepsize" in refusal:
        reason = f"stepsize is {schedule.stepsize}" if case.has("stepsize") else _unset_clause("stepsize")
        return Problem(
            "learning-rate", f"{reason}, with which policy {schedule.policy}: {when}", "lr_policy", "set stepsize"
        )
    return Problem("learning-rate", f"gamma is {number(schedule.gamma)}: {when}", "gamma", _FIXES["gamma"])


def falling_rate(case: SolverCase) -> Iterator[Problem]:
    """A learning rate policy that is meant to lower the rate does lower it."""
    schedule = case.schedule
    if schedule.refusal is not None or schedule.base_lr <= 0:
        return
    missing = [
        name
        for name, policies in {
            "gamma": ("inv", "sigmoid"),
            "power": ("inv", "poly"),
            "stepvalue": ("multistep",),
        }.items()
        if schedule.policy in policies and not getattr(schedule, name)
    ]
    if missing:
        yield Problem(
            "solver",
            f"the policy {schedule.policy} without {' and '.join(missing)} keeps the learning rate constant",
            "lr_policy",
            f"set {' and '.join(missing)}, or take the policy fixed",
            "suspicious",
        )
    last = schedule.rate(max(case.iterations - 1, 0))
    if schedule.base_lr * MOST_GROWTH < last < math.inf:
        yield Problem(
            "solver",
            f"the policy {schedule.policy} raises the learning rate from {number(schedule.base_lr)} to {number(last)}",
            "gamma" if case.has("gamma") else "power",
            "set gamma below 1, and power above 0",
            "suspicious",
        )
    values = list(schedule.stepvalue)
    if schedule.policy == "multistep" and values != sorted(values):
        yield Problem(
            "solver",
            f"the stepvalues {', '.join(map(str, values))} do not rise: Caffe takes them in this order",
            "stepvalue",
            f"sort them: {', '.join(map(str, sorted(values)))}",
            "suspicious",
        )


def iterations(case: SolverCase) -> Iterator[Problem]:
    """The solver runs, and averages over at least one iteration and one pass."""
    solver = case.solver
    explained = case.schedule.policy == "poly" and not case.has("max_iter")  # the learning-rate rule reports it
    if solver.max_iter <= 0 and case.iterations < 1 and not explained:
        reason = f"max_iter is {solver.max_iter}" if case.has("max_iter") else _unset_clause("max_iter")
        tests = bool(solver.test_iter) and not solver.snapshot_after_train  # a solver that only tests, as in SSD
        yield Problem(
            "solver",
            f"{reason}: 'caffe train' {'tests, and ' if tests else ''}ends after 0 iterations, without an error",
            "max_iter",
            "set max_iter; if a script steps the solver, say how often with --iterations",
            None if case.has("max_iter") and not tests else "suspicious",
        )
    if solver.iter_size < 1:
        yield Problem(
            "solver",
            f"iter_size is {solver.iter_size}: the loss is divided by it and is NaN"
            if solver.iter_size == 0
            else f"iter_size is {solver.iter_size}: no data is ever passed through the network",
            "iter_size",
            "set iter_size to 1 or more",
        )
    if solver.average_loss < 1:
        yield Problem("solver", f"average_loss is {solver.average_loss}: Caffe aborts", "average_loss", "set it to 1")


def method(case: SolverCase) -> Iterator[Problem]:
    """The solver's type exists, and its momentum, decay and delta are valid for that type."""
    solver = case.solver
    kind = kind_of(case)
    if case.has("solver_type") and case.has("type"):
        yield Problem("solver", "type and solver_type are both set: Caffe aborts", "solver_type", "keep type")
    forks = forks_of_solver(kind)
    if forks:
        message = f"a fork ({', '.join(forks)}) has the solver type {kind!r}; BVLC Caffe has not, and aborts"
        yield Problem("solver", message, "type", "train with that fork", "suspicious", forks)
        return
    if kind not in TYPES.values():
        suggestion = nearest(kind, TYPES.values())
        fix = f'type: "{suggestion}"' if suggestion else f"take one of {', '.join(TYPES.values())}"
        yield Problem("solver", f"{kind!r} is not a type of solver: Caffe aborts", "type", fix)
        return
    if kind in ("AdaGrad", "RMSProp") and solver.momentum != 0:
        yield Problem(
            "solver", f"momentum {number(solver.momentum)} with {kind}: Caffe aborts", "momentum", "remove it"
        )
    elif solver.momentum >= 1:
        yield Problem(
            "solver", f"momentum {number(solver.momentum)}: the updates never die away", "momentum", "set it below 1"
        )
    elif solver.momentum < 0:
        yield Problem(
            "solver",
            f"momentum {number(solver.momentum)} is negative",
            "momentum",
            "set it from 0 to below 1",
            "suspicious",
        )
    if kind == "RMSProp" and not 0 <= solver.rms_decay < 1:
        yield Problem(
            "solver", f"rms_decay {number(solver.rms_decay)}: Caffe aborts", "rms_decay", "set it from 0 to below 1"
        )
    if kind == "Adam" and not 0 <= solver.momentum2 < 1:
        yield Problem(
            "solver",
            f"momentum2 {number(solver.momentum2)}: the step has the factor sqrt(1 - momentum2^t), which is 0 or NaN",
            "momentum2",
            "set it from 0 to below 1",
        )
    if kind in ("AdaGrad", "RMSProp", "AdaDelta", "Adam") and solver.delta <= 0:
        yield Problem(
            "solver",
            f"delta is {number(solver.delta)}: {kind} divides 0 by 0 where a gradient is 0",
            "delta",
            "set it to a small positive number, such as 1e-8",
        )


def decay(case: SolverCase) -> Iterator[Problem]:
    """Weight decay and clipping do not stop the weights from learning."""
    solver = case.solver
    if solver.weight_decay < 0:
        yield Problem(
            "solver",
            f"weight_decay {number(solver.weight_decay)} is negative: every weight grows of itself",
            "weight_decay",
            "make it positive",
            "suspicious",
        )
    elif solver.regularization_type == "L2" and 2 < solver.base_lr * solver.weight_decay < math.inf:
        yield Problem(
            "solver",
            f"base_lr * weight_decay is {number(solver.base_lr * solver.weight_decay)}: above 2, decay alone makes the "
            "weights grow without end",
            "weight_decay",
            "lower weight_decay",
        )
    if solver.regularization_type not in ("L1", "L2") and solver.weight_decay:
        yield Problem(
            "solver",
            f"{solver.regularization_type!r} is no regularization_type: Caffe aborts",
            "regularization_type",
            'take "L1" or "L2"',
        )
    if solver.clip_gradients == 0:
        yield Problem(
            "solver",
            "clip_gradients is 0: every gradient is scaled to 0",
            "clip_gradients",
            "remove it, or set it above 0",
        )


MOST_RATE = {"SGD": 1.0, "Nesterov": 1.0, "Adam": 0.1, "RMSProp": 0.1}
"""Largest base_lr by solver type; above it, training diverges with nearly every network."""
TEMPERED = ("larc", "local_lr_auto", "rampup_interval", "warmup_iter")
"""Fields of forks that derive a layer's rate from its weights, or let the rate rise slowly to base_lr."""


def size_of_rate(case: SolverCase) -> Iterator[Problem]:
    """The learning rate is not too large to train from scratch, and weight decay does not outweigh the gradients."""
    solver, kind = case.solver, kind_of(case)
    if solver.weights or any(it.name in TEMPERED for it in case.prototxt.unknown):
        return
    limit = MOST_RATE.get(kind, math.inf)
    if limit * (1 + 1e-6) < solver.base_lr < math.inf:  # Caffe keeps it in float32
        yield Problem(
            "learning-rate",
            f"base_lr {number(solver.base_lr)} with {kind}: above {number(limit)}, training diverges with nearly every "
            "network",
            "base_lr",
            f"begin with {number(limit / 100)}",
            "suspicious",
        )
    elif solver.regularization_type == "L2" and 1 < solver.base_lr * solver.weight_decay <= 2:
        yield Problem(
            "solver",
            f"base_lr * weight_decay is {number(solver.base_lr * solver.weight_decay)}: above 1, each step takes away "
            "more than all of a weight",
            "weight_decay",
            "lower weight_decay; 0.0005 is usual",
            "suspicious",
        )


def kind_of(case: SolverCase) -> str:
    """Return the type of the solver, also if it is given by the old field `solver_type`."""
    names = {value: name for name, value in enums()["SolverType"].items()}
    old = names[case.solver.solver_type]
    return TYPES.get(old, old) if case.has("solver_type") else str(case.solver.type)


def networks(case: SolverCase) -> Iterator[Problem]:
    """The solver names one network to train, and an iteration count for each one to test."""
    solver = case.solver
    named = [name for name in SOURCES if case.has(name)]
    if len(named) != 1:
        reason = f"{' and '.join(named)} are all set" if named else "no network is named"
        yield Problem(
            "solver", f"{reason}: Caffe aborts", named[-1] if named else "", f"set one of {', '.join(SOURCES)}"
        )
    if any(not name.strip() for weights in solver.weights for name in weights.split(",")):
        message = "weights has an empty name among its files: Caffe aborts"
        yield Problem("missing", message, "weights", "name the files, with a comma between two, or remove weights")
    tests = len(solver.test_net) + len(solver.test_net_param)
    counts = len(solver.test_iter)
    generic = case.has("net") or case.has("net_param")
    if counts < tests or (counts > tests and not generic):
        yield Problem(
            "solver",
            f"test_iter is given {counts} times for {tests} test networks: Caffe aborts",
            "test_iter",
            "give one each",
        )
    if counts and solver.test_interval <= 0:
        yield Problem(
            "solver", "test_iter without a test_interval above 0: Caffe aborts", "test_iter", "set test_interval"
        )
    if solver.test_state and len(solver.test_state) != max(counts, tests):
        yield Problem(
            "solver",
            f"test_state is given {len(solver.test_state)} times for {max(counts, tests)} test networks: Caffe aborts",
            "test_state",
            "give one each",
        )


def settings_are_numbers(case: SolverCase) -> Iterator[Problem]:
    """No solver setting is NaN or infinite; those of the learning rate have a rule of their own."""
    for path, value in not_finite(case.solver):
        if path not in RATE_FIELDS and "net_param" not in path:
            yield Problem("solver", f"{path} is {number(value)}", path, "set it to a finite number")


def snapshots(case: SolverCase) -> Iterator[Problem]:
    """The folder of snapshot_prefix exists, if the folder that Caffe is started in is known."""
    solver = case.solver
    writes = solver.snapshot > 0 or solver.snapshot_after_train
    folder, slash, _ = solver.snapshot_prefix.rpartition("/")
    if not writes or not slash or case.folders.has_folder(folder or "/"):
        return
    if not all(case.folders.find(name) for name in networks_named(case.prototxt)):
        return  # Caffe is started in another folder: the networks are not found either
    when = (
        "Caffe aborts before it trains" if solver.snapshot > 0 else "the weights cannot be written when it has trained"
    )
    yield Problem(
        "missing",
        f"the folder {folder} of the snapshots is not there: {when}",
        "snapshot_prefix",
        f"mkdir -p {folder}, in the folder that Caffe is started in (see --root)",
        None if solver.snapshot > 0 else "suspicious",
    )


SolverRule = Callable[[SolverCase], Iterator[Problem]]
SOLVER_RULES: dict[str, SolverRule] = {
    "learning-rate": learning_rate,
    "falling-rate": falling_rate,
    "iterations": iterations,
    "method": method,
    "decay": decay,
    "rate-size": size_of_rate,
    "networks": networks,
    "settings": settings_are_numbers,
    "snapshots": snapshots,
}
"""The rules on solvers by name; the first line of a rule's docstring states what it requires."""
