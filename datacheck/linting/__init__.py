"""Check solver and network prototxt, without running Caffe, for what aborts, has no effect, or makes the loss NaN."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datacheck.caffe.forks import fork_names
from datacheck.caffe.geometry import Shape
from datacheck.caffe.network import Layer, State, layers, layers_in
from datacheck.caffe.prototxt import Prototxt, read_prototxt
from datacheck.caffe.ranges import infer_intervals
from datacheck.caffe.rates import Schedule
from datacheck.caffe.shapes import infer_shapes
from datacheck.errors import PrototxtMalformed, UsageError
from datacheck.files.regular import real_path
from datacheck.linting.nets_of_solver import Net, Unread, single_net, solver_nets
from datacheck.linting.rule_input import Folders, NetCase, Problem, SolverCase
from datacheck.linting.rules import FILE_RULES, LAYER_RULES
from datacheck.linting.solver_rules import SOLVER_RULES
from datacheck.linting.stored_shapes import StoredShapes
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.model.settings import Pair
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally
from datacheck.scanning.settings.make_settings import make

LONGEST = 400
"""Maximum length of a message, a fix or a layer's name in a finding, in characters; longer ones are cut."""


@dataclass(frozen=True)
class LintRequest:
    """What the caller tells about a run beyond the files; see `lint` for the fields."""

    root: Path | None = None
    labels: tuple[int, int] | None = None
    iterations: int | None = None
    records: Mapping[str, Shape] = field(default_factory=dict)
    forks: frozenset[str] = frozenset()
    shape: Shape | None = None
    stored: StoredShapes = field(default_factory=StoredShapes)

    def shapes(self, layers: Sequence[Layer], folders: Folders) -> Mapping[str, Shape]:
        """Return the shapes of the records of data layers, by layer name.

        `shape` applies to all layers that `records` does not name. If it is not given, the shapes are read from those
        databases that exist.
        """
        if self.shape is None:
            return {**self.stored.shapes_of(layers, folders), **self.records}
        return {**{layer.name: self.shape for layer in layers}, **self.records}


class LintReport(Report):
    """The report of lint on a prototxt; its text has each finding with its file, line and fix."""

    def __str__(self) -> str:
        from datacheck.linting.text import lint_text

        return lint_text(self)


def lint(
    path: str | Path,
    *,
    root: str | Path | None = None,
    labels: int | tuple[int, int] | None = None,
    records: Mapping[str, Shape] | None = None,
    iterations: int | None = None,
    forks: Collection[str] = (),
    shape: Shape | None = None,
    strict: bool = False,
) -> Report:
    """Judge a solver with the networks it names, or a network, and return the report.

    Parameters
    ----------
    path
        A solver or network prototxt.
    root
        The folder that paths in the files count from, as Caffe takes them from the one it is started in; by default
        the working directory, and else the folder of the file.
    labels
        The number of classes in the data (labels are then 0 to N-1), or the least and greatest label.
    records
        The shapes (channels, height, width) of the records that Data layers read, by the layer's name.
    iterations
        How long the run is, if not `max_iter`.
    forks
        The forks of Caffe (see `datacheck lint --fork`) whose fields, layers and values are taken as known.
    shape
        The shape (channels, height, width) of the records of all data layers that `records` does not name; by default
        that of the databases that the layers name, where they are at hand.
    strict
        Let suspicious findings count as bad ones do.

    Returns
    -------
    Report
        The findings: `key` is the layer's name, `file` the prototxt it is in, `details` has the line and the fix.

    Raises
    ------
    SourceMissing, SourceUnknown, SourceUnreadable
        There is no prototxt to read.
    """
    bounds = (0, labels - 1) if isinstance(labels, int) else labels
    unknown = [it for it in forks if it not in fork_names()]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is not a known fork; they are {', '.join(fork_names())}")
    request = LintRequest(
        None if root is None else Path(root), bounds, iterations, records or {}, frozenset(forks), shape
    )
    return lint_file(Path(path), request, strict=strict, visited=set())


def lint_file(path: Path, request: LintRequest, *, strict: bool, visited: set[Path]) -> Report:
    """Return the report on one file.

    Networks that a solver names are checked too, unless they are in `visited`. The file and these networks are added
    to `visited`.
    """
    started = time.monotonic()
    visited.add(real_path(path))
    pair: Pair | None = None if request.labels is None else (float(request.labels[0]), float(request.labels[1]))
    report = LintReport(Source(str(path), "prototxt"), make(strict=strict, labels=pair, workers=1))
    try:
        prototxt = read_prototxt(path)
    except PrototxtMalformed as exc:
        _add(report, [_malformed(exc.path, exc.line, exc.reason)])
        kind, count = None, 0
    else:
        kind, count = prototxt.kind, 0
        groups = (
            _judge_solver(prototxt, request, visited) if kind == "solver" else _judge_net(single_net(prototxt), request)
        )
        for findings, layer_count in groups:
            count += layer_count
            _add(report, findings)
    report.tally.records = report.tally.checked = count
    report.source = msgspec.structs.replace(report.source, decoder=kind, records=count, bytes=_file_size(path))
    report.seconds = time.monotonic() - started
    return report


