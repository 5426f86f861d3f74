"""Check counts of samples that are one group or dataset each (`n_trials`, `num_images`), and lists of dataset names.

A count is held by an attribute or a scalar of a group above the samples. It is recognised by its name. Unless it uses
the word that the samples' own names have, it is a count only if nothing in the samples has that length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.each import OF_MANY
from datacheck.backends.hdf5.each import SAMPLES as SINGLE
from datacheck.backends.hdf5.meaning import NEAR, Counted, Facts, Meaning
from datacheck.backends.hdf5.named_samples import list_names
from datacheck.backends.hdf5.names import DIGITS, WORDS, words
from datacheck.backends.hdf5.samples import EPISODES, FEWEST, PIECES, Family, Sample
from datacheck.backends.hdf5.tables import Table
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.model.sample_sets import SETS

SURELY = frozenset(b"n num nb number count total ntrials nsamples nimages nepisodes".split())
COUNTING = SURELY | frozenset(b"len length size".split())
ANYTHING = frozenset(b"sample example record entry item element".split())
"""Words for samples of any kind."""
NOUNS = (SINGLE | EPISODES | ANYTHING | frozenset(b"trial demonstration rollout event shot recording img".split())) - {
    b"frame"
}
"""Words for what a sample may be, in the singular. Frames may be those of each sample."""
HOLDERS = frozenset(
    b"patient subject scene video vid doc document mol molecule protein prot event shot recording".split()
)
"""Words for what may have several samples: 55 pictures of 48 patients. Only the names of samples tell otherwise."""
NUMBER = b"number"
NUM = b"num"
TOTAL = b"total"
"""Word for the size of a whole set, which may have further files."""


@dataclass(frozen=True)
class Siblings:
    """The paths of the samples in one group, and the words and numbers that their names have in common."""

    above: bytes
    paths: tuple[bytes, ...]
    lengths: frozenset[int]
    """The lengths of all axes of the datasets in the samples."""

    @property
    def nouns(self) -> frozenset[bytes]:
        """What the samples are called, in the singular: `trial` of trial_0, trial_1 and so on."""
        its = [words(it.rpartition(b"/")[2]) for it in self.paths]
        return frozenset(singular(it) for it in frozenset.intersection(*map(frozenset, its)))

    @property
    def numbers(self) -> set[int]:
        """The last number in the name of each sample."""
        found = (DIGITS.findall(it.rpartition(b"/")[2]) for it in self.paths)
        return {int(its[-1][:18]) for its in found if its}

    @property
    def counted(self) -> bool:
        """Whether the names are numbers alone that go up from 0 or 1 without a gap."""
        names = [it.rpartition(b"/")[2] for it in self.paths]
        if not all(map(bytes.isdigit, names)):
            return False
        numbers = sorted(int(it[:18]) for it in names)
        return numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1


@dataclass(frozen=True)
class Said:
    """A whole number that is held by an attribute or, if `name` is empty, by a scalar at this path."""

    home: bytes
    path: bytes
    name: bytes
    number: int

    @property
    def title(self) -> str:
        return f"{escape(self.path)}: {escape(self.name)}" if self.name else escape(self.path)

    @property
    def nouns(self) -> frozenset[bytes] | None:
        """The words for what is counted, in the singular; None if the name is not that of a count.

        `image_size` and `episode_length` are those of one image and one episode.
        """
        its = words(self.called)
        nouns = frozenset(map(singular, its - COUNTING - SETS))
        of_one = not its & SURELY and nouns <= its and not nouns <= ANYTHING
        return None if of_one or not its & COUNTING else nouns

    @property
    def sets(self) -> frozenset[bytes]:
        """The sets of samples that the name tells: `num_train_images`."""
        return SETS & words(self.called)

    @property
    def called(self) -> bytes:
        return self.name or self.path.rpartition(b"/")[2]

    @property
    def numbers(self) -> bool:
        """Whether the name may be that of the number of one thing: `subject_number`."""
        return self._ends_with(NUMBER)

    def is_one_of(self, kin: Siblings) -> bool:
        """Whether this may be the number of one of the samples, such as the last: `trial_num` of trial_0 to trial_29.

        Such a name is more often that of a count, so the number has to be in the name of a sample.
        """
        return self._ends_with(NUM) and self.number in kin.numbers

    @property
    def of_whole_set(self) -> bool:
        """Whether the name may be that of the size of a set which has further files: `n_samples_total`."""
        return TOTAL in words(self.called)

    def _ends_with(self, word: bytes) -> bool:
        its = WORDS.findall(self.called.lower())
        return len(its) > 1 and its[-1] == word and singular(its[-2]) == its[-2]

    @property
    def sure(self) -> bool:
        return bool(words(self.called) & SURELY)


def singular(word: bytes) -> bytes:
    """Return a word without the ending of the plural.

    >>> singular(b"images"), singular(b"trajectories"), singular(b"demo")
    (b'image', b'trajectory', b'demo')
    """
    if word.endswith(b"ies"):
        return word[:-3] + b"y"
    return word.removesuffix(b"s")


def count_samples(means: Meaning, tables: Sequence[Table], facts: Facts, untrue: list[Finding]) -> Meaning:
    """Return the meaning of a file with counts of samples and lists of their names; add findings to `untrue`."""
    if not facts.heeded or means.cells is not None:
        return means
    single = [it for it in tables if it.each and b"#refs#" not in it.judged[0].path.split(b"/")]
    kin = [*_groups(means, facts), *map(_siblings, single)]
    if not kin:
        return means
    known = {(it.path, it.name) for it in means.counts}
    counts: list[Counted] = []
    larger: list[Counted] = []
    said: list[Finding] = []
    for it in _numbers(kin, means, facts):
        if (it.path, it.name) not in known:
            its = [one for one in kin if _is_above(it.home, one) and it.sets <= words(one.above)]
            said += _take(it, its, counts, larger)
    names = list(means.names)
    outside = [it for _, some in facts.groups for it in some if not means.holds(it.path.rpartition(b"/")[0])]
    for table in single:
        own = {it.path for it in table.judged}
        of = Family([Sample(it.path, {b"": it.shape}) for it in table.judged])
        said += list_names(of, [it for it in outside if it.path not in own], facts, names)
    untrue += [] if facts.hidden or facts.recovered else said
    return replace(means, counts=(*means.counts, *counts), names=tuple(names), larger=tuple(larger))


def _groups(means: Meaning, facts: Facts) -> Iterator[Siblings]:
    """Yield the samples that are one group each, by their parent group."""
    above: dict[bytes, list[bytes]] = defaultdict(list)
    for path in means.samples:
        above[path.rpartition(b"/")[0]].append(path)
    lengths: dict[bytes, set[int]] = defaultdict(set)
    for group, datasets in facts.groups if above else ():
        while group and group not in means.samples:
            group = group.rpartition(b"/")[0]
        if group:
            lengths[group.rpartition(b"/")[0]].update(size for it in datasets for size in it.shape)
    for group, paths in above.items():
        if not any((PIECES | SETS) & words(it.rpartition(b"/")[2]) for it in paths):
            yield Siblings(group, tuple(sorted(paths)), frozenset(lengths[group]))


def _siblings(table: Table) -> Siblings:
    lengths = frozenset(size for it in table.judged for size in it.shape)
    return Siblings(table.judged[0].path.rpartition(b"/")[0], tuple(it.path for it in table.judged), lengths)


def _is_above(home: bytes, kin: Siblings) -> bool:
    return not home or home == kin.above or kin.above.startswith(home + b"/")


def _numbers(kin: Sequence[Siblings], means: Meaning, facts: Facts) -> Iterator[Said]:
    """Yield the numbers, under names of counts, in attributes and scalars of the groups above samples."""
    homes = {b""}
    for it in kin:
        above = it.above
        while above:
            homes.add(above)
            above = above.rpartition(b"/")[0]
    scalars: Mapping[bytes, Sequence[Dataset]] = dict(facts.groups)
    for home in sorted(it for it in homes if not means.holds(it)):
        for name in facts.look.names(home):
            its = Said(home, home or b"/", name, 0)
            number = facts.attribute(home, name) if its.nouns is not None else None
            if number is not None:
                yield replace(its, number=number)
        for dataset in scalars.get(home, ()):
            its = Said(home, dataset.path, b"", 0)
            number = facts.look.scalar(dataset) if dataset.shape == () and its.nouns is not None else None
            if number is not None:
                yield replace(its, number=number)


def _take(said: Said, kin: Sequence[Siblings], counts: list[Counted], larger: list[Counted]) -> Iterator[Finding]:
    """Add a number to `counts` if it counts samples, and yield a finding if there are not as many as it says.

    A number that may count those of several files is added to `larger`.
    """
    fitting = [it for it in kin if _may_count(said, it)]
    exact = [it for it in fitting if len(it.paths) == said.number and said.number >= FEWEST]
    if exact:
        counts.append(Counted(said.path, said.name, exact[0].paths, whole=True))
        return
    every = tuple(path for it in kin for path in it.paths)
    if len({it.above for it in kin}) == len(kin) > 1 and len(every) == said.number and len(fitting) == len(kin):
        counts.append(Counted(said.path, said.name, every, whole=True))
        return
    own = [it for it in fitting if it.above == said.home or len(kin) == 1]
    nouns = said.nouns or frozenset()
    certain = [it for it in own if nouns <= it.nouns and (nouns or said.sets)]
    for it in (certain or own)[:1]:
        there = len(it.paths)
        near = min(there, said.number) >= NEAR * max(there, said.number)
        told = said.sure and (nouns or said.sets) and there >= FEWEST and not said.numbers
        own_rows = said.number in it.lengths and not (certain and (said.sets or nouns.isdisjoint(ANYTHING)))
        if not told or not (certain or (it.counted and not nouns & HOLDERS)) or own_rows or said.is_one_of(it):
            return
        larger.append(Counted(said.path, said.name, it.paths, whole=True, true=False, said=said.number))
        if not near:
            return
        beyond = said.of_whole_set and said.number > there
        verdict: Verdict | None = None if (certain or nouns & SINGLE) and not beyond else "suspicious"
        if verdict is None:
            counts.append(Counted(said.path, said.name, it.paths, whole=True, true=False))
        text = f"{said.title} says {said.number:,}, and there are {there:,} samples"
        details = {"attribute": escape(said.name)} if said.name else {"scalar": escape(said.path)}
        yield found("count", text, verdict=verdict, path_of=escape(said.home or b"/"), said=said.number, there=there,
                    **details)  # fmt: skip


def _may_count(said: Said, kin: Siblings) -> bool:
    """Check whether a number may count these samples, by its name and by the lengths of what they hold."""
    nouns = said.nouns
    if nouns is None or OF_MANY.intersection(_words_of(kin)):
        return False
    if nouns and nouns <= kin.nouns:
        return True
    if said.numbers and not nouns <= ANYTHING:
        return False
    return nouns <= NOUNS | kin.nouns and said.number not in kin.lengths


def _words_of(kin: Siblings) -> set[bytes]:
    return {word for it in kin.paths[:1] for word in words(DIGITS.sub(b"", it.rpartition(b"/")[2]))}
