"""Run checks on the workers and yield their results in the order of the source."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.model.blocks import ignore
from datacheck.model.replacing import replace
from datacheck.reporting.tally import Tally
from datacheck.scanning.retry import Span, retry_pieces
from datacheck.scanning.tasks import Check, Several, Task
from datacheck.workers.interface import Death, Engine, HasRoom

AHEAD = 4
"""Number of tasks under way for each worker. Those that finish early wait for their turn in the source's order."""


def in_order(
    pool: Engine[Task],
    reader: Reader,
    checks: Iterator[Check],
    several: int = 1,
    interrupted: Callable[[], None] = ignore,
) -> Iterator[tuple[Check, Tally]]:
    """Yield each check with its tally in source order. A check that kills its worker is retried in smaller pieces.

    A worker is given `several` checks at once. After an interrupt, `interrupted` is called before the results that
    follow a gap are yielded.
    """
    line = _Line(reader, checks, several, partial(_ahead, pool))
    line.refill()
    results = pool.run(line.queue)
    while True:
        try:
            task, result = next(results)
        except StopIteration:
            return
        except KeyboardInterrupt:
            interrupted()
            yield from line.rest()
            raise
        line.take(task, result)
        yield from line.done()
        line.refill()


def _ahead(pool: Engine[Task]) -> int:
    """Return the maximum number of tasks under way."""
    return max(AHEAD * pool.count, 2 * pool.room if isinstance(pool, HasRoom) else 0)


class _Line:
    """The checks under way. `queue` has the tasks that no worker has been given yet."""

    def __init__(self, reader: Reader, checks: Iterator[Check], several: int, ahead: Callable[[], int]) -> None:
        self.queue: deque[Task] = deque()
        self._reader, self._checks, self._several, self._ahead = reader, checks, several, ahead
        self._spans: list[Span] = []
        self._given: dict[int, tuple[Task, Sequence[Span]]] = {}

    def refill(self) -> None:
        most = self._ahead() * self._several
        while len(self._spans) < most:
            more = [Span(check) for check in itertools.islice(self._checks, self._several)]
            if not more:
                return
            self._spans += more
            self._start(more)

    def _start(self, some: Sequence[Span]) -> None:
        task = some[0].check if len(some) == 1 else Several(tuple(span.check for span in some))
        self._given[id(task)] = task, some
        self.queue.append(task)

    def take(self, task: Task, result: Any) -> None:
        """Take the result of a task. If several checks died together, each is run again alone to find the cause."""
        _, some = self._given.pop(id(task))
        if len(some) > 1 and isinstance(result, Death):
            for span in some:
                self._start([span])
        elif isinstance(result, Death):
            self._retry(some[0], result)
        else:
            for span, tally in zip(some, result if len(some) > 1 else [result], strict=True):
                span.tally = tally
                self._follow(span)

    def _retry(self, span: Span, death: Death) -> None:
        instead = retry_pieces(self._reader, span.check, death)
        at = self._spans.index(span)
        self._spans[at : at + 1] = instead
        for piece in instead:
            piece.whole = span.whole or span.check
        # the records that a sample takes of a piece are known only once the records before it are counted
        ready = instead if span.check.sample is None else instead[:1]
        for piece in ready:
            if piece.tally is None:
                self._start([piece])
            elif piece.check.sample is not None:
                self._follow(piece)

    def _follow(self, span: Span) -> None:
        """Start the piece after one that is done, if it had to wait for the number of records before it."""
        if span.whole is None or span.check.sample is None:
            return
        for following in self._spans[self._spans.index(span) + 1 :]:
            if following.whole is not span.whole:
                return
            assert span.tally is not None
            following.check = replace(following.check, start=span.check.start + span.tally.records)
            if following.tally is None:
                self._start([following])
                return
            span = following

    def done(self) -> Iterator[tuple[Check, Tally]]:
        """Yield the checks at the head of the line that are done, and remove them."""
        while self._spans and (tally := self._spans[0].tally) is not None:
            yield self._spans[0].whole or self._spans[0].check, tally
            del self._spans[0]

    def rest(self) -> Iterator[tuple[Check, Tally]]:
        """Yield the remaining checks that are done, although some before them are not."""
        yield from ((span.check, _unindexed(span.tally)) for span in self._spans if span.tally is not None)


def _unindexed(tally: Tally) -> Tally:
    """Return a tally from behind a gap, without the indexes of the records, which are not known."""
    findings = [msgspec.structs.replace(finding, index=None) for finding in tally.findings]
    return replace(tally, findings=findings)