def _file_size(path: Path) -> int | None:
    """Return the size of a file in bytes, or None if it no longer exists or cannot be accessed."""
    with suppress(OSError):
        return path.stat().st_size
    return None


def _add(report: Report, findings: list[Finding]) -> None:
    """Add findings that belong together: those of one layer, or one of the whole file."""
    tally = Tally()
    tally.count(findings)
    report.add(tally)


Judged = Iterator[tuple[list[Finding], int]]
"""Groups of findings that belong together, each with the number of layers checked for it (0 or 1)."""


def _judge_solver(prototxt: Prototxt, request: LintRequest, visited: set[Path]) -> Judged:
    solver, folders = prototxt.message, _folders(prototxt, request)
    iterations = max(solver.max_iter, 0) if request.iterations is None else request.iterations
    case = SolverCase(prototxt, Schedule.of(solver), iterations, folders)
    problems = _filter_forks((it for rule in FILE_RULES.values() for it in rule(prototxt)), request)
    problems += _filter_forks((it for rule in SOLVER_RULES.values() for it in rule(case)), request)
    nets = list(solver_nets(prototxt, folders, visited))
    problems += [it for it in nets if isinstance(it, Problem)]
    for problem in sorted(problems, key=lambda it: prototxt.line(it.path)):
        yield [_finding(prototxt, problem)], 0
    for it in nets:
        if isinstance(it, Net):
            yield from _judge_net(it, request)
        elif isinstance(it, Unread):
            line = getattr(it.error, "line", None)
            yield [_malformed(it.path, line, getattr(it.error, "reason", str(it.error)))], 0


def _judge_net(net: Net, request: LintRequest) -> Judged:
    """Yield the findings on the whole file, then those on each layer; a finding in several states is yielded once."""
    prototxt, all_layers = net.prototxt, layers(net.prototxt)
    problems_by_layer: dict[str, dict[Problem, list[str]]] = {layer.path: {} for layer in all_layers}
    for rule in FILE_RULES.values():
        for problem in _filter_forks(rule(prototxt), request):
            owner, _, inner_path = problem.path.partition(".")
            if owner in problems_by_layer:
                problems_by_layer[owner][_with_path(problem, inner_path)] = []
            else:
                yield [_finding(prototxt, problem)], 0
    for state in net.states:
        for path, problem in _problems(net, state, request):
            phases = problems_by_layer[path].setdefault(problem, [])
            if state.phase not in phases:
                phases.append(state.phase)
    for number, layer in enumerate(all_layers):
        problems = problems_by_layer[layer.path].items()
        ordered = sorted(problems, key=lambda it: prototxt.line(_full_path(layer, it[0].path)))
        several = len(net.states) > 1
        yield [_layer_finding(prototxt, it, layer, number, phases if several else []) for it, phases in ordered], 1


def _problems(net: Net, state: State, request: LintRequest) -> Iterator[tuple[str, Problem]]:
    """Yield the problems of the network in one state, each with the path of its layer."""
    chosen = layers_in(net.prototxt, state)
    unsure = {field.path.partition(".")[0] for field in net.prototxt.unknown}
    folders = _folders(net.prototxt, request)
    places, ranges = infer_shapes(chosen, request.shapes(chosen, folders), unsure), infer_intervals(chosen)
    case = NetCase(net.prototxt, state, places, ranges, folders, request.labels, net.finetuned, net.trained)
    for layer in case.cases():
        for rule in LAYER_RULES.values():
            for problem in _filter_forks(rule(layer), request):
                yield layer.layer.path, problem


def _filter_forks(problems: Iterable[Problem], request: LintRequest) -> list[Problem]:
    """Return the problems without those that are valid in one of the forks given by the caller."""
    return [it for it in problems if not request.forks.intersection(it.forks)]


def _folders(prototxt: Prototxt, request: LintRequest) -> Folders:
    return Folders(request.root, Path(prototxt.path).parent)


def _with_path(problem: Problem, path: str) -> Problem:
    return replace(problem, path=path)


def _full_path(layer: Layer, path: str) -> str:
    return f"{layer.path}.{path}" if path else layer.path


def _finding(prototxt: Prototxt, problem: Problem, **details: object) -> Finding:
    more_details = {
        "line": prototxt.line(problem.path),
        **details,
        **({"fix": _shortened(problem.fix)} if problem.fix else {}),
    }
    finding = found(
        problem.code, _shortened(problem.message), field=problem.path or None, verdict=problem.verdict, **more_details
    )
    return msgspec.structs.replace(finding, file=plain(prototxt.path))


def _shortened(text: str) -> str:
    """Return the text cut to LONGEST characters, because names in a file may have any length."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _layer_finding(prototxt: Prototxt, problem: Problem, layer: Layer, number: int, phases: list[str]) -> Finding:
    details = {"layer": plain(layer.type), **({"phases": phases} if phases else {})}
    finding = _finding(prototxt, _with_path(problem, _full_path(layer, problem.path)), **details)
    return msgspec.structs.replace(finding, key=plain(_shortened(layer.name)), index=number)


def _malformed(path: str, line: int | None, reason: str) -> Finding:
    finding = found("malformed-prototxt", f"{reason}: Caffe does not parse it", line=line)
    return msgspec.structs.replace(finding, file=plain(path))
