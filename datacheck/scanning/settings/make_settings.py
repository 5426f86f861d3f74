"""Make and check the settings of a scan from the options that a caller gives."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datacheck.decoders.pictures import eyes
from datacheck.engines import name_of
from datacheck.errors import UsageError
from datacheck.model.codes import CODES
from datacheck.model.finding import is_code
from datacheck.model.nearest import suggestion
from datacheck.model.settings import CHECKS, LONGEST_TIMEOUT, TIMEOUT, Bounds, FamilyDecoder, Pair, Settings
from datacheck.scanning.sampling import part_of
from datacheck.scanning.settings import payload_options, spelling
from datacheck.workers.interface import Elastic, MakeEngine


def make(
    *,
    checks: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    range: Pair | Mapping[str | None, Pair] | str | None = None,  # noqa: A002  (the option's name)
    labels: int | Pair | str | None = None,
    label_field: str | None = None,
    shape: Sequence[int] | str | None = None,
    allow_nan: Sequence[str] = (),
    together: Iterable[Sequence[str]] = (),
    convention: Sequence[str] | str = (),
    paired: bool = False,
    validators: Sequence[object] = (),
    sample: int | str | None = None,
    stats: bool = False,
    batch_size: int | None = None,
    backend: str | None = None,
    decoder: payload_options.OfFamilies | None = None,
    array: payload_options.OfFamilies | None = None,
    workers: int | None = None,
    engine: MakeEngine | None = None,
    timeout: float = TIMEOUT,
    max_time: float | str | None = None,
    max_bad: int | str | None = None,
    strict: bool = False,
    strict_pictures: bool = False,
    ignore: Sequence[str] = (),
    like: str | os.PathLike[str] | None = None,
    like_tolerance: str | None = None,
    checksums: str | os.PathLike[str] | None = None,
    duplicates: bool = False,
    **unknown: Any,
) -> Settings:
    """Return the settings; `datacheck.scan` describes each option. Raises UsageError for one that makes no sense."""
    _refuse(unknown)
    return Settings(
        checks=_checks(checks, skip),
        range=None if range is None else _ranges(spelling.ranges(range)),
        labels=None if labels is None else _labels(spelling.labels(labels)),
        label_field=None if label_field is None else spelling.field("label_field", label_field),
        shape=None if shape is None else _shape(spelling.sizes(shape)),
        allow_nan=spelling.fields("allow_nan", allow_nan),
        together=_together(together),
        conventions=_conventions(spelling.names("convention", convention)),
        validators=tuple(map(repr, spelling.validators_of(validators))),
        sample=_sample(sample),
        batch_size=None if batch_size is None else _at_least_one("the batch size", batch_size),
        backend=None if backend is None else spelling.text("backend", backend),
        **_payloads(decoder, array),
        **_truths(paired=paired, stats=stats, strict=strict, duplicates=duplicates),
        workers=_workers(workers, engine),
        engine=name_of(engine),
        timeout=_timeout(timeout),
        max_time=None if max_time is None else duration("the maximum time", max_time),
        max_bad=_amount("number of bad records tolerated", max_bad, least=0),
        strict_pictures=_strict_pictures(strict_pictures),
        checksums=_path("checksums", checksums),
        ignore=_ignored(spelling.names("ignore", ignore), own=bool(validators)),
        like=_path("like", like),
        like_tolerance=_tolerance(like_tolerance, like),
    )


def _payloads(decoder: payload_options.OfFamilies | None, array: payload_options.OfFamilies | None) -> dict[str, Any]:
    """Return the settings that determine how values are decoded."""
    decoders, arrays = payload_options.decoders(decoder), payload_options.arrays(array)
    payload_options.agree(decoders, arrays)
    of_all = decoders.pop(None, None)
    of_families = tuple(FamilyDecoder(family, name) for family, name in decoders.items() if family is not None)
    return {"decoder": of_all, "decoders": of_families, "array": arrays}


def _truths(**given: Any) -> dict[str, Any]:
    return {name: spelling.boolean(name, value) for name, value in given.items()}


def _path(name: str, path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else str(spelling.path(name, path))


def _together(together: Any) -> tuple[tuple[str, ...], ...]:
    groups = spelling.groups(together)
    if any(len(group) < 2 for group in groups):
        raise UsageError("datasets that belong together are at least two, as in data,label")
    return groups


def _tolerance(text: str | None, like: object) -> str | None:
    """Check the percentage by which ranges are widened, and return it."""
    if text is None:
        return None
    if like is None:
        raise UsageError("the tolerance widens the ranges of an earlier report; name that with --like")
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]+(\.[0-9]+)?%", text):
        raise UsageError(f"the tolerance is {spelling.quoted(text)}; it must be a percentage, as in 5%")
    return text


def _workers(workers: int | None, engine: MakeEngine | None) -> int:
    """Return the number of tasks to run at a time; 0 stands for as many as the engine has room for."""
    if workers is not None:
        return _at_least_one("the number of workers", workers)
    return 0 if isinstance(engine, Elastic) else cores()


def _refuse(unknown: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that does not exist."""
    for name in unknown:
        known = [it for it in (make.__kwdefaults__ or {}) if it not in unknown]
        raise UsageError(f"no option is called {name!r}; {suggestion(name, known)}")


def cores() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _at_least_one(what: str, value: Any) -> int:
    number = spelling.integer(what, value)
    if number < 1:
        raise UsageError(f"{what} is {number}; it must be at least 1")
    return number


