"""The options that a scan takes from Python, by name and type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from datacheck.model.settings import Pair
from datacheck.scanning.run import Progress
from datacheck.scanning.settings.payload_options import OfFamilies
from datacheck.workers.interface import MakeEngine

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator  # the parent starts without NumPy


class Options(TypedDict, total=False):
    """The options of `scan` beside its source; its docstring explains them."""

    backend: str | None
    decoder: OfFamilies | None
    array: OfFamilies | None
    checks: Sequence[str] | None
    skip: Sequence[str]
    range: Pair | Mapping[str | None, Pair] | str | None
    labels: int | Pair | str | None
    label_field: str | None
    shape: Sequence[int] | str | None
    allow_nan: Sequence[str]
    together: Iterable[Sequence[str]]
    convention: Sequence[str] | str
    paired: bool
    validators: Sequence[Validator]
    sample: int | str | None
    stats: bool
    batch_size: int | None
    workers: int | None
    engine: MakeEngine | None
    timeout: float
    max_time: float | str | None
    max_bad: int | str | None
    strict: bool
    strict_pictures: bool
    ignore: Sequence[str]
    known: str | Path | None
    like: str | Path | None
    like_tolerance: str | None
    if_changed: str | Path | None
    checksums: str | Path | None
    duplicates: bool
    reports: Sequence[str | Path]
    resume: str | Path | None
    progress: Progress | bool
