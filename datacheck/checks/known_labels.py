"""Check that labels are among the classes of another store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from datacheck.checks.validators import Label
from datacheck.model.batch import Batch
from datacheck.model.finding import Finding, found


@dataclass(frozen=True)
class KnownLabel(Label):
    """Every label of a field is one of the classes found in `report`."""

    name: str = field(default="", kw_only=True)
    classes: frozenset[float] = field(default=frozenset(), kw_only=True)
    report: str = field(default="", kw_only=True)

    def __call__(self, batch: Batch) -> Iterator[tuple[int, Finding]]:
        if not batch.label or not batch.called(self.name) or batch.values.dtype.kind == "S" or not batch.values.size:
            return
        values = batch.values.reshape(len(batch.rows), -1)
        wrong = np.isfinite(values) & ~np.isin(values, list(self.classes))
        rows = np.flatnonzero(wrong.any(axis=1))
        findings: dict[float, Finding] = {}
        for at, label in zip(rows.tolist(), values[rows, wrong[rows].argmax(axis=1)].tolist(), strict=True):
            if label not in findings:
                text = f"label {label:g}, which no record in {self.report} has"
                findings[label] = found("label", text, field=batch.field, label=f"{label:g}")
            yield at, findings[label]
