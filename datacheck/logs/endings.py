"""How a run ended: with a failed check, an exception or a signal, or without a single iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacheck.logs.aborts import find_abort
from datacheck.logs.evidence import lint_command, quoted, run_finding, scan_command
from datacheck.logs.run import Point, Run
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding


@dataclass(frozen=True)
class Aborted:
    """The run died: a failed check, an exception or a signal."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if not run.fatal:
            return None
        known = [(it, abort) for it in run.fatal if (abort := find_abort(it.text)) is not None]
        at, abort = known[0] if known else (run.fatal[0], None)
        if abort is not None and len(known) > 1 and b"SIG" in at.text:
            at, abort = next(((it, why) for it, why in known if b"SIG" not in it.text), known[0])
        when = "before the first iteration" if at.iteration is None else f"after iteration {at.iteration}"
        why = (
            f": {abort.meaning}"
            if abort is not None
            else f" with a check that datacheck does not know: {_check_text(at.text)}"
        )
        commands = {"scan": scan_command(run), "lint": lint_command(run), "": ""}
        step = commands[abort.next_step] if abort else ""
        evidence = [*(it for it in run.notices if it.line < at.line), *run.fatal]
        verdict: Verdict | None = "suspicious" if abort is not None and abort.by_someone else None
        return run_finding(
            run, "aborted", f"the run died {when}{why}", evidence, at=at, next_step=step, verdict=verdict
        )


def _check_text(text: bytes) -> str:
    return quoted(text.partition(b"] ")[2] or text)


@dataclass(frozen=True)
class NoIterations:
    """The run ended without a single iteration: max_iter is missing, or not beyond the snapshot it began from."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if run.done is None or run.ended != "done" or run.kind == "test" or run.rates or run.rated or len(points) > 1:
            return None
        if run.header.number("max_iter") == 0:
            return None  # nothing was asked for
        none_asked = bool(run.header.solver) and run.header.number("max_iter") is None
        if not (none_asked or run.snapshot_at_zero or (run.restored and points)):
            return None
        why = "max_iter is not set" if none_asked else "the snapshot is not before max_iter" if run.restored else ""
        message = f"the run ended without a single iteration{f': {why}' if why else ''}; nothing was learnt"
        return run_finding(
            run, "no-iterations", message, [run.restored, run.done], at=run.done, next_step=lint_command(run)
        )
