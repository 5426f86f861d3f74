"""Find attributes that refer to samples by name or number, or have a value for each, when a copy drops some of them.

The samples are groups, or datasets that are one record each. A reference to a sample that is renumbered would lead to
another one. A list of names, or of values by position, would not fit the remaining samples.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from datacheck.backends.hdf5.copying import dataset_numbers
from datacheck.backends.hdf5.copying.group_numbers import new_names
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.listing import attributes
from datacheck.backends.hdf5.library.looking import TEXTS, Looking
from datacheck.backends.hdf5.meaning import ID
from datacheck.backends.hdf5.names import DIGITS, words
from datacheck.backends.hdf5.references.row_numbers import ROWS
from datacheck.backends.hdf5.tables import Contents
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape
from datacheck.model.sample_sets import SETS

POINTING = ROWS | SETS
"""Words in the names of attributes that hold numbers of groups."""
FEWEST, SMALL = 4, 8 << 20
"""Minimum number of samples for an attribute with as many values to belong to them, and maximum bytes of texts read."""
WORD = re.compile(r"[\w.\-]+")
OWN = frozenset(b"id index idx number nr".split())
"""Words in the names of attributes of a group that are its own number."""


def losses(
    file: Path, contents: Contents, dropped: Collection[bytes], single: Collection[bytes], renumber: bool | None
) -> Iterator[str]:
    """Yield a sentence for each attribute that leads to other groups or datasets in a copy without those `dropped`.

    `single` are the dropped datasets among those that are one record each.
    """
    homes = {it.rpartition(b"/")[0] for it in dropped}
    renamed = [(above, new_names(contents, dropped, above, renumber=renumber)) for above in sorted(homes)]
    datasets = dataset_numbers.new_names(contents, single) if renumber is True else {}
    above_them = sorted({it.rpartition(b"/")[0] for it in datasets})
    renamed += ((it, {old: new for old, new in datasets.items() if old.rpartition(b"/")[0] == it}) for it in above_them)
    for above, called in renamed:
        if not called:
            continue
        with contextlib.suppress(*TROUBLE), opened(file, contents.recovery) as handle:  # the scan reports its faults
            look = Looking(library(), handle.file.id, StepCounter({}))
            yield from _leading_attributes(
                look, above, called, frozenset() if contents.means is None else contents.means.numbered
            )
            for path in _texts_that_name(look, contents, _names(called)):
                yield f"{escape(path)} may lead to datasets or groups of {escape(above or b'/')} that get other numbers"
    yield from _losses_of_each_sample(file, contents, frozenset(dropped), frozenset(single))


def _losses_of_each_sample(
    file: Path, contents: Contents, dropped: frozenset[bytes], single: frozenset[bytes]
) -> Iterator[str]:
    """Yield a sentence for each attribute with names of samples, or a value for each, if some of these are dropped."""
    samples = frozenset() if contents.means is None else contents.means.samples
    homes = sorted({it.rpartition(b"/")[0] for it in dropped})
    families = [frozenset(it for it in samples if it.rpartition(b"/")[0] == above) for above in homes]
    families += (frozenset(it.path for it in table.judged) for table in contents.tables if table.each)
    listed_names = () if contents.means is None else contents.means.names
    reported = {(it.path, it.name) for it in listed_names if it.name}  # the copy has these without the names that go
    for family in families:
        lost = family & (dropped | single)
        if len(family) < FEWEST or not lost:
            continue
        with contextlib.suppress(*TROUBLE), opened(file, contents.recovery) as handle:  # the scan reports its faults
            look = Looking(library(), handle.file.id, StepCounter({}))
            yield from _attributes_of_each(look, contents, family, lost, reported)
            for dataset in _scalars_outside(contents):
                if _name_several(look.dataset_texts(dataset), _names(family), _names(lost)):
                    yield f"{escape(dataset.path)} names samples like {escape(min(family))}, of which some go"


def _attributes_of_each(
    look: Looking,
    contents: Contents,
    family: frozenset[bytes],
    lost: frozenset[bytes],
    reported: set[tuple[bytes, bytes]],
) -> Iterator[str]:
    """Yield a sentence for each attribute above samples that depends on which there are, of which some are `lost`.

    Add the path and the name of each to `reported`, and leave out those that are there.
    """
    sizes = {size for path, shape in contents.shapes if {path, path.rpartition(b"/")[0]} & family for size in shape}
    above = min(family).rpartition(b"/")[0]
    for path, name in ((owner, it) for owner in _own_and_above(above, {}) for it in look.names(owner)):
        place = path or b"/", name
        relation = "" if place in reported else _relation(look, path, name, family, lost, sizes)
        if relation:
            reported.add(place)
            attribute = f"the attribute {escape(name)} of {escape(path or b'/')}"
            yield f"{attribute} {relation} like {escape(min(family))}, of which some go"


def _relation(
    look: Looking, path: bytes, name: bytes, family: frozenset[bytes], lost: frozenset[bytes], sizes: set[int]
) -> str:
    """Return a phrase on how an attribute may refer to samples of which some are lost, or "" if it does not.

    `sizes` are the sizes of what the samples hold, to which the attribute may refer instead.
    """
    texts, numbers = look.texts(path, name), look.numbers(path, name, TEXTS)
    names, lost_names = _names(family), _names(lost)
    if len({*texts}) > 1 and 2 * len(names.intersection(texts)) > len({*texts}):
        return "" if lost_names.isdisjoint(texts) else "names samples"
    if _name_several({*texts}, names, lost_names):
        return "names samples"
    count = len(texts) or len(numbers)
    if count == len(family) and count not in sizes:
        return "has a value for each sample"
    return "may hold numbers of samples" if words(name) & SETS and _are_numbers(numbers, family, lost) else ""


def _scalars_outside(contents: Contents) -> Iterator[Dataset]:
    """Yield the scalars in no sample whose texts may be read."""
    for dataset in contents.single:
        within = contents.means is not None and contents.means.holds(dataset.path.rpartition(b"/")[0])
        if not within and not dataset.shape and dataset.dtype.kind in "OS" and dataset.bytes <= SMALL:
            yield dataset


def _name_several(texts: Collection[str], names: frozenset[str], lost: frozenset[str]) -> bool:
    """Check whether a single text names several samples and one that is lost.

    Names of digits or letters alone are left out, since they may be ordinary numbers or words. So are keys in JSON:
    what a text has for each sample is not asked for if the sample is not there.
    """
    text = next(iter(texts)) if len(texts) == 1 else ""
    named = names.intersection(_listed(text) if len(text) <= SMALL else ())
    return len(named) > 1 and any(re.search("[0-9]", it) and re.search("[A-Za-z]", it) for it in named & lost)


def _listed(text: str) -> Iterator[str]:
    """Yield the texts in the lists of a JSON text, or the words of another text."""
    try:
        left = [json.loads(text)]
    except (ValueError, RecursionError):
        yield from WORD.findall(text)
        return
    while left:
        its = left.pop()
        if isinstance(its, list):
            yield from (it for it in its if isinstance(it, str))
        left += its.values() if isinstance(its, dict) else its if isinstance(its, list) else ()


def _are_numbers(numbers: Sequence[int], family: Collection[bytes], lost: Collection[bytes]) -> bool:
    """Check whether these are the numbers of some samples, and of one that is lost."""
    called, gone = (
        {int(found[-1][:18]) for it in some if (found := DIGITS.findall(it.rpartition(b"/")[2]))}
        for some in (family, lost)
    )
    return len(numbers) > 1 and called.issuperset(numbers) and not gone.isdisjoint(numbers)


def _names(paths: Collection[bytes]) -> frozenset[str]:
    return frozenset(it.rpartition(b"/")[2].decode("utf-8", "surrogateescape") for it in paths)


def _texts_that_name(look: Looking, contents: Contents, names: frozenset[str]) -> Iterator[bytes]:
    """Yield the paths of small datasets of texts, outside of samples, that contain some of these names."""
    listed = frozenset(it.path for it in (() if contents.means is None else contents.means.names) if not it.name)
    datasets = [*contents.single, *(it for table in contents.tables if not table.each for it in table.datasets)]
    for dataset in datasets:
        within = contents.means is not None and contents.means.holds(dataset.path.rpartition(b"/")[0])
        if within or dataset.path in listed or dataset.bytes > SMALL or not dataset.readable:
            continue
        if _are_names(look.dataset_texts(dataset), names):
            yield dataset.path


def _own_and_above(above: bytes, called: Mapping[bytes, bytes]) -> Sequence[bytes]:
    parts = above.split(b"/")
    return [*(b"/".join(parts[:at]) for at in range(1, len(parts) + 1)), *sorted(called)]


def _leading_attributes(
    look: Looking, above: bytes, called: Mapping[bytes, bytes], numbered: Collection[bytes]
) -> Iterator[str]:
    """Yield a sentence for each attribute that leads to groups or datasets; an attribute of many groups only once."""
    names = _names(called)
    h5, reported = look.h5, set()
    noun = "groups" if isinstance(h5.h5o.open(look.file, next(iter(called))), h5.h5g.GroupID) else "datasets"
    for path in _own_and_above(above, called):
        own = int(DIGITS.findall(path)[-1][:18]) if path in called else None
        with contextlib.suppress(*TROUBLE):
            for name in attributes(h5, h5.h5o.open(look.file, path or b"/")).names:
                if (name, own is None) in reported or (name == ID and own is not None and path in numbered):
                    continue
                if _are_names(look.texts(path, name), names) or _is_number(name, look, path, own):
                    reported.add((name, own is None))
                    attribute = f"the attribute {escape(name)} of {escape(path or b'/')}"
                    yield f"{attribute} may lead to {noun} of {escape(above or b'/')} that get other numbers"


def _are_names(texts: Sequence[str], names: frozenset[str]) -> bool:
    """Check whether texts are names of groups or contain such names.

    If the names are only numbers, a single text is not taken for one.
    """
    if not names.isdisjoint(texts):
        return len(texts) > 1 or not any(it.isdigit() for it in names)
    start, _, end = next(iter(names)).partition(*re.findall("[0-9]+", next(iter(names)))[-1:])
    pattern = re.compile(rf"(?<!\w){re.escape(start)}[0-9]+{re.escape(end)}(?!\w)")
    return bool(start.strip() or end) and any(it in names for text in texts for it in pattern.findall(text))


def _is_number(name: bytes, look: Looking, path: bytes, own: int | None) -> bool:
    """Check whether an attribute of a group is its `own` number.

    If `own` is None, check whether an attribute of an object above the groups holds numbers of groups.
    """
    name_words = words(name)
    if own is not None:
        return (
            bool(name_words & OWN)
            and name_words <= OWN | words(path.rpartition(b"/")[2])
            and look.numbers(path, name) == (own,)
        )
    numbers = look.numbers(path, name, TEXTS) if name_words & POINTING else ()
    return len(numbers) > 1 and min(numbers) >= 0 and len(set(numbers)) == len(numbers)
