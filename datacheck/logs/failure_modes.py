"""The known failure modes of a training, and `diagnose`, which returns a finding for each one that a run shows.

Formulas and limits are those of BVLC Caffe: sgd_solver.cpp for learning rates, softmax_loss_layer.cpp for saturation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median
from typing import Protocol

from datacheck.logs.chance_level import chance
from datacheck.logs.endings import Aborted, NoIterations
from datacheck.logs.events import OUTPUT, BadValue, number
from datacheck.logs.evidence import (
    is_explained,
    lint_command,
    not_finite_word,
    quoted,
    records_clause,
    run_finding,
    scan_command,
)
from datacheck.logs.growth import Growth, growth
from datacheck.logs.header import TEST, TRAIN
from datacheck.logs.losses_of_tests import TestLoss
from datacheck.logs.run import BadPass, Evidence, Point, Run
from datacheck.logs.saturation import WORST_LOSS, saturation
from datacheck.logs.standstill import Jumped, NoLoss, WorseThanChance
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding

OFTEN = 0.95
"""Minimum share of clipped steps for gradients to count as clipped at every step."""
FEWEST_CLIPS = 20
INPUTS = frozenset(("Data", "HDF5Data", "ImageData", "Input", "MemoryData", "DummyData", "WindowData", "Python"))
HINTS = {
    "Pooling": "a stride that leaves windows empty divides by zero",
    "BatchNorm": "it divides by the square root of variance + eps",
    "MVN": "it divides by the standard deviation + eps",
    "LRN": "it raises to a power",
    "Log": "it takes the logarithm of its input",
    "Power": "it raises its input to a power",
    "Exp": "its exponential may overflow",
    "InfogainLoss": "its matrix may hold values that are not finite",
    "Scale": "it multiplies with learnt factors",
}
"""How a layer can make NaN or infinity of finite numbers, by its type."""


class FailureMode(Protocol):
    """A known failure mode: returns its finding, or None if the run does not show it, given the findings before it."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None: ...


@dataclass(frozen=True)
class LearningRate:
    """The learning rate is NaN, infinite, negative or zero."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        known = [run.first[kind] for kind in ("nan", "negative", "zero") if kind in run.first]
        if not known:
            return None
        at = min(known, key=lambda it: it.line)
        if at.value == 0:
            first = bool(points) and points[0].iteration == at.iteration
            clause = "is 0: nothing is learnt" if first else "has come down to 0: nothing more is learnt"
            verdict: Verdict = "bad" if first else "suspicious"
        elif math.isfinite(at.value):
            clause, verdict = f"is negative ({at.value:g}): every step makes the loss worse", "bad"
        else:
            word = not_finite_word(at.value)
            clause, verdict = f"is {word}, so the first update makes every weight NaN or infinite", "bad"
        message = f"the learning rate {clause}{_policy_clause(run, at)}"
        after = next((it.evidence for it in points if it.line > at.line), None)
        return run_finding(
            run, "learning-rate", message, [at, after], at=at, next_step=lint_command(run), verdict=verdict
        )


def _policy_clause(run: Run, at: Evidence) -> str:
    """Return a clause on the solver's field that makes a learning rate bad, or "" if the head of the run has none."""
    solver = run.header.solver
    policy, last = solver.get("lr_policy"), run.header.number("max_iter")
    base = run.header.number("base_lr")
    if not solver:
        return ""
    if base is None:
        return "; base_lr is not set, which reads as 0"
    if not math.isfinite(base) or base <= 0:
        return f"; base_lr is {base:g}"
    if policy == "poly" and at.iteration is not None and (not last or at.iteration >= last):
        return f'; lr_policy "poly" with max_iter {last:g} is past its end' if last else '; "poly" without max_iter'
    missing = {"step": "gamma", "exp": "gamma", "multistep": "gamma"}.get(policy or "")
    if missing and missing not in solver:
        return f'; lr_policy "{policy}" without {missing}'
    return f'; lr_policy is "{policy}"' if policy else ""


