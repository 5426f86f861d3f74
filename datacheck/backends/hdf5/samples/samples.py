"""Compare samples that are a group or a file each, such as episodes and cases, and find those that differ.

Groups of one parent whose names differ only in numbers, and that hold mostly the same datasets, are a family. What
nearly all samples of a family have is expected of every one: the same datasets, equal lengths of datasets that are
equally long in the others, and the same shape of a row.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.names import ACTIONS, DIGITS, words
from datacheck.backends.hdf5.samples.constant_differences import odd_differences
from datacheck.backends.hdf5.samples.constant_ratios import odd_ratios
from datacheck.backends.hdf5.samples.first_axes import odd_first_axes
from datacheck.backends.hdf5.samples.other_axes import odd_other_axes
from datacheck.backends.hdf5.samples.units import Kind
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.measured import measured_longer

FEWEST = 3
"""Minimum number of samples from which it can be inferred what they have in common."""
MOST, SURE, ALL = 2 / 3, 3 / 4, 0.99
"""Minimum share of samples that makes a property common to them, minimum share from which a sample without it may be
bad, and minimum share from which it is bad even if several are without it."""
DEEPEST = 8
"""Maximum depth of groups that may be samples."""
CELLS = 1 << 24
"""Maximum number of lengths (samples times members) that are compared."""
NAMED = 5
FEW = 3
"""Maximum number of rows in other samples for a sample to have none, if it has rows in other datasets: a picture
without boxes."""
FEWEST_ALONE, NEARLY_ALL = 16, 15 / 16
"""Minimum number and share of samples that determine the row shape of a dataset compared with no other dataset."""
CHANNELS = 4
"""Maximum length of an axis of channels, classes or coordinates."""
PADDINGS = 2
"""Maximum number of different lengths to which samples may be padded."""
PIECES = frozenset(b"batch batches chunk chunks shard shards part parts fold split block".split())
"""Words in the names of groups or files that are a piece of a set of samples, not a sample."""
EPISODES = frozenset(b"episode ep demo demos traj trajectory case scene rollout video patient subject".split())
"""Words in the names of files, or of folders of files, that are a sample each."""
WEIGHTS = re.compile(
    rb"(.*[/_.])?(kernel|bias|gamma|beta|moving_mean|moving_variance|running_mean|running_var|weights?)(:[0-9]+)?"
    rb"|.*:[0-9]+|(.*/)?vars/[0-9]+"
)
"""Names of datasets of a model's layers, which have similar names and differ in everything else."""
Shape = tuple[int, ...]


class Sample(msgspec.Struct, frozen=True):
    """A sample: its path, and the shapes of the datasets below it by their relative paths.

    `linked` are the paths below it that exist as links only; what these lead to is not known here.
    """

    path: bytes
    members: Mapping[bytes, Shape]
    linked: frozenset[bytes] = frozenset()

    def has(self, member: bytes) -> bool:
        return member in self.members or any(member == it or member.startswith(it + b"/") for it in self.linked)


