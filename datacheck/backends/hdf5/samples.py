"""Samples that are a group each, or a file each: episodes, cases, and what they have in common.

Groups of one parent whose names differ in their numbers, and that hold mostly the same datasets, are a family. What
nearly all of a family have is meant to be in every one: a dataset that is missing, lengths that agree in the others,
the shape of a row.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.names import ACTIONS, DIGITS, words
from datacheck.backends.hdf5.units import Kind
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.measured import measured_longer

FEWEST = 3
"""So many samples tell what they have in common."""
MOST, SURE = 2 / 3, 3 / 4
"""A share of the samples from which what they have is a rule, and from which one that has it not is bad for it."""
DEEPEST = 8
"""Groups so deep in others may be samples."""
CELLS = 1 << 24
"""So many lengths, samples times members, are compared."""
NAMED = 5
FEW = 3
"""Where others have so few rows one may have none, if it has more than those: a picture without boxes."""
FEWEST_ALONE, NEARLY_ALL = 16, 15 / 16
"""So many samples, and such a share of them, tell the shape of the rows of a dataset that is compared with no other."""
CHANNELS = 4
"""An axis that is longer is no number of channels, classes or coordinates."""
PADDINGS = 2
"""Samples may be padded to so many lengths."""
PIECES = frozenset(b"batch batches chunk chunks shard shards part parts fold split block".split())
"""Words in the names of groups or files that are a piece of a set of samples, and no sample."""
EPISODES = frozenset(b"episode ep demo demos traj trajectory case scene rollout video patient subject".split())
"""Words in the names of files, or of folders of some, that are a sample each."""
WEIGHTS = re.compile(
    rb"(.*[/_.])?(kernel|bias|gamma|beta|moving_mean|moving_variance|running_mean|running_var|weights?)(:[0-9]+)?"
    rb"|.*:[0-9]+|(.*/)?vars/[0-9]+"
)
"""Datasets of a model's layers, which are like one another in name and differ in all else."""
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """A sample: its path, the shapes of the datasets below it by their relative paths, and what else has a name there.

    Those that are only `linked` are there, but what they hold is not known here.
    """

    path: bytes
    members: Mapping[bytes, Shape]
    linked: frozenset[bytes] = frozenset()

    def has(self, member: bytes) -> bool:
        return member in self.members or any(member == it or member.startswith(it + b"/") for it in self.linked)