@dataclass(frozen=True)
class Saturated:
    """The softmax loss stands at multiples of 87.3365 per share of the batch: its probabilities are 0 or 1."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        found = saturation(run, points)
        if found is None:
            return None
        first, last, worst = found.points[0], found.points[-1], max(found.points, key=lambda it: it.loss)
        shares = f"{100 * found.share(first):.3g} % of the batch at first, at most {100 * found.share(worst):.3g} %"
        unit = f"{WORST_LOSS}" if found.batch == 1 else f"{WORST_LOSS} / {found.batch} (records in a batch)"
        message = (
            f"the loss is a multiple of {unit}: the softmax is saturated, with the label's probability 0 for {shares}; "
            "the network has diverged"
        )
        return run_finding(
            run,
            "saturated",
            message,
            [first.evidence, worst.evidence, last.evidence],
            next_step=lint_command(run),
            batch=found.batch,
            first_share=round(found.share(first), 4),
            worst_share=round(found.share(worst), 4),
        )


@dataclass(frozen=True)
class Exploding:
    """The loss, or the norm of the gradients, grows from step to step until it is infinite or NaN, or to the end."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if run.kind == "test" or is_explained(found_before):
            return None
        bad = run.series.bad
        before = list(takewhile(lambda it: it is not bad, points))
        losses = [(it, it.evidence) for it in before if math.isfinite(it.loss)]
        # while it is finite, a loss that may be negative, such as that of a density, has no scale for its growth
        span = None
        if bad is not None or all(it.value > 0 for _, it in losses):
            span = growth([abs(it.value) for _, it in losses], ended=bad is not None)
        if span is not None:
            return self._finding(run, "loss", losses, span, bad)
        norms = [(it, it.gradient) for it in before if it.gradient is not None]
        finite = [(it, norm) for it, norm in norms if math.isfinite(norm.value)]
        span = growth([norm.value for _, norm in finite], ended=bad is not None or run.bad_norm is not None)
        if span is None or not (bad or run.bad_norm):
            return None
        return self._finding(run, "norm of the gradients", finite, span, bad)

    def _finding(
        self, run: Run, quantity: str, pairs: Sequence[tuple[Point, Evidence]], span: Growth, bad: Point | None
    ) -> Finding:
        start, stop = pairs[span.start][1], pairs[span.stop][1]
        at = pairs[span.start + 1][1]
        steps = (stop.iteration or 0) - (start.iteration or 0)
        factor = (abs(stop.value) / max(abs(start.value), 1e-30)) ** (1 / max(steps, 1))
        end = None if bad is None else bad.evidence
        after = f"; it is {not_finite_word(end.value)} at iteration {end.iteration}" if end else ""
        per_step = f", {factor:.3g}-fold each" if factor >= 1.005 else f", {100 * (factor - 1):.2g} % each"
        rate = next((it.rate.lr for it, _ in reversed(pairs[: span.start + 2]) if it.rate is not None), None)
        cause = f"; learning rate {rate:g} is too high, or the input is not scaled" if rate is not None else ""
        message = (
            f"the {quantity} grew from {start.value:g} at iteration {start.iteration} to {stop.value:g} at iteration "
            f"{stop.iteration}: {steps:,} steps{per_step if start.value else ''}{after}{cause}"
        )
        return run_finding(
            run,
            "exploding",
            message,
            [start, at, stop, end, run.bad_norm],
            at=at,
            next_step=lint_command(run),
            steps=steps,
            first=start.value,
            last=stop.value,
        )


