"""Find what the networks of a solver read, each in the phases and stages that the solver builds it for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacheck.caffe.net_sources import NetSource, sources_in
from datacheck.caffe.network import Phase, State
from datacheck.caffe.prototxt import Prototxt, read_prototxt
from datacheck.caffe.schema import enums
from datacheck.errors import SourceMissing, SourceUnknown
from datacheck.model.replacing import replace
from datacheck.netscan.source_opening import Places


def solver_sources(solver: Prototxt, places: Places, phases: Sequence[Phase], stages: Sequence[str]) -> list[NetSource]:
    """Return the layers that read records in the networks that a solver names, each once.

    Raises what `read_prototxt` raises if a network cannot be read, and SourceUnknown if the solver names none.
    """
    sources: dict[tuple[str, int, str], NetSource] = {}
    net_count = 0
    for name, states in _networks(solver.message, stages):
        net_count += 1
        try:
            net = read_prototxt(places.find(name)[0])
        except SourceMissing as exc:
            raise SourceUnknown(solver.path, f"is a solver, and its network {name} is not there; see --root") from exc
        wanted = [state for state in states if state.phase in phases]
        for source in sources_in(net, wanted):
            rated = replace(source, rate=_plain_rate(solver.message), solver=solver.path)
            sources.setdefault((source.net, source.line, source.name), rated)
    if not net_count:
        raise SourceUnknown(solver.path, "is a solver that names no network in a file")
    return list(sources.values())


PLAIN = ("SGD", "Nesterov")
"""The solvers whose steps are as long as the gradient."""


def _plain_rate(solver: Any) -> float | None:
    """Return the base_lr of a solver that trains from scratch with unbounded steps, or None for any other solver."""
    kind = solver.type
    if solver.HasField("solver_type"):
        kind = {number: name for name, number in enums()["SolverType"].items()}[solver.solver_type].capitalize()
        kind = "SGD" if kind == "Sgd" else kind
    return solver.base_lr if kind in PLAIN and not solver.weights and solver.clip_gradients <= 0 else None


def _networks(solver: Any, stages: Sequence[str]) -> Iterator[tuple[str, list[State]]]:
    """Yield the file name of each network, and the states that it is built in."""
    train = _state("TRAIN", solver.train_state, stages)
    tests = [_state("TEST", it, stages) for it in solver.test_state] or [_state("TEST", None, stages)]
    if solver.net:
        yield solver.net, [train, *tests]
    if solver.train_net:
        yield solver.train_net, [train]
    for number, name in enumerate(solver.test_net):
        yield name, [tests[min(number, len(tests) - 1)]]


def _state(phase: Phase, added: Any, stages: Sequence[str]) -> State:
    if added is None:
        return State(phase, stages=tuple(stages))
    return State(phase, added.level, (*added.stage, *stages))