@dataclass(frozen=True)
class Family:
    """Samples that are alike; `noun` is what one is called: group or file.

    `within` are the numbered parts of the samples, `inner` what in them is a sample of its own.
    """

    samples: Sequence[Sample]
    noun: str = "group"
    within: Sequence[Kind] = ()
    inner: Sequence[Family] = ()

    @cached_property
    def common(self) -> dict[bytes, float]:
        """The datasets that most of the samples have, and the share of those."""
        full = [it for it in self.samples if it.members]
        count = Counter(name for sample in full for name in sample.members)
        return {name: number / len(full) for name, number in sorted(count.items()) if number >= MOST * len(full)}

    @property
    def alike(self) -> bool:
        """Whether these are samples at all: most of them hold mostly what most hold, and it is no model's weights."""
        full = [it for it in self.samples if it.members]
        if len(self.samples) < 2 or len(full) < max(2, MOST * len(self.samples)) or not self.common:
            return False
        if any(WEIGHTS.fullmatch(name) for name in self.names):
            return False
        fitting = sum(2 * len(self.common.keys() & it.members.keys()) >= len(it.members) for it in full)
        return fitting >= MOST * len(full)

    @cached_property
    def names(self) -> tuple[bytes, ...]:
        """The common datasets that have a first dimension."""
        flat = {name for sample in self.samples for name, shape in sample.members.items() if not shape}
        return tuple(name for name in self.common if name not in flat)

    @property
    def compared(self) -> bool:
        """Whether the lengths of all samples are compared, which takes memory."""
        return len(self.names) * len(self.samples) <= CELLS

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The rows of each common dataset (first axis) in each sample, -1 where it has none."""
        rows = np.full((len(self.names), len(self.samples)), -1, np.int64)
        for at, sample in enumerate(self.samples):
            for place, name in enumerate(self.names):
                shape = sample.members.get(name)
                if shape:
                    rows[place, at] = shape[0]
        return rows

    @cached_property
    def aligned(self) -> list[list[int]]:
        """The common datasets, by their places in `names`, in sets of as many rows as each other in most samples."""
        sets: list[list[int]] = []
        if not self.compared:
            return sets
        for place, rows in enumerate(self.lengths):
            for alike in sets:
                if _agree(self.lengths[alike[0]], rows):
                    alike.append(place)
                    break
            else:
                sets.append([place])
        return [alike for alike in map(self._of_steps, sets) if len(alike) > 1]

    def _of_steps(self, alike: list[int]) -> list[int]:
        """Return a set without those of one length in all samples, if at least as many others vary as one.

        These have a size of their own, which is that of the others by chance: a cell of 3 vectors beside 3 atoms.
        """
        rows = self.lengths[alike]
        fixed = np.array([len(set(its[its >= 0].tolist())) == 1 for its in rows])
        varying = rows[~fixed]
        if not 0 < fixed.sum() <= len(varying) or len(varying) < 2 or not (varying == varying[0]).all():
            return alike
        if len(set(varying[0].tolist())) < FEWEST:
            return alike
        return [place for place, stays in zip(alike, ~fixed, strict=True) if stays]

    @cached_property
    def counted(self) -> list[int]:
        """The common datasets with a row for each step: those that agree with the actions, else the most that agree."""
        of_actions = (it for it in self.aligned if not ACTIONS.isdisjoint(self.names[place] for place in it))
        return next(of_actions, max(self.aligned, key=len, default=[]))

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """The rows of each sample: the usual number among its `counted` datasets; -1 if it has none."""
        if not self.counted:
            return np.full(len(self.samples), -1, np.int64)
        return np.array([_usual(column) for column in self.lengths[self.counted].T], np.int64)

    def findings(self) -> Iterator[tuple[Sample, Finding]]:
        """Yield what is wrong with each sample for what the others are."""
        yield from self._empty()
        for family in self.inner:
            if family.alike:
                yield from family.findings()
        if len(self.samples) < FEWEST:
            return
        if not self.compared:
            first = self.samples[0]
            text = (
                f"the lengths of {len(self.samples):,} {self.noun}s like {escape(first.path)}, "
                f"of {len(self.names):,} datasets each, are too many to be compared"
            )
            yield first, found("unsupported", text, samples=len(self.samples))
        yield from self._missing()
        yield from self._without_rows()
        yield from self._unequal()
        yield from self._shapes()

    def _empty(self) -> Iterator[tuple[Sample, Finding]]:
        rows = self.steps
        fewest = min(rows[rows > 0].tolist(), default=0)
        for at, sample in enumerate(self.samples):
            nothing = not sample.members and not sample.linked
            others = not nothing and bool(self.lengths[:, at].max(initial=-1) > 0)
            if nothing or (rows[at] == 0 and (fewest > FEW or not others)):
                names = [self.names[it] for it in self.counted if self.lengths[it, at] == 0]
                what = f"has no row in {_listed(names)}" if others else "holds not one row"
                what = "holds nothing" if nothing else what
                said = f"{self._called(sample)} {what}; the other {len(self.samples) - 1:,} like it do"
                steps = not others or any(it.rpartition(b"/")[2] in ACTIONS for it in names)
                verdict: Verdict = "bad" if steps else "suspicious"  # a picture that shows nothing has no boxes
                yield sample, found("unpaired", said, verdict=verdict, sample=escape(sample.path), missing=[])

    def _missing(self) -> Iterator[tuple[Sample, Finding]]:
        for at, sample in enumerate(self.samples):
            there = sample.members or (self.inner and sample.linked)
            lacking = [name for name in self.common if not sample.has(name)] if there else []
            if not lacking:
                continue
            surely = [name for name in lacking if not any(it.may_go_without(name, at) for it in self.within)]
            sure = max((self.common[it] for it in surely), default=0) >= SURE and not self._shorter(sample, lacking)
            verdict: Verdict = "bad" if sure else "suspicious"
            said = f"{self._called(sample)} lacks {_listed(lacking)}, which most of the others have"
            missing = [escape(it) for it in lacking[:NAMED]]
            yield sample, found("unpaired", said, verdict=verdict, sample=escape(sample.path), missing=missing)

    def _without_rows(self) -> Iterator[tuple[Sample, Finding]]:
        """Yield datasets without a row in one sample, of which all the others have one number."""
        if not self.compared or len(self.samples) <= FEWEST:
            return
        rows = self.steps
        for place, name in enumerate(self.names):
            its = self.lengths[place]
            (hollow,) = np.nonzero(its == 0)
            numbers = set(its[its > 0].tolist())
            if len(hollow) != 1 or len(numbers) != 1 or np.count_nonzero(its > 0) < FEWEST:
                continue
            (at,), (number,) = hollow.tolist(), numbers
            if number > FEW and rows[at] != 0:
                sample = self.samples[at]
                said = f"{self._called(sample)} has no row in {escape(name)}, where each of the others has {number}"
                yield sample, found("unpaired", said, verdict="suspicious", missing=[escape(name)])

    def _shorter(self, sample: Sample, lacking: Sequence[bytes]) -> bool:
        """Say whether a file may hold fewer samples than others, a dataset each: it lacks the last of their numbers.

        They may be columns as well, unless there is something else in the file with as many rows.
        """
        alike = {DIGITS.sub(b"#", it) for it in lacking}
        if self.noun != "file" or not all(b"#" in it for it in alike):
            return False
        of_family = [it for it in sample.members if DIGITS.sub(b"#", it) in alike]
        rows = {shape[0] for name, shape in sample.members.items() if name not in of_family and shape}
        heights = {sample.members[it][0] for it in of_family if sample.members[it]}
        last = max(map(by_number, of_family), default=(b"", [-1]))[1]
        return bool(of_family) and rows.isdisjoint(heights) and all(by_number(it)[1] > last for it in lacking)

    def _unequal(self) -> Iterator[tuple[Sample, Finding]]:
        for at, sample in enumerate(self.samples):
            for alike in self.aligned:
                rows = {self.names[it]: int(self.lengths[it, at]) for it in alike if self.lengths[it, at] >= 0}
                if len(set(rows.values())) < 2:
                    continue
                usual = _usual(np.array(list(rows.values())))
                odd = [name for name, count in rows.items() if count != usual]
                like = next((name for name, count in rows.items() if count == usual), odd[0])
                counts = {name: rows[name] for name in (like, *odd)}
                spelled = ", ".join(f"{escape(name)} has {count}" for name, count in list(counts.items())[: NAMED + 1])
                more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
                said = f"{self._called(sample)}: the rows differ in number: {spelled}{more}; in the others they agree"
                rows_said = {escape(name): count for name, count in counts.items()}
                verdict = self._certain(at, alike)
                if verdict is not None:
                    yield sample, found("row-count", said, verdict=verdict, sample=escape(sample.path), rows=rows_said)

    def _certain(self, at: int, alike: Sequence[int]) -> Verdict | None:
        """Return how sure it is that datasets are to agree in a sample, by the others in which they do; None for not.

        Two others that agree may do so by chance, and of one length any number of them: unless they are steps by name.
        """
        others = np.delete(self.lengths[list(alike)], at, axis=1)
        agreeing = others[0][(others == others[0]).all(axis=0) & (others[0] > 1)]
        its = {self.names[place].rpartition(b"/")[2] for place in alike}
        if its & ACTIONS and len(agreeing) > 1:
            return "bad"
        if len(agreeing) >= FEWEST:
            return "suspicious" if self._padded(at, alike) else "bad"
        return "suspicious" if len(set(agreeing.tolist())) > 1 else None

    def _padded(self, at: int, alike: Sequence[int]) -> bool:
        """Say whether what is longest in a sample is as long in most of them: padded, and the rest of it is not."""
        rows = self.lengths[list(alike)]
        longest = rows[rows[:, at] == rows[:, at].max()]
        return all(len(set(its[its >= 0].tolist())) <= PADDINGS for its in longest)

    def _shapes(self) -> Iterator[tuple[Sample, Finding]]:
        """Yield what differs in the shape of a row: of datasets whose rows are counted together, and of each alone.

        What is alone may be anything else, unless rows have one shape in nearly all of many samples; if it has as many
        in all of them, the axes behind the first may be those that are counted.
        """
        odd: dict[int, list[str]] = defaultdict(list)
        where: dict[int, list[str]] = defaultdict(list)
        certain: set[int] = set()
        together = {it for alike in self.aligned for it in alike}
        for place, name in enumerate(self.names if self.compared else ()):
            shapes = {at: it.members[name][1:] for at, it in enumerate(self.samples) if name in it.members}
            usual, count = Counter(shapes.values()).most_common(1)[0]
            least, share = (1, SURE) if place in together else (FEWEST_ALONE, NEARLY_ALL)
            if not least <= len(shapes) > count >= share * len(shapes):
                continue
            counted = place in together or len(set(self.lengths[place].tolist())) >= FEWEST
            for at, shape in shapes.items():
                if shape != usual and not self._sized(place, shape, usual):
                    odd[at].append(f"rows of {escape(name)} have the shape {shape}, in the others {usual}")
                    where[at].append(escape(name))
                    certain |= {at} if counted else set()
        for at, what in sorted(odd.items()):
            sample = self.samples[at]
            said = f"{self._called(sample)}: {'; '.join(what[:NAMED])}"
            # Where the file goes as a whole nothing is left to be said of its rows.
            told: dict[str, Any] = (
                {"datasets": where[at]} if self.noun == "file" and called_a_sample(sample.path) else {}
            )
            verdict: Verdict | None = None if at in certain else "suspicious"
            yield sample, found("shape", said, verdict=verdict, sample=escape(sample.path), **told)

    def _sized(self, place: int, shape: Shape, usual: Shape) -> bool:
        """Say whether samples may differ in the shape of a row: square matrices, and rows that are channels or axes."""
        rows = self.lengths[place]
        there = rows[rows >= 0]
        counts = Counter(there.tolist())
        if there.max() <= CHANNELS and len(counts) == 1:
            return True
        if measured_longer(shape, usual) and not any(name.rpartition(b"/")[2] in ACTIONS for name in self.names):
            return True
        square = [
            len(it.members[self.names[place]]) == 2 and len(set(it.members[self.names[place]])) == 1
            for it in self.samples
            if self.names[place] in it.members
        ]
        return len(usual) == 1 and len(counts) > 1 and all(square)

    def _called(self, sample: Sample) -> str:
        return f"the {self.noun} {escape(sample.path)}" if self.noun == "file" else escape(sample.path)


def called_a_sample(name: bytes) -> bool:
    """Say whether a file, or a folder, is one sample by its name: an episode, a case."""
    its = words(name.rpartition(b"/")[2])
    return bool(its & EPISODES) and not its & PIECES


def _agree(some: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Say whether two datasets have as many rows in most samples; those that have one row, or none, tell nothing."""
    there = (some >= 0) & (others >= 0) & ((some > 1) | (others > 1))
    alike = int(((some == others) & there).sum())
    return alike >= 2 and alike >= MOST * int(there.sum())


def _usual(rows: NDArray[np.int64]) -> int:
    """Return the number that is there most often, the largest of several; -1 where there is none."""
    count = Counter(it for it in rows.tolist() if it >= 0)
    return max(count, key=lambda it: (count[it], it), default=-1)


def _listed(names: Sequence[bytes]) -> str:
    more = f" and {len(names) - NAMED} more datasets" if len(names) > NAMED else ""
    return ", ".join(map(escape, names[:NAMED])) + more


def by_number(path: bytes) -> tuple[bytes, list[int]]:
    """Return what sorts paths that differ in their numbers by those."""
    return DIGITS.sub(b"#", path), [int(it) if len(it) < 20 else 0 for it in DIGITS.findall(path)]