@dataclass(frozen=True)
class LayerNan:
    """One layer is the first with NaN or infinity, as debug_info shows: a forward blob, a parameter or a gradient."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if not run.bad_passes or is_explained(found_before):
            return None
        phase, bad = min(run.bad_passes.items(), key=lambda it: it[1].values[0].line)
        value = bad.values[0]
        same_layer = [it for it in bad.values if it.layer == value.layer and it.step == value.step]
        param = next((it for it in same_layer if it.what.startswith("param")), None)
        culprit = param if param is not None and value.step == "Forward" else value
        kind = run.header.type_of(value.layer, phase)
        is_input = culprit.what == "top blob" and (kind in INPUTS if kind else bad.first)
        at = Evidence(value.line, value.text, bad.iteration, value.value)
        before = None if value.before is None or b"ward] Layer" not in value.before else value.before
        message = (
            f"{self._place_clause(phase, bad)}, {culprit.what} {culprit.name} of layer {culprit.layer}"
            f"{f' ({kind})' if kind else ''} is {not_finite_word(culprit.value)}: "
            f"{self._reason(culprit, kind, self._records_clause(run, phase, bad) if is_input else None)}"
            f"{self._training_clause(run, phase)}"
        )
        evidence = [
            at,
            Evidence(culprit.line, culprit.text),
            Evidence(value.line - 1, before) if before and not is_input else None,
        ]
        command = scan_command(run, phase) if is_input else lint_command(run)
        return run_finding(
            run,
            "layer-nan",
            message,
            evidence,
            at=at,
            next_step=command,
            phase=phase,
            step=culprit.step,
            layer=culprit.layer,
            what=culprit.what,
            blob=culprit.name,
        )

    def _place_clause(self, phase: str, bad: BadPass) -> str:
        when = f"at iteration {bad.iteration}" if bad.iteration is not None else "before any iteration is shown"
        return f"testing {when}, batch {bad.nth - 1}" if phase == TEST else when

    def _reason(self, culprit: BadValue, kind: str, data_clause: str | None) -> str:
        """Return why a value is bad; `data_clause` is a clause on the records if they brought it in, else None."""
        what, step = culprit.what, culprit.step
        if data_clause is not None:
            return f"the data itself brings it in{data_clause}"
        if what.startswith("param") and step == "Forward":
            return "the layer's weights were so before this pass, from the update before it or from the start"
        hint = f" ({HINTS[kind]})" if kind in HINTS else ""
        if step == "Backward":
            return f"it is the first of the backward pass, and the forward pass was finite{hint}"
        return f"everything before it in the pass was finite, so this layer makes it{hint}"

    def _records_clause(self, run: Run, phase: str, bad: BadPass) -> str:
        """Return a clause on the records of the pass, or "" if the log does not say which they are.

        In testing it says so for the first test only, since each test goes on where the last one ended.
        """
        if phase == TEST:
            return records_clause(run, TEST, bad.nth - 1, bad.nth - 1) if bad.iteration == run.first_test else ""
        return "" if bad.iteration is None else records_clause(run, TRAIN, bad.iteration, bad.iteration)

    def _training_clause(self, run: Run, phase: str) -> str:
        other = run.bad_passes.get(TRAIN) if phase == TEST else None
        return (
            ""
            if other is None or other.iteration is None
            else f"; the training meets it at iteration {other.iteration}"
        )


def bad_losses_clause(bad: Point) -> str:
    """Return a clause that says which of several losses are not finite, or ""."""
    values = [(match[2], number(match[3])) for it in bad.outputs if (match := OUTPUT.search(it.text)) and match[4]]
    bad_names = [quoted(name) for name, value in values if not math.isfinite(value)]
    if not bad_names or len(values) < 2:
        return ""
    finite_names = [quoted(name) for name, value in values if math.isfinite(value)]
    return f"; of the losses, {', '.join(bad_names)} is not finite" + (
        f", and {', '.join(finite_names)} is" if finite_names else ""
    )


@dataclass(frozen=True)
class SuddenNan:
    """The loss is NaN or infinite from one iteration to the next, without having grown: a bad input or a bad loss."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if is_explained(found_before):
            return None
        bad = run.series.bad
        if bad is None:
            return self._test_finding(run)
        unit = "batch" if run.kind == "test" else "iteration"
        before = [it for it in points if it.nth < bad.nth]
        if not before:
            message = (
                f"the loss is {not_finite_word(bad.loss)} at {unit} {bad.iteration}, the first that is shown: the "
                "input, the initial weights or a layer made it, not the training"
            )
            return run_finding(run, "sudden-nan", message, [bad.evidence], next_step=scan_command(run))
        last = before[-1]
        if bad.iteration - last.iteration > 1 and run.kind != "test":
            return self._gap_finding(run, last, bad)
        fall = f"after {before[0].loss:g} at {unit} {before[0].iteration} and {last.loss:g} at {unit} {last.iteration}"
        message = (
            f"the loss is {not_finite_word(bad.loss)} at {unit} {bad.iteration}, {fall}, without growing first: a bad "
            f"record, or a loss that leaves the real numbers{bad_losses_clause(bad)}"
            f"{self._records_clause(run, last, bad)}"
        )
        return run_finding(
            run, "sudden-nan", message, [last.evidence, bad.evidence], at=bad.evidence, next_step=scan_command(run)
        )

    def _gap_finding(self, run: Run, last: Point, bad: Point) -> Finding:
        """Name both causes if the loss may have grown between two displays: the log does not say which it was."""
        message = (
            f"the loss is {not_finite_word(bad.loss)} at iteration {bad.iteration}, after {last.loss:g} at iteration "
            f"{last.iteration}, and the log shows none of the iterations in between: either the training exploded or "
            "a bad record came up; run it again with display: 1, then with a lower learning rate; the records are to "
            f"blame only if the scan finds some{bad_losses_clause(bad)}{self._records_clause(run, last, bad)}"
        )
        return run_finding(
            run, "sudden-nan", message, [last.evidence, bad.evidence], at=bad.evidence, next_step=scan_command(run)
        )

    def _test_finding(self, run: Run) -> Finding | None:
        at = run.first.get("test")
        if at is None:
            return None
        when = f"at iteration {at.iteration}"
        message = f"a loss of the test network is {not_finite_word(at.value)} {when}, while that of training is not"
        return run_finding(run, "sudden-nan", message, [at], next_step=scan_command(run, TEST))

    def _records_clause(self, run: Run, last: Point, bad: Point) -> str:
        """Return a clause on the records that may be to blame.

        In training they include those of the last sound iteration, after which the update may have made weights NaN.
        """
        if run.kind == "test":
            return records_clause(run, TEST, last.iteration + 1, bad.iteration)
        return records_clause(run, TRAIN, last.iteration, bad.iteration)


