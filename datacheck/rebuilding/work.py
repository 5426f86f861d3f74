"""The order for a rebuild, and the rebuild under way with its workers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from datacheck.backends.copy_plan import Copied, Plan
from datacheck.backends.interface import Copier, Reader
from datacheck.errors import RebuildFailed, UsageError
from datacheck.model.blocks import ignore
from datacheck.rebuilding.choice import Choice
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.tasks import Copy, ListCopyLosses, Task, Verify, from_outside, outcomes, run_one
from datacheck.workers.interface import Death, Engine, Step

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator

Progress = Callable[[str, int, int | None, int], None]
"""Called during a rebuild with the phase ("scan", "copy", "verify"), records done, all records or None, bad ones."""


@dataclass(frozen=True)
class Order:
    """What a rebuild is asked to do, apart from the settings of its scan.

    `to` is the kind of store to write. `renumber` says whether numbers in keys are closed up; with None, the store
    decides. `drop_rows` drops single rows from samples and keeps the samples. `validators` are the caller's own, which
    the scan runs.
    """

    source: Path
    target: Path
    choice: Choice
    dry_run: bool = False
    from_report: Path | None = None
    quarantine: Path | None = None
    to: str | None = None
    force: bool = False
    accept_losses: bool = False
    renumber: bool | None = None
    drop_rows: bool = False
    validators: tuple[Validator, ...] = ()

    @property
    def own_codes(self) -> frozenset[str]:
        """The codes that the caller's own validators declare."""
        return frozenset(code for it in self.validators for code in _declared_codes(it))

    @property
    def inputs(self) -> list[Path]:
        """The paths it reads."""
        return [self.source, *([] if self.from_report is None else [self.from_report])]

    @property
    def writes(self) -> dict[str, Path]:
        """The paths it writes, by role: the target, and the quarantine if there is one."""
        return {"target": self.target, **({} if self.quarantine is None else {"quarantine": self.quarantine})}


def _declared_codes(validator: Validator) -> Iterator[str]:
    """Yield the codes that a validator declares."""
    declared: object = getattr(validator, "codes", ())
    if isinstance(declared, str):
        yield declared
    elif isinstance(declared, Iterable):
        yield from (it for it in declared if isinstance(it, str))


@dataclass(frozen=True)
class Work:
    """A rebuild under way: its order, and the workers that copy and compare.

    `publishing` is called when the copy is about to get its name; what is left to do then takes no time. The workers of
    `writer` write, on this machine; those of `pool` may be elsewhere. A copy of a `damaged` source cannot keep
    everything: its losses are named but do not stop the rebuild.
    """

    order: Order
    reader: Reader
    copier: Copier
    pool: Engine[Task]
    writer: Engine[Task]
    progress: Progress
    publishing: Callable[[], None] = ignore
    damaged: bool = False

    def done(
        self, pool: Engine[Task], tasks: Sequence[Task], phase: str, total: int, anew: Callable[[], None] = ignore
    ) -> list[Any]:
        """Run tasks and report their steps; return their results. Raises RebuildFailed if one fails.

        If a worker was killed from outside, its task is run again, at most TRIES times in all, after a call of `anew`.
        """
        target = str(self.order.target)
        steps = {id(task): 0 for task in tasks}
        results: dict[int, Any] = {}
        try:
            for task, result in outcomes(pool, tasks, anew):
                if isinstance(result, Step):
                    steps[id(task)] = result.value
                    self.progress(phase, sum(steps.values()), total, 0)
                elif isinstance(result, Death):
                    refuse_dead(target, phase, result)
                else:
                    results[id(task)] = result
        except RebuildFailed as exc:
            raise RebuildFailed(target, exc.reason) from exc  # a copier knows the target by its name in the workplace
        except OSError as exc:
            reason = f"could not be written: {exc.strerror or exc}; nothing was left behind"
            raise RebuildFailed(target, reason) from exc
        return [results[id(task)] for task in tasks]

    def copied(self, plan: Plan, records: int) -> Copied:
        """Write the copy; return its counts and its digest.

        If its worker is killed from outside, what it has written is removed, and the copy starts anew.
        """

        def anew() -> None:
            for begun in (it for it in (plan.target, plan.quarantine) if it is not None):
                if begun.is_dir() and not begun.is_symlink():
                    shutil.rmtree(begun)
                else:
                    begun.unlink(missing_ok=True)

        (copied,) = self.done(self.writer, [Copy(self.copier, plan)], "copy", records, anew)
        assert isinstance(copied, Copied)
        return copied

    def verified(self, plan: Plan, records: int) -> tuple[int, str]:
        """Read the copy again, with as many workers as possible; return its number of records and its digest."""
        shares = self.pool.count if self.copier.joined([]) is not None else 1
        tasks = [Verify(self.copier, plan, share, shares) for share in range(shares)]
        results = self.done(self.pool, tasks, "verify", records)
        digests = [digest for _, digest in results]
        return sum(count for count, _ in results), self.copier.joined(digests) or digests[0]

    def objections(self, *, changed: bool = True) -> list[str]:
        """Return what a copy could not keep, if that was accepted; raise UsageError if it was not.

        If the source kills the worker that looks at it, return nothing: the scan reports that. Raises RebuildFailed if
        the worker ended for another reason.
        """
        losses = run_one(self.pool, ListCopyLosses(self.copier, changed))
        if isinstance(losses, Death) and (losses.trace or losses.timed_out or from_outside(losses)):
            refuse_dead(str(self.order.target), "looking at what a copy would lose", losses)
        if not isinstance(losses, list) or not losses:
            return []
        may_go_on = self.copier.acceptable
        if may_go_on and (self.order.accept_losses or self.damaged or not changed):
            return losses
        hint = "; --accept-losses writes it anyway" if may_go_on else ""
        raise UsageError(f"{self.order.source}: a copy cannot keep everything: {'; '.join(losses)}{hint}")


def refuse_dead(target: str, phase: str, death: Death) -> NoReturn:
    raise RebuildFailed(target, f"{phase}: {finding_of_death(death, 'reading or writing', of_record=False).message}")
