"""What a scan is asked to do: the settings, made and checked from what a caller says."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence

from datacheck.errors import UsageError
from datacheck.model.settings import CHECKS, LONGEST_TIMEOUT, TIMEOUT, Bounds, Pair, Settings


def make(
    *,
    checks: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    range: Pair | Mapping[str | None, Pair] | None = None,  # noqa: A002  (the option's name)
    labels: int | Pair | None = None,
    label_field: str | None = None,
    shape: Sequence[int] | None = None,
    allow_nan: Sequence[str] = (),
    together: Iterable[Sequence[str]] = (),
    convention: Sequence[str] | str = (),
    validators: Sequence[object] = (),
    sample: int | str | None = None,
    stats: bool = False,
    batch_size: int | None = None,
    backend: str | None = None,
    decoder: str | None = None,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    max_bad: int | str | None = None,
    strict: bool = False,
) -> Settings:
    """Return settings; see `datacheck.scan` for what each means. Raises UsageError for one that makes no sense."""
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise UsageError(f"the timeout is {timeout:g} seconds; it must be more than 0, and at most {LONGEST_TIMEOUT:g}")
    if workers is not None and workers < 1:
        raise UsageError(f"the number of workers is {workers}; it must be at least 1")
    if shape is not None and (not shape or min(shape) < 1):
        raise UsageError(f"the shape {list(shape)} must have sizes of at least 1")
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}; it must be at least 1")
    groups = tuple(tuple(group) for group in together)
    if any(len(group) < 2 for group in groups):
        raise UsageError("datasets that belong together are at least two, as in data,label")
    return Settings(
        checks=_checks(checks, skip),
        range=_ranges(range),
        labels=_labels(labels),
        label_field=label_field,
        shape=None if shape is None else tuple(shape),
        allow_nan=tuple(allow_nan),
        together=groups,
        conventions=_conventions(convention),
        validators=tuple(map(repr, validators)),
        sample=_amount("sample", sample, least=1),
        stats=stats,
        batch_size=batch_size,
        backend=backend,
        decoder=_decoder(decoder),
        workers=workers or cores(),
        timeout=timeout,
        max_bad=_amount("number of bad records tolerated", max_bad, least=0),
        strict=strict,
    )


def cores() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checks(checks: Sequence[str] | None, skip: Sequence[str]) -> tuple[str, ...]:
    for name in [*(checks or ()), *skip]:
        if name not in CHECKS:
            raise UsageError(f"no check is called {name!r}; there are {', '.join(CHECKS)}")
    return tuple(name for name in CHECKS if name in (checks or CHECKS) and name not in skip)


def _decoder(name: str | None) -> str | None:
    if name is None:
        return None
    from datacheck.decoders import DECODERS, is_decoder

    if not is_decoder(name):
        raise UsageError(f"no decoder is called {name!r}; there are {', '.join(DECODERS)}")
    return name


def _conventions(names: Sequence[str] | str) -> tuple[str, ...]:
    from datacheck.conventions import CONVENTIONS, NONE

    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in (*CONVENTIONS, NONE):
            raise UsageError(f"no convention is called {name!r}; there are {', '.join((*CONVENTIONS, NONE))}")
    if NONE in names and len(names) > 1:
        raise UsageError("the convention none goes with no other")
    return names


def _ranges(ranges: Pair | Mapping[str | None, Pair] | None) -> tuple[Bounds, ...] | None:
    if ranges is None:
        return None
    if not isinstance(ranges, Mapping):
        ranges = {None: ranges}
    return tuple(_bounds("range", *pair, field) for field, pair in ranges.items()) or None


def _labels(labels: int | Pair | None) -> Bounds | None:
    if labels is None:
        return None
    if isinstance(labels, int):
        if labels < 1:
            raise UsageError(f"the number of labels is {labels}; it must be at least 1")
        return Bounds(0, labels - 1)
    return _bounds("labels", *labels, None)


def _bounds(what: str, low: float | None, high: float | None, field: str | None) -> Bounds:
    if any(bound is not None and math.isnan(bound) for bound in (low, high)):
        raise UsageError(f"a bound of the {what} is NaN")
    if low is not None and high is not None and low > high:
        raise UsageError(f"the {what} {low:g}:{high:g} is empty: its lower bound is above its upper one")
    return Bounds(low, high, field)


def _amount(what: str, amount: int | str | None, least: int) -> str | None:
    """Check a number of records, or a percentage of them, and return it as text."""
    if amount is None:
        return None
    text = str(amount)
    if not re.fullmatch(r"[0-9]+|[0-9]+(\.[0-9]+)?%", text):
        raise UsageError(f"the {what} is {text!r}; it must be a number of records, or a percentage as in 5%")
    number = float(text.rstrip("%"))
    if number < least or (text.endswith("%") and number > 100):
        raise UsageError(f"the {what} is {text}; it must be at least {least} and at most 100%")
    return text
