"""Open a store on a worker: take its layout, at risk first if that is quicker."""

from __future__ import annotations

from datacheck.backends.interface import Reader, TakingRisks
from datacheck.model.blocks import Layout
from datacheck.scanning.tasks import TakeLayout, Task, run_one
from datacheck.workers.interface import Death, Engine, Preparing


def take_layout(pool: Engine[Task], reader: Reader) -> Layout | Death:
    """Return the layout of a store, or how the task died that takes it.

    On this machine a worker is soon replaced, so one is risked where that saves the time for guarding it.
    """
    if isinstance(reader, TakingRisks) and isinstance(pool, Preparing):
        for _, result in pool.run([TakeLayout(at_risk=True)]):
            if isinstance(result, Layout):
                return result
    layout: Layout | Death = run_one(pool, TakeLayout())
    return layout
