"""Show similar records side by side on the page: each with the earlier one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from datacheck.comparing.comparison import store_names
from datacheck.comparing.store import Store
from datacheck.engines import start_engine
from datacheck.model.finding import Finding
from datacheck.reporting.report import Report
from datacheck.reporting.samples import PER_CODE, Look, Sample
from datacheck.scanning.samples import LOOKED_AT, TOGETHER, TakeSamples
from datacheck.scanning.tasks import Job, Task, run_all
from datacheck.workers.interface import Death

ALIKE = ("duplicate", "leak")


def show_pairs(stores: Sequence[Store]) -> None:
    """Have workers read the first similar records, for reports that are shown on a page."""
    names_of = store_names(stores)
    by_path = {name: at for at, name in enumerate(names_of)}
    looks: dict[tuple[int, str], Look] = {}
    chosen = [list(_chosen(it.report)) if it.report.shows_records else [] for it in stores]
    names: dict[int, list[str]] = {}
    for at, findings in enumerate(chosen):
        for it in findings:
            names.setdefault(at, []).append(it.name or "")
            names.setdefault(by_path.get(it.details.get("store", ""), at), []).append(it.details["first"])
    for at, wanted in names.items():
        looks |= {(at, name): look for name, look in _looks(stores[at], list(dict.fromkeys(wanted)))}
    for at, findings in enumerate(chosen):
        room = stores[at].report.room
        for it in findings:
            other = by_path.get(it.details.get("store", ""), at)
            where = it.details["first"] if other == at else f"{names_of[other]}: {it.details['first']}"
            pair = Sample(it, looks.get((at, it.name or "")), looks.get((other, it.details["first"])), where)
            size = sum(len(look.picture) for look in (pair.bad, pair.sound) if look is not None)
            if room.samples > 0 and room.bytes >= size:
                room.samples, room.bytes = room.samples - 1, room.bytes - size
                stores[at].report.samples.append(pair)


def _chosen(report: Report) -> Iterator[Finding]:
    """Yield the first findings of each code that are about similar records."""
    counts: Counter[str] = Counter()
    for it in islice(report.findings, LOOKED_AT):
        if it.code in ALIKE and counts[it.code] < PER_CODE:
            counts[it.code] += 1
            yield it


def _looks(store: Store, names: Sequence[str]) -> Iterator[tuple[str, Look]]:
    """Yield the looks of the records with these names; records that cannot be found any more are left out."""
    findings = [Finding(key=name, code=ALIKE[0], verdict="suspicious", message="") for name in names]
    groups = [findings[start : start + TOGETHER] for start in range(0, len(findings), TOGETHER)]
    tasks: list[Task] = [TakeSamples(tuple(it), store.report.profile, neighbours=False) for it in groups]
    settings = msgspec.structs.replace(store.report.settings, workers=1)
    with start_engine(Job(store.reader, settings), 1) as pool:
        for result in run_all(pool, tasks):
            for sample in () if isinstance(result, Death) else result:
                if sample is not None and sample.bad is not None:
                    yield sample.finding.key or "", sample.bad
