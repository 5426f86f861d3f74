"""Check that datasets that are one record each have the scalar that nearly all others have: `label_7` of `image_7`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import DIGITS
from datacheck.model.escaping import escape
from datacheck.model.finding import found
from datacheck.model.replacing import replace

FEWEST, NEARLY_ALL = 8, 0.9
"""Minimum number of datasets, and minimum share of them that have a scalar, for all to be expected to have one."""


def with_partners(its: Sequence[Dataset], siblings: Sequence[Dataset]) -> list[Dataset]:
    """Return datasets that are one record each, with a finding for those that lack the scalar that nearly all have."""
    made = list(its)
    if len(its) < FEWEST:
        return made
    alike: dict[bytes, set[tuple[bytes, ...]]] = defaultdict(set)
    for it in siblings:
        numbers = tuple(DIGITS.findall(it.name))
        if not it.shape and len(numbers) == 1:
            alike[DIGITS.sub(b"#", it.name)].add(numbers)
    own = [tuple(DIGITS.findall(it.name)) for it in its]
    for name, there in alike.items():
        if len(there.intersection(own)) < NEARLY_ALL * len(own) or there.issuperset(own):
            continue
        for at, numbers in enumerate(own):
            if numbers not in there:
                lost = escape(made[at].path.rpartition(b"/")[0] + b"/" + name.replace(b"#", b"".join(numbers)))
                said = found("unpaired", f"{lost} is not there, which the others like it have", missing=[lost])
                made[at] = replace(made[at], spoiled=(*made[at].spoiled, said))
    return made
