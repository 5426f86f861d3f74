"""Lint rule for the folder of a solver's snapshots: Caffe checks it before it trains, and aborts if it is missing."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.linting.nets_of_solver import networks_named
from datacheck.linting.rule_input import Problem, SolverCase


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