class Family(msgspec.Struct, frozen=True, dict=True):
    """Samples that are alike. `noun` is what a sample is called: group or file.

    `within` are the kinds of numbered parts of the samples, `inner` the families of samples of their own within them.
    """

    samples: Sequence[Sample]
    noun: str = "group"
    within: Sequence[Kind] = ()
    inner: Sequence[Family] = ()

    @cached_property
    def common(self) -> dict[bytes, float]:
        """The datasets that most samples have, with the share of samples that have each."""
        full = [it for it in self.samples if it.members]
        count = Counter(name for sample in full for name in sample.members)
        return {name: number / len(full) for name, number in sorted(count.items()) if number >= MOST * len(full)}

    @cached_property
    def _only_links(self) -> int:
        """The number of samples without a dataset of their own; what nested samples hold are theirs."""
        return 0 if self.inner else sum(bool(it.linked) and not it.members for it in self.samples)

    @property
    def alike(self) -> bool:
        """Whether these are samples: most hold mostly the common datasets, and these are not a model's weights."""
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
        """Whether there are few enough lengths to compare those of all samples, which takes memory."""
        return len(self.names) * len(self.samples) <= CELLS

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of rows of each common dataset (first axis) in each sample (second axis), -1 if it is missing."""
        rows = np.full((len(self.names), len(self.samples)), -1, np.int64)
        for at, sample in enumerate(self.samples):
            for place, name in enumerate(self.names):
                shape = sample.members.get(name)
                if shape:
                    rows[place, at] = shape[0]
        return rows

    @cached_property
    def aligned(self) -> list[list[int]]:
        """Sets of common datasets, as positions in `names`, that have equally many rows in most samples.

        If all names are numbers, the datasets are the elements of a list, each with a size of its own. Unless most of
        them go together, a few agree only by chance.
        """
        sets: list[list[int]] = []
        if not self.compared:
            return sets
        for place, rows in enumerate(self.lengths):
            for alike in sets:
                if _have_equal_rows(self.lengths[alike[0]], rows):
                    alike.append(place)
                    break
            else:
                sets.append([place])
        fewest = len(self.names) // 2 if all(map(bytes.isdigit, self.names)) else 1
        return [alike for alike in map(self._without_fixed, sets) if len(alike) > max(1, fewest)]

    def _without_fixed(self, alike: list[int]) -> list[int]:
        """Return a set without the datasets of fixed length, if at least as many others vary together.

        Datasets that have the same length in all samples have a size of their own, which equals that of the others only
        by chance: a unit cell of 3 vectors beside 3 atoms.
        """
        rows = self.lengths[alike]
        fixed = np.array([len(set(lengths[lengths >= 0].tolist())) == 1 for lengths in rows])
        varying = rows[~fixed]
        if not 0 < fixed.sum() <= len(varying) or len(varying) < 2 or not (varying == varying[0]).all():
            return alike
        if len(set(varying[0].tolist())) < FEWEST:
            return alike
        return [place for place, stays in zip(alike, ~fixed, strict=True) if stays]

    @cached_property
    def counted(self) -> list[int]:
        """The common datasets with a row per step: those aligned with the actions, or else the largest aligned set."""
        of_actions = (it for it in self.aligned if not ACTIONS.isdisjoint(self.names[place] for place in it))
        return next(of_actions, max(self.aligned, key=len, default=[]))

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """The number of rows of each sample: the most frequent one of its `counted` datasets, or -1 if it has none."""
        if not self.counted:
            return np.full(len(self.samples), -1, np.int64)
        return np.array([_most_frequent(column) for column in self.lengths[self.counted].T], np.int64)

    def findings(self) -> Iterator[tuple[Sample, Finding]]:
        """Yield each sample with a finding about how it differs from the others."""
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
        yield from odd_differences(self)
        yield from odd_ratios(self)
        yield from odd_first_axes(self)
        yield from odd_other_axes(self)
        yield from self._shapes()

    def _empty(self) -> Iterator[tuple[Sample, Finding]]:
        rows = self.steps
        fewest = min(rows[rows > 0].tolist(), default=0)
        for at, sample in enumerate(self.samples):
            nothing = not sample.members and not sample.linked
            others = not nothing and bool(self.lengths[:, at].max(initial=-1) > 0)
            hollow = rows[at] < 0 and not nothing and self._only_without_rows(at)
            if nothing or hollow or (rows[at] == 0 and (fewest > FEW or not others)):
                names = [self.names[it] for it in self.counted if self.lengths[it, at] == 0]
                problem = f"has no row in {_names_text(names)}" if others else "holds not one row"
                problem = "holds nothing" if nothing else problem
                message = f"{self._title(sample)} {problem}; the other {len(self.samples) - 1:,} like it do"
                steps = not others or any(it.rpartition(b"/")[2] in ACTIONS for it in names)
                verdict: Verdict = "bad" if steps else "suspicious"  # a picture that shows nothing has no boxes
                yield sample, found("unpaired", message, verdict=verdict, sample=escape(sample.path), missing=[])

    def _only_without_rows(self, at: int) -> bool:
        """Check whether all that a sample holds has no row, while the same dataset has several in all others.

        Where no datasets are aligned, each sample has at most one number of rows to go by.
        """
        rows = self.lengths if self.compared and len(self.samples) > FEWEST else self.lengths[:0]
        there = rows[rows[:, at] >= 0] if len(rows) else rows
        others = np.delete(there, at, axis=1)
        return bool(len(there)) and not there[:, at].any() and bool((others > FEW).all())

    def _missing(self) -> Iterator[tuple[Sample, Finding]]:
        for at, sample in enumerate(self.samples):
            has_members = sample.members or sample.linked
            lacking = [name for name in self.common if not sample.has(name)] if has_members else []
            if not lacking:
                continue
            surely = [name for name in lacking if not any(it.may_go_without(name, at) for it in self.within)]
            sure = any(map(self._expected, surely)) and not self._is_shorter(sample, lacking)
            verdict: Verdict = "bad" if sure else "suspicious"
            message = f"{self._title(sample)} lacks {_names_text(lacking)}, which most of the others have"
            missing = [escape(it) for it in lacking[:NAMED]]
            yield sample, found("unpaired", message, verdict=verdict, sample=escape(sample.path), missing=missing)

    def _expected(self, name: bytes) -> bool:
        """Check whether a sample without this dataset is bad: nearly all others have it, or all but this one.

        Samples that hold nothing but links count as being without it.

        A dataset that several samples lack may be optional, such as annotations, unless the samples are steps of an
        agent or are named as samples.
        """
        count = len(self.samples)
        share = self.common[name] * (1 - self._only_links / count)
        if share >= ALL or round((1 - share) * count) <= 1:
            return share >= SURE
        known = called_a_sample(self.samples[0].path) or any(it.rpartition(b"/")[2] in ACTIONS for it in self.common)
        return share >= SURE and known

    def _without_rows(self) -> Iterator[tuple[Sample, Finding]]:
        """Yield a finding for each dataset that has no row in one sample and the same number of rows in the others."""
        if not self.compared or len(self.samples) <= FEWEST:
            return
        rows = self.steps
        for place, name in enumerate(self.names):
            lengths = self.lengths[place]
            (hollow,) = np.nonzero(lengths == 0)
            numbers = set(lengths[lengths > 0].tolist())
            if len(hollow) != 1 or len(numbers) != 1 or np.count_nonzero(lengths > 0) < FEWEST:
                continue
            (at,), (number,) = hollow.tolist(), numbers
            if number > FEW and rows[at] != 0:
                sample = self.samples[at]
                message = f"{self._title(sample)} has no row in {escape(name)}, where each of the others has {number}"
                yield sample, found("unpaired", message, verdict="suspicious", missing=[escape(name)])

    def _is_shorter(self, sample: Sample, lacking: Sequence[bytes]) -> bool:
        """Check whether a file may just hold fewer samples (a dataset each) than others: it lacks the highest numbers.

        If anything else in the file has as many rows as these datasets, they are taken for columns of a table instead.
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
                usual = _most_frequent(np.array(list(rows.values())))
                odd = [name for name, count in rows.items() if count != usual]
                like = next((name for name, count in rows.items() if count == usual), odd[0])
                counts = {name: rows[name] for name in (like, *odd)}
                listed = ", ".join(f"{escape(name)} has {count}" for name, count in list(counts.items())[: NAMED + 1])
                more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
                message = f"{self._title(sample)}: the rows differ in number: {listed}{more}; in the others they agree"
                rows_said = {escape(name): count for name, count in counts.items()}
                verdict = self._length_verdict(at, alike)
                if verdict is not None:
                    yield (
                        sample,
                        found("row-count", message, verdict=verdict, sample=escape(sample.path), rows=rows_said),
                    )

    def _length_verdict(self, at: int, alike: Sequence[int]) -> Verdict | None:
        """Return the verdict on datasets that differ in length in a sample, or None if this may mean nothing.

        It depends on the other samples in which they agree. If these are fewer than FEWEST, they may agree by chance:
        the verdict is at most suspicious, and None if they all have one length. For datasets that are steps by name,
        two other samples are enough.
        """
        others = np.delete(self.lengths[list(alike)], at, axis=1)
        agreeing = others[0][(others == others[0]).all(axis=0) & (others[0] > 1)]
        names = {self.names[place].rpartition(b"/")[2] for place in alike}
        if names & ACTIONS and len(agreeing) > 1:
            return "bad"
        if len(agreeing) >= FEWEST:
            return "suspicious" if self._is_padded(at, alike) else "bad"
        return "suspicious" if len(set(agreeing.tolist())) > 1 else None

    def _is_padded(self, at: int, alike: Sequence[int]) -> bool:
        """Check whether the longest datasets of a sample are padded: each has at most PADDINGS lengths overall."""
        rows = self.lengths[list(alike)]
        longest = rows[rows[:, at] == rows[:, at].max()]
        return all(len(set(lengths[lengths >= 0].tolist())) <= PADDINGS for lengths in longest)

    def _shapes(self) -> Iterator[tuple[Sample, Finding]]:
        """Yield a finding for each sample in which a dataset has an unusual row shape.

        A dataset that is not aligned with others may be anything else, unless its rows have one shape in nearly all of
        many samples. If it has the same number of rows in all samples, its other axes may be those that are counted.
        """
        odd: dict[int, list[str]] = defaultdict(list)
        where: dict[int, list[str]] = defaultdict(list)
        certain: set[int] = set()
        in_step = {it for alike in self.aligned for it in alike}
        for place, name in enumerate(self.names if self.compared else ()):
            shapes = {at: it.members[name][1:] for at, it in enumerate(self.samples) if name in it.members}
            usual, count = Counter(shapes.values()).most_common(1)[0]
            least, share = (1, SURE) if place in in_step else (FEWEST_ALONE, NEARLY_ALL)
            if not least <= len(shapes) > count >= share * len(shapes):
                continue
            counted = place in in_step or len(set(self.lengths[place].tolist())) >= FEWEST
            for at, shape in shapes.items():
                if shape != usual and not self._may_differ(place, shape, usual):
                    odd[at].append(f"rows of {escape(name)} have the shape {shape}, in the others {usual}")
                    where[at].append(escape(name))
                    certain |= {at} if counted else set()
        for at, differences in sorted(odd.items()):
            sample = self.samples[at]
            message = f"{self._title(sample)}: {'; '.join(differences[:NAMED])}"
            # If the whole file is one bad sample, the rows of these datasets need no findings of their own.
            details: dict[str, Any] = (
                {"datasets": where[at]} if self.noun == "file" and called_a_sample(sample.path) else {}
            )
            verdict: Verdict | None = None if at in certain else "suspicious"
            yield sample, found("shape", message, verdict=verdict, sample=escape(sample.path), **details)

    def _may_differ(self, place: int, shape: Shape, usual: Shape) -> bool:
        """Check whether samples may differ in row shape: square matrices, rows that are channels or axes, measurements.

        Measurements may be longer in one sample than in another, unless there are actions among the datasets.
        """
        rows = self.lengths[place]
        sizes = rows[rows >= 0]
        counts = Counter(sizes.tolist())
        if sizes.max() <= CHANNELS and len(counts) == 1:
            return True
        if measured_longer(shape, usual) and not any(name.rpartition(b"/")[2] in ACTIONS for name in self.names):
            return True
        square = [
            len(it.members[self.names[place]]) == 2 and len(set(it.members[self.names[place]])) == 1
            for it in self.samples
            if self.names[place] in it.members
        ]
        return len(usual) == 1 and len(counts) > 1 and all(square)

    def _title(self, sample: Sample) -> str:
        return f"the {self.noun} {escape(sample.path)}" if self.noun == "file" else escape(sample.path)


