"""Find the networks to check and their states: a single network file, or the networks that a solver names or holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacheck.caffe.layers import is_loss
from datacheck.caffe.net_sources import stages_of
from datacheck.caffe.network import PHASES, Phase, State, layers_in
from datacheck.caffe.prototxt import Prototxt, read_prototxt
from datacheck.caffe.schema import enums
from datacheck.errors import DatacheckError
from datacheck.files.regular import real_path
from datacheck.linting.rule_input import Folders, Problem
from datacheck.model.escaping import plain
from datacheck.reporting.advice import shell

MOST_STATES = 16
"""Maximum number of states in which a network is checked, and of networks inside a solver; a solver has a few."""


@dataclass(frozen=True)
class Net:
    """A network and the states in which to check it.

    `finetuned` is True if the solver loads pretrained weights into it, `trained` if it belongs to a solver.
    """

    prototxt: Prototxt
    states: Sequence[State]
    finetuned: bool = False
    trained: bool = False


@dataclass(frozen=True)
class Unread:
    """A network that a solver names and that cannot be read: its file and the error."""

    path: str
    error: DatacheckError


def single_net(prototxt: Prototxt) -> Net:
    """Return a network with the states in which it gets data.

    Without a loss to train with, these are only those in the test phase, if it gets data there. If the network gets
    data only with a stage, or if only a stage provides all its blobs, it is checked with its stages.
    """
    own = prototxt.message.state
    unstaged = [_state(phase, own) for phase in PHASES]
    if not any(is_loss(it.type, list(it.message.loss_weight)) for it in layers_in(prototxt, unstaged[0])):
        unstaged.reverse()
        unstaged = unstaged[:1] if _gets_data(prototxt, unstaged[0]) else unstaged  # not a network to train
    states = _distinct_states(prototxt, [state for state in unstaged if _gets_data(prototxt, state)])
    staged = [State(it.phase, it.level, (*it.stages, stage)) for stage in stages_of(prototxt) for it in unstaged]
    if not states:
        states = _distinct_states(prototxt, [state for state in staged if _gets_data(prototxt, state)])
    elif staged and not all(_has_all_bottoms(prototxt, state) for state in states):
        complete = [it for it in (*states, *staged) if _gets_data(prototxt, it) and _has_all_bottoms(prototxt, it)]
        states = _distinct_states(prototxt, complete) or states
    return Net(prototxt, states or unstaged[:1])


def solver_nets(prototxt: Prototxt, folders: Folders, visited: set[Path]) -> Iterator[Net | Unread | Problem]:
    """Yield the networks that a solver names or holds.

    A Problem stands for a missing file, and for networks inside the solver beyond the first MOST_STATES. Files in
    `visited` are skipped; the others are added to it.
    """
    solver = prototxt.message
    finetuned = bool(solver.weights)
    for path, name, roles in _named_nets(solver):
        if not name:
            field = path.partition("[")[0]
            message = f"{field} is an empty name, which is no network: Caffe aborts"
            yield Problem("missing", message, path, f"name the network's file, or remove {field}")
            continue
        file = folders.find(name)
        if file is None:
            yield Problem(
                "missing", f"the network {name} is not there: Caffe aborts", path, _fix_of_path(name, folders)
            )
        elif real_path(file) not in visited:
            visited.add(real_path(file))
            yield _read_net(file, roles, finetuned)
    inline = list(_inline_nets(solver))
    if len(inline) > MOST_STATES:
        yield Problem(
            "unsupported", f"of {len(inline)} networks in the solver, only {MOST_STATES} are judged", inline[0][0]
        )
    for path, message, roles in inline[:MOST_STATES]:
        prefix = f"{path}."
        lines = {it.removeprefix(prefix): line for it, line in prototxt.lines.items() if it.startswith(prefix)}
        yield _net_in_states(Prototxt(prototxt.path, "network", message, lines), roles, finetuned)


def _fix_of_path(name: str, folders: Folders) -> str:
    root = folders.root_with(name)
    if root is None:
        return "correct the path; it counts from the folder that Caffe is started in (see --root)"
    path = os.path.relpath(root)
    return f"Caffe finds it if it is started in {plain(path)}: add --root {shell(path)}"


Role = tuple[Phase, Any]
"""A phase in which a solver uses a network, and the NetState that the solver adds, or None."""


def _read_net(file: Path, roles: Sequence[Role], finetuned: bool) -> Net | Unread:
    try:
        prototxt = read_prototxt(file)
    except DatacheckError as exc:
        return Unread(str(file), exc)
    if prototxt.kind != "network":
        return Unread(str(file), DatacheckError("is a solver, not a network"))
    return _net_in_states(prototxt, roles, finetuned)


def _net_in_states(prototxt: Prototxt, roles: Sequence[Role], finetuned: bool) -> Net:
    states = [_state(phase, prototxt.message.state, added) for phase, added in roles]
    return Net(prototxt, _distinct_states(prototxt, states), finetuned, trained=True)


def _named_nets(solver: Any) -> Iterator[tuple[str, str, list[Role]]]:
    """Yield the field, the file name and the roles of each network that a solver names."""
    if solver.HasField("net"):
        yield "net", solver.net, [_training_role(solver), *_generic_test_roles(solver)]
    if solver.HasField("train_net"):
        yield "train_net", solver.train_net, [_training_role(solver)]
    for number, name in enumerate(solver.test_net):
        yield f"test_net[{number}]", name, [_test_role(solver, len(solver.test_net_param) + number)]


def networks_named(prototxt: Prototxt) -> list[str]:
    """Return the file names of the networks that a solver names."""
    return [name for _, name, _ in _named_nets(prototxt.message) if name]


def _inline_nets(solver: Any) -> Iterator[tuple[str, Any, list[Role]]]:
    """Yield the field, the NetParameter and the roles of each network that is written inside the solver itself."""
    if solver.HasField("net_param"):
        yield "net_param", solver.net_param, [_training_role(solver), *_generic_test_roles(solver)]
    if solver.HasField("train_net_param"):
        yield "train_net_param", solver.train_net_param, [_training_role(solver)]
    for number, message in enumerate(solver.test_net_param):
        yield f"test_net_param[{number}]", message, [_test_role(solver, number)]


def _training_role(solver: Any) -> Role:
    return "TRAIN", solver.train_state


def _test_role(solver: Any, number: int) -> Role:
    return "TEST", solver.test_state[number] if number < len(solver.test_state) else None


def _generic_test_roles(solver: Any) -> list[Role]:
    """Return the roles of the test networks built from the training network: one for each remaining test_iter."""
    own = len(solver.test_net_param) + len(solver.test_net)
    return [_test_role(solver, number) for number in range(own, len(solver.test_iter))]


def _state(phase: Phase, *added: Any) -> State:
    """Return the state of a phase, merged with the states of the network and the solver (Solver::InitTrainNet)."""
    level, stages = 0, []
    for state in added:
        if state is None:
            continue
        level = state.level if state.HasField("level") else level
        stages += state.stage
        if state.HasField("phase"):
            phase = "TRAIN" if state.phase == enums()["Phase"]["TRAIN"] else "TEST"
    return State(phase, level, tuple(stages))


def _distinct_states(prototxt: Prototxt, states: Sequence[State]) -> list[State]:
    """Return the states without those that have the same layers as an earlier one, at most MOST_STATES.

    The same layers in another phase would add no findings.
    """
    by_layers: dict[tuple[str, ...], State] = {}
    for state in list(dict.fromkeys(states))[:MOST_STATES]:
        by_layers.setdefault(tuple(layer.path for layer in layers_in(prototxt, state)), state)
    return list(by_layers.values())


def _gets_data(prototxt: Prototxt, state: State) -> bool:
    return any(layer.tops and not layer.bottoms for layer in layers_in(prototxt, state))


def _has_all_bottoms(prototxt: Prototxt, state: State) -> bool:
    """Return whether each bottom is made by an earlier layer."""
    produced: set[str] = set()
    for layer in layers_in(prototxt, state):
        if not produced.issuperset(layer.bottoms):
            return False
        produced.update(layer.tops)
    return True
