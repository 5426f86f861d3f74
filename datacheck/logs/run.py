"""One run of a log: its series in bounded memory, and the first line of everything that went wrong in it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import msgspec

from datacheck.logs import events
from datacheck.logs.header import TEST, TRAIN, Header
from datacheck.logs.outputs import loss_of
from datacheck.reporting.log_series import RunSummary, SeriesPoint, json_number

KEPT = 2048
"""Number of evenly spread points that are kept of a long run: at any time from KEPT to twice as many."""
NEAR = 256
"""Number of points kept without gaps before and after the first loss that is not finite, and at the end of a run."""
NEAR_TEST = 8
"""Number of points before a test whose training losses are compared with its own."""
OUTPUTS = 16
VALUES = 8
"""Maximum number of values kept of a bad pass: the first one or a later one of its layer is the culprit."""
NOTICES = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line of the log, its iteration (None if unknown), and the number that it shows (NaN if there is none)."""

    line: int
    text: bytes
    iteration: int | None = None
    value: float = math.nan


class Point(msgspec.Struct, gc=False):
    """One iteration that the log shows, with the lines that show it; `nth` counts the points of a run."""

    nth: int
    iteration: int
    line: int
    text: bytes
    loss: float
    rate: events.Rate | None = None
    norms: events.Norms | None = None
    outputs: list[events.Output] = []
    clipped: int = 0
    clipping: events.Clipping | None = None

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.line, self.text, self.iteration, self.loss)

    @property
    def gradient(self) -> Evidence | None:
        """The line with the L2 norm of all gradients, or None if the log does not have it."""
        if self.norms is not None:
            return Evidence(self.norms.line, self.norms.text, self.iteration, self.norms.diff_l2)
        if self.clipping is not None:
            return Evidence(self.clipping.line, self.clipping.text, self.iteration, self.clipping.norm)
        return None

    def row(self, run: int) -> SeriesPoint:
        """Return the point as a row of the series in a report."""
        norms = self.norms
        return SeriesPoint(
            run,
            self.iteration,
            self.line,
            loss=json_number(self.loss),
            lr=None if self.rate is None else json_number(self.rate.lr),
            data_l1=None if norms is None else json_number(norms.data_l1),
            diff_l1=None if norms is None else json_number(norms.diff_l1),
            data_l2=None if norms is None else json_number(norms.data_l2),
            diff_l2=None if norms is None else json_number(norms.diff_l2),
            clipped=self.clipped,
            clip_norm=None if self.clipping is None else json_number(self.clipping.norm),
        )


class Series:
    """The points of a run, thinned evenly if there are many; the first, the extremes and those near an event remain."""

    def __init__(self) -> None:
        self.count = 0
        self.bad: Point | None = None
        """The first point whose loss is not finite."""
        self._stride = 1
        self._spread: list[Point] = []
        self._before: list[Point] = []
        self._after: list[Point] = []
        self._tail: deque[Point] = deque(maxlen=NEAR)
        self._least: Point | None = None
        self._most: Point | None = None

    def add(self, point: Point) -> None:
        """Add the next point."""
        self.count += 1
        if point.nth % self._stride == 0:
            self._spread.append(point)
            if len(self._spread) == 2 * KEPT:
                self._stride *= 2
                self._spread = self._spread[::2]
        if not math.isfinite(point.loss):
            if self.bad is None:
                self.bad, self._before = point, list(self._tail)
        elif self._least is None or self._most is None:
            self._least = self._most = point
        elif point.loss < self._least.loss:
            self._least = point
        elif point.loss > self._most.loss:
            self._most = point
        if self.bad is not None and len(self._after) < NEAR:
            self._after.append(point)
        self._tail.append(point)

    def latest(self, count: int) -> list[Point]:
        """Return the last `count` points."""
        return list(islice(reversed(self._tail), count))[::-1]

    def kept(self, more: Iterable[Point] = ()) -> list[Point]:
        """Return the points that are kept and those in `more`, in their order."""
        extremes = [it for it in (self._least, self._most) if it is not None]
        points = [*self._spread, *self._before, *self._after, *self._tail, *extremes, *more]
        return [point for _, point in sorted({point.nth: point for point in points}.items())]


@dataclass(slots=True)
class BadPass:
    """The first pass of a phase in which debug_info showed a value that is not finite; `nth` counts from 1.

    `first` is whether the value was in the pass's first layer. `iteration` is None until the log names it.
    """

    nth: int
    iteration: int | None
    first: bool
    values: list[events.BadValue]


@dataclass(frozen=True, slots=True)
class Tested:
    """A loss in a test, with its line, and the same loss in training about then (None if it is not shown)."""

    evidence: Evidence
    train: float | None