def called_a_sample(name: bytes) -> bool:
    """Check whether a file or a folder is one sample by its name, such as an episode or a case."""
    name_words = words(name.rpartition(b"/")[2])
    return bool(name_words & EPISODES) and not name_words & PIECES


def _have_equal_rows(some: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Check whether two datasets have equally many rows in most samples in which one of them has more than one row."""
    comparable = (some >= 0) & (others >= 0) & ((some > 1) | (others > 1))
    alike = int(((some == others) & comparable).sum())
    return alike >= 2 and alike >= MOST * int(comparable.sum())


def _most_frequent(rows: NDArray[np.int64]) -> int:
    """Return the most frequent number, the largest if there are several, or -1 if there is none."""
    count = Counter(it for it in rows.tolist() if it >= 0)
    return max(count, key=lambda it: (count[it], it), default=-1)


def _names_text(names: Sequence[bytes]) -> str:
    more = f" and {len(names) - NAMED} more datasets" if len(names) > NAMED else ""
    return ", ".join(map(escape, names[:NAMED])) + more


def by_number(path: bytes) -> tuple[bytes, list[int]]:
    """Return a key that sorts paths by their numbers if they differ only in these."""
    return DIGITS.sub(b"#", path), [int(it) if len(it) < 20 else 0 for it in DIGITS.findall(path)]