@dataclass(frozen=True)
class DeadNetwork:
    """The loss stands still at ln(classes): the output of the network is the same for all records."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if any(it.code in ("saturated", "exploding", "sudden-nan") for it in found_before):
            return None
        found = chance(run, points)
        if found is None:
            return None
        first, last = found.points[0], found.points[-1]
        stands = f"at {first.loss:g}" if found.frozen else f"near {median(it.loss for it in found.points):.4g}"
        why = "and does not change"
        if found.classes:
            why = f"ln({found.classes}) = {math.log(found.classes):.4f}: {found.classes} classes, no better than chance"
        message = f"the loss stays {stands} from iteration {first.iteration} to {last.iteration}, {why}"
        if found.jump is not None:
            rate = "" if found.jump.rate is None else f" (learning rate {found.jump.rate.lr:g})"
            jumped = f"the loss jumped to {found.jump.loss:g} at iteration {found.jump.iteration}{rate}"
            message = f"training diverged: {jumped}; since then, {message}"
        at = (found.jump or first).evidence
        return run_finding(
            run,
            "dead-network",
            message,
            [at, first.evidence, last.evidence],
            at=at,
            next_step=scan_command(run) if found.jump is None else lint_command(run),
            verdict="suspicious" if found.from_the_start else None,
            classes=found.classes,
        )


@dataclass(frozen=True)
class ClippedAlways:
    """Gradients are clipped at every step: the limit, not the learning rate, decides how far a step goes."""

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        if run.clipping is None or run.clips < FEWEST_CLIPS or len(points) < 2 or is_explained(found_before):
            return None
        steps = points[-1].iteration - points[0].iteration
        if run.clips < OFTEN * steps:
            return None
        norms = [it.clipping.norm for it in points if it.clipping is not None and math.isfinite(it.clipping.norm)]
        limit = next(it.clipping.limit for it in points if it.clipping is not None)
        norms_clause = f", by the median from an L2 norm of {median(norms):g} to {limit:g}" if norms else ""
        message = (
            f"gradients were clipped in {min(run.clips, steps):,} of {steps:,} steps{norms_clause}: clip_gradients, "
            "not the learning rate, decides how far a step goes"
        )
        return run_finding(run, "clipping", message, run.clipping, clips=run.clips, steps=steps)


@dataclass(frozen=True)
class Either:
    """Several failure modes with one code; the first one that the log shows counts."""

    modes: tuple[FailureMode, ...]

    def __call__(self, run: Run, points: Sequence[Point], found_before: Sequence[Finding]) -> Finding | None:
        findings = (mode(run, points, found_before) for mode in self.modes)
        return next((finding for finding in findings if finding is not None), None)


FAILURE_MODES: dict[str, FailureMode] = {
    "aborted": Aborted(),
    "no-iterations": NoIterations(),
    "learning-rate": LearningRate(),
    "saturated": Saturated(),
    "exploding": Either((Exploding(), Jumped(), WorseThanChance())),
    "layer-nan": LayerNan(),
    "sudden-nan": SuddenNan(),
    "dead-network": Either((NoLoss(), DeadNetwork())),
    "clipping": ClippedAlways(),
    "test-loss": TestLoss(),
}
"""The failure modes by code, in the order in which they are tried: those that explain NaN before the rest."""


def diagnose(run: Run, points: Sequence[Point]) -> list[Finding]:
    """Return the findings on a run, in the order of their lines; none for a healthy run."""
    findings: list[Finding] = []
    for mode in FAILURE_MODES.values():
        finding = mode(run, points, findings)
        if finding is not None:
            findings.append(finding)
    return sorted(findings, key=lambda it: int(it.details["line"]))