class TestSeries:
    """A loss of the test phase: in the first test, in the one with the least loss, and in the last NEAR ones."""

    def __init__(self, first: Tested) -> None:
        self.first = self.least = first
        self.last: deque[Tested] = deque([first], maxlen=NEAR)

    def add(self, test: Tested) -> None:
        """Add the next test."""
        self.last.append(test)
        if test.evidence.value < self.least.evidence.value:
            self.least = test


Listen = Callable[[SeriesPoint], None]
"""A function that gets every point of a run when it is complete, before the series is thinned."""


class Run:
    """What a log shows of one run, taken from its events one by one."""

    def __init__(self, number: int, thread: bytes, line: int, listen: Listen | None = None) -> None:
        self.number, self.thread, self.first_line, self.last_line = number, thread, line, line
        self.kind = "training"
        self.header = Header()
        self.series = Series()
        self.ended = "cut"
        self.restored: Evidence | None = None
        self.done: Evidence | None = None
        self.fatal: list[Evidence] = []
        self.notices: deque[Evidence] = deque(maxlen=NOTICES)
        self.first: dict[str, Evidence] = {}
        """The first learning rate that is "nan", "negative" or "zero", and the first "test" loss that is not finite."""
        self.rates = 0
        self.clips = 0
        self.clipping: tuple[Evidence, Evidence] | None = None
        """The first and the last line about a clipped gradient."""
        self.rated = False
        self.bad_passes: dict[str, BadPass] = {}
        self.bad_norm: Evidence | None = None
        self.snapshot_at_zero = False
        self.first_test: int | None = None
        self.tests: dict[bytes, TestSeries] = {}
        """The losses of the test phase, by their names."""
        self._point: Point | None = None
        self._marked: list[Point] = []
        self._norms: events.Norms | None = None
        self._testing: int | None = None
        self._tested: int | None = None
        self._pass = self._pass_line = 0
        self._listen = listen

    @property
    def shown(self) -> int:
        """Number of iterations of the run that the log shows."""
        return self.series.count + (self._point is not None)

    @property
    def iteration(self) -> int | None:
        """The last iteration that was shown, or None."""
        return None if self._point is None else self._point.iteration

    @property
    def judged(self) -> bool:
        """Whether the log shows enough of the run to say anything about it."""
        return bool(self.shown or self.fatal or self.first or self.bad_passes)

    def points(self) -> list[Point]:
        """Return the points that are kept, in their order."""
        return self.series.kept(self._marked)

    def handle(self, event: events.Event) -> None:
        """Handle one event."""
        self.last_line = event.line
        HANDLERS[type(event)](self, event)

    def _show(self, event: events.Display) -> None:
        self._testing, self._pass = None, 0
        self._close()
        self._point = Point(self.series.count, event.iteration, event.line, event.text, event.loss, norms=self._norms)
        self.rated = self.rated or event.rated
        if self.bad_passes:
            self._place_passes(event.iteration)
        if self._norms is not None and self.bad_norm is None and not math.isfinite(self._norms.diff_l2):
            self.bad_norm = self._point.gradient
            self._marked.append(self._point)
        self._norms = None

    def _place_passes(self, iteration: int) -> None:
        bad = self.bad_passes.get(TRAIN)
        if bad is not None and bad.iteration is None:
            bad.iteration = iteration

    def _show_batch(self, event: events.Batch) -> None:
        self.kind = "test"
        point = self._point
        if point is None or point.iteration != event.iteration:
            self._close()
            self._point = Point(self.series.count, event.iteration, event.line, event.text, event.value)
        elif math.isfinite(point.loss) and (b"loss" in event.name or not math.isfinite(event.value)):
            point.line, point.text, point.loss = event.line, event.text, event.value

    def _show_rate(self, event: events.Rate) -> None:
        self.rates += 1
        if self._point is not None and self._point.iteration == event.iteration:
            self._point.rate = event
        kind = ""
        if not math.isfinite(event.lr):
            kind = "nan"
        elif event.lr <= 0:
            kind = "negative" if event.lr < 0 else "zero"
        if kind and kind not in self.first:
            self.first[kind] = Evidence(event.line, event.text, event.iteration, event.lr)
            if self._point is not None:
                self._marked.append(self._point)

    def _begin_test(self, event: events.Testing) -> None:
        self._testing = self._tested = event.iteration
        self.first_test = event.iteration if self.first_test is None else self.first_test
        self._pass = 0

    def _take_output(self, event: events.Output) -> None:
        if not event.test:
            if self._point is not None and len(self._point.outputs) < OUTPUTS:
                self._point.outputs.append(event)
            return
        self._testing = None
        if event.text.endswith(b" loss)"):
            self._take_test_loss(event)
        if "test" not in self.first and (b"nan" in event.text or b"inf" in event.text):
            match = events.OUTPUT.search(event.text)
            if match is not None and match[4] and not math.isfinite(value := events.number(match[3])):
                self.first["test"] = Evidence(event.line, event.text, self._tested, value)

    def _take_test_loss(self, event: events.Output) -> None:
        name, value = loss_of(event.text)
        if name is None or not math.isfinite(value):
            return
        recent = [*self.series.latest(NEAR_TEST), *([] if self._point is None else [self._point])]
        losses = [
            it for it in (_training_loss(point, name) for point in recent) if it is not None and math.isfinite(it)
        ]
        test = Tested(Evidence(event.line, event.text, self._tested, value), median(losses) if losses else None)
        if name in self.tests:
            self.tests[name].add(test)
        elif len(self.tests) < OUTPUTS:
            self.tests[name] = TestSeries(test)

    def _take_norms(self, event: events.Norms) -> None:
        self._norms = event

    def _take_clipping(self, event: events.Clipping) -> None:
        self.clips += 1
        evidence = Evidence(event.line, event.text, self.iteration, event.norm)
        self.clipping = (self.clipping[0] if self.clipping else evidence, evidence)
        if self._point is not None:
            self._point.clipped += 1
            self._point.clipping = event

    def _begin_pass(self, event: events.Pass) -> None:
        self._pass += 1
        self._pass_line = event.line

    def _take_value(self, event: events.BadValue) -> None:
        phase = TRAIN if self._testing is None else TEST
        bad = self.bad_passes.get(phase)
        if bad is None:
            first = event.line == self._pass_line
            self.bad_passes[phase] = BadPass(self._pass, self._testing, first, [event])
        elif bad.nth == self._pass and bad.iteration == self._testing and len(bad.values) < VALUES:
            bad.values.append(event)

    def _begin_section(self, event: events.Section) -> None:
        self.header.begin(event.what)

    def _read_field(self, event: events.Field) -> None:
        self.header.read(event.text)

    def die(self, event: events.Fatal) -> None:
        """Handle a line that a dying process wrote."""
        self.last_line = event.line
        self.ended = "aborted"
        if len(self.fatal) < NOTICES:
            self.fatal.append(Evidence(event.line, event.text, self.iteration))

    def _take_notice(self, event: events.Notice) -> None:
        evidence = Evidence(event.line, event.text, self.iteration)
        if event.word == b"Optim":
            if self.done is None:
                self.ended, self.done = "stopped" if b"early" in event.text else "done", evidence
        elif event.word == b"Loss:":
            self.ended, self.done = "done", evidence
        elif event.word == b"Resto":
            self.restored = evidence
        elif event.word == b"Snaps":
            self.snapshot_at_zero = self.snapshot_at_zero or b"_iter_0.caffemodel" in event.text
        elif event.word == b"Could":
            self.notices.append(evidence)
        elif b"net from net file: " in event.text and self.header.net is None:
            self.header.net = event.text.partition(b"net from net file: ")[2].decode("utf-8", "replace").strip()

    def _close(self) -> None:
        if self._point is not None:
            self.series.add(self._point)
            if self._listen is not None:
                self._listen(self._point.row(self.number))

    def close(self) -> None:
        """Complete the run when the log has no more of it."""
        self._close()
        if self.series.count:
            self._place_passes(self.points()[-1].iteration + 1)
        self._point = None

    def summary(self, points: list[Point]) -> RunSummary:
        """Return the summary of the run for a report that has these points."""
        return RunSummary(
            self.number,
            self.kind,
            self.thread.decode("ascii", "replace"),
            self.first_line,
            self.last_line,
            self.series.count,
            len(points),
            self.ended,
            first_iteration=points[0].iteration if points else None,
            last_iteration=points[-1].iteration if points else None,
            net=self.header.net,
            sources=self.header.sources,
            batch_sizes=self.header.batches,
            solver=self.header.solver,
        )


def _training_loss(point: Point, name: bytes) -> float | None:
    """Return the training loss of this name at a point, or None if the point has only losses of other names.

    A point without loss outputs has a single loss of weight 1: the loss of the point.
    """
    losses = {output: value for output, value in (loss_of(it.text) for it in point.outputs) if output is not None}
    if not losses:
        return point.loss
    return losses.get(name)


HANDLERS: dict[type[events.Event], Callable[[Run, Any], None]] = {
    events.Display: Run._show,
    events.Batch: Run._show_batch,
    events.Rate: Run._show_rate,
    events.Testing: Run._begin_test,
    events.Output: Run._take_output,
    events.Norms: Run._take_norms,
    events.Clipping: Run._take_clipping,
    events.Pass: Run._begin_pass,
    events.BadValue: Run._take_value,
    events.Section: Run._begin_section,
    events.Field: Run._read_field,
    events.Fatal: Run.die,
    events.Notice: Run._take_notice,
}