def _strict_pictures(value: Any) -> bool:
    wanted = spelling.boolean("strict_pictures", value)
    if wanted and not eyes.installed():
        raise UsageError(f"strict pictures need {eyes.NEEDED}")
    return wanted


def _timeout(value: Any) -> float:
    timeout = spelling.number("the timeout", value)
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise UsageError(f"the timeout is {timeout:g} seconds; it must be more than 0, and at most {LONGEST_TIMEOUT:g}")
    return timeout


_DURATION = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s?)?")


def duration(what: str, value: Any) -> float:
    """Return the seconds of a time given as "30m", "1h30m" or "90s", or as a number of seconds.

    >>> duration("time", "1h30m"), duration("time", "90"), duration("time", 2)
    (5400.0, 90.0, 2.0)
    """
    if not isinstance(value, str):
        seconds = spelling.number(what, value)
    else:
        match = _DURATION.fullmatch(value.strip())
        try:
            parts = [float(it or 0) for it in match.groups()] if match and any(match.groups()) else []
        except ValueError:
            parts = []
        if not parts:
            raise UsageError(f"{what} is {value!r}; it must be a time as in 30m, 1h30m or 90s")
        seconds = parts[0] * 3600 + parts[1] * 60 + parts[2]
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise UsageError(f"{what} is {seconds:g} seconds; it must be more than 0, and at most {LONGEST_TIMEOUT:g}")
    return seconds


def _shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    if not shape or min(shape) < 1:
        raise UsageError(f"the shape {list(shape)} must have sizes of at least 1")
    return shape


def _checks(checks: Any, skip: Any) -> tuple[str, ...]:
    wanted = () if checks is None else spelling.names("checks", checks)
    left = spelling.names("skip", skip)
    for name in [*wanted, *left]:
        if name not in CHECKS:
            other = ", which is a code; 'ignore' takes codes" if name in CODES else ""
            raise UsageError(f"no check is called {name!r}{other}; {suggestion(name, CHECKS)}")
    return tuple(name for name in CHECKS if name in (wanted or CHECKS) and name not in left)


def _ignored(rules: tuple[str, ...], *, own: bool) -> tuple[str, ...]:
    """Check the codes to ignore: known codes, or any code if the caller has validators of its `own`."""
    for rule in rules:
        code, colon, family = rule.partition(":")
        if code not in CODES and not (own and is_code(code)):
            other = ", which is a check; 'skip' takes checks" if code in CHECKS else ""
            raise UsageError(f"no code is called {code!r}{other}; {suggestion(code, CODES)}")
        if colon and not family:
            raise UsageError(f"{rule!r} names no family after the colon; it is CODE or CODE:FAMILY")
    return tuple(dict.fromkeys(rules))


def _conventions(names: tuple[str, ...]) -> tuple[str, ...]:
    from datacheck.conventions import CONVENTIONS, NONE

    for name in names:
        if name not in (*CONVENTIONS, NONE):
            raise UsageError(f"no convention is called {name!r}; {suggestion(name, (*CONVENTIONS, NONE))}")
    if NONE in names and len(names) > 1:
        raise UsageError("the convention none cannot be combined with others")
    return names


def _ranges(ranges: Mapping[str | None, Pair]) -> tuple[Bounds, ...] | None:
    return tuple(_bounds("range", *pair, field) for field, pair in ranges.items()) or None


def _labels(labels: int | Pair) -> Bounds:
    if isinstance(labels, int):
        if labels < 1:
            raise UsageError(f"the number of labels is {labels}; it must be at least 1")
        return Bounds(0, labels - 1)
    low, high = (None if end is not None and math.isinf(end) else end for end in labels)
    if labels[0] == math.inf or labels[1] == -math.inf:
        raise UsageError("a bound of the labels is infinite or NaN")
    return _bounds("labels", low, high, None)


def _bounds(what: str, low: float | None, high: float | None, field: str | None) -> Bounds:
    if any(bound is not None and math.isnan(bound) for bound in (low, high)):
        raise UsageError(f"a bound of the {what} is NaN")
    if low is not None and high is not None and low > high:
        raise UsageError(f"the {what} {low:g}:{high:g} is empty: its lower bound is above its upper one")
    return Bounds(low, high, field)


def _sample(sample: Any) -> str | None:
    """Check and return a number of records, a percentage of them, or one of several parts."""
    if not isinstance(sample, str) or "/" not in sample:
        return _amount("sample", sample, least=1)
    try:
        part = part_of(sample)
    except ValueError:
        part = None
    if part is None:
        raise UsageError(f"the sample is {sample!r}; a part is 1/N:K, the Kth of N, as in 1/7:3")
    return sample


def _amount(what: str, amount: Any, least: int) -> str | None:
    """Check a number of records or a percentage of them, and return it as text."""
    if amount is None:
        return None
    text = amount if isinstance(amount, str) else str(spelling.integer(f"the {what}", amount))
    if not re.fullmatch(r"[0-9]+|[0-9]+(\.[0-9]+)?%", text):
        raise UsageError(f"the {what} is {text!r}; it must be a number of records, or a percentage as in 5%")
    number = float(text.rstrip("%"))
    if number < least or (text.endswith("%") and number > 100):
        raise UsageError(f"the {what} is {text}; it must be at least {least} and at most 100%")
    return text
