"""Check that datasets that are one record each have the scalar that nearly all others have: `label_7` of `image_7`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import DIGITS
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

FEWEST, NEARLY_ALL = 8, 0.9
"""Minimum number of datasets, and minimum share of them with a scalar, for all of them to be expected to have one."""
FEW = 0.02
"""Maximum share of the datasets without their scalar for this to be a fault; a single one always is."""
Number = tuple[bytes, ...]


def with_partners(datasets: Sequence[Dataset], siblings: Sequence[Dataset]) -> list[Dataset]:
    """Return datasets that are one record each, with a finding for those that lack the scalar that nearly all have."""
    result = list(datasets)
    own = [_number(it) for it in datasets]
    for name, scalars in _scalars(own, siblings).items():
        lacking = [at for at, number in enumerate(own) if number not in scalars]
        verdict: Verdict | None = None if len(lacking) <= max(1, FEW * len(own)) else "suspicious"
        for at in lacking:
            lost = escape(result[at].path.rpartition(b"/")[0] + b"/" + name.replace(b"#", b"".join(own[at])))
            text = f"{lost} is not there, which the others like it have"
            finding = found("unpaired", text, verdict=verdict, missing=[lost])
            result[at] = replace(result[at], spoiled=(*result[at].spoiled, finding))
    return result


def without_record(datasets: Sequence[Dataset], siblings: Sequence[Dataset]) -> Iterator[Finding]:
    """Yield a finding for each of a few scalars that are those of no dataset, while nearly all others are."""
    own = [_number(it) for it in datasets]
    for scalars in _scalars(own, siblings).values():
        lonely = sorted(scalars.keys() - set(own))
        for number in lonely if len(lonely) <= max(1, FEW * len(own)) else ():
            path = escape(scalars[number])
            text = f"{path} belongs to no dataset like {escape(datasets[0].path)}, as the others like it do"
            yield found("unpaired", text, verdict="suspicious", scalar=path, missing=[])


def _scalars(own: Sequence[Number], siblings: Iterable[Dataset]) -> Mapping[bytes, Mapping[Number, bytes]]:
    """Return the paths of the scalars that nearly all datasets have, by their names and numbers."""
    alike: dict[bytes, dict[Number, bytes]] = defaultdict(dict)
    for it in siblings if len(own) >= FEWEST else ():
        number = _number(it)
        if not it.shape and len(number) == 1:
            alike[DIGITS.sub(b"#", it.name)][number] = it.path
    return {name: scalars for name, scalars in alike.items() if len(scalars.keys() & set(own)) >= NEARLY_ALL * len(own)}


def _number(dataset: Dataset) -> Number:
    return tuple(DIGITS.findall(dataset.name))
