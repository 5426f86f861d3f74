"""Check counts of samples that are one group or dataset each (`n_trials`, `num_images`), and lists of dataset names.

A count is held by an attribute or a scalar of a group above the samples. It is recognised by its name. Unless it uses
the word that the samples' own names have, it is a count only if nothing in the samples has that length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.meaning import Facts, Meaning
from datacheck.backends.hdf5.names import DIGITS, WORDS, words
from datacheck.backends.hdf5.paths import nearest, with_groups_above
from datacheck.backends.hdf5.samples.counts_in_attributes import NEAR, Counted
from datacheck.backends.hdf5.samples.each import OF_MANY
from datacheck.backends.hdf5.samples.each import SAMPLES as SINGLE
from datacheck.backends.hdf5.samples.named_samples import list_names
from datacheck.backends.hdf5.samples.samples import EPISODES, FEWEST, PIECES, Family, Sample
from datacheck.backends.hdf5.tables import Table
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import there_are
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


class Siblings(msgspec.Struct, frozen=True):
    """The paths of the samples in one group, and the words and numbers that their names have in common."""

    above: bytes
    paths: tuple[bytes, ...]
    lengths: frozenset[int]
    """The lengths of all axes of the datasets in the samples."""

    @property
    def nouns(self) -> frozenset[bytes]:
        """What the samples are called, in the singular: `trial` of trial_0, trial_1 and so on."""
        name_words = [words(it.rpartition(b"/")[2]) for it in self.paths]
        return frozenset(singular(it) for it in frozenset.intersection(*map(frozenset, name_words)))

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


class StatedCount(msgspec.Struct, frozen=True):
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
        name_words = words(self.called)
        nouns = frozenset(map(singular, name_words - COUNTING - SETS))
        of_one = not name_words & SURELY and nouns <= name_words and not nouns <= ANYTHING
        return None if of_one or not name_words & COUNTING else nouns

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

    def is_one_of(self, siblings: Siblings) -> bool:
        """Whether this may be the number of one of the samples, such as the last: `trial_num` of trial_0 to trial_29.

        Such a name is more often that of a count, so the number has to be in the name of a sample.
        """
        return self._ends_with(NUM) and self.number in siblings.numbers

    @property
    def of_whole_set(self) -> bool:
        """Whether the name may be that of the size of a set which has further files: `n_samples_total`."""
        return TOTAL in words(self.called)

    def _ends_with(self, word: bytes) -> bool:
        name_words = WORDS.findall(self.called.lower())
        return len(name_words) > 1 and name_words[-1] == word and singular(name_words[-2]) == name_words[-2]

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
    siblings = [*_group_siblings(means, facts), *map(_siblings_of, single)]
    if not siblings:
        return means
    known = {(it.path, it.name) for it in means.counts}
    counts: list[Counted] = []
    larger: list[Counted] = []
    findings: list[Finding] = []
    for it in _stated_counts(siblings, means, facts):
        if (it.path, it.name) not in known:
            below = [one for one in siblings if _is_above(it.home, one) and it.sets <= words(one.above)]
            findings += _compare_count(it, below, counts, larger)
    names = list(means.names)
    outside = [it for _, some in facts.groups for it in some if not means.holds(it.path.rpartition(b"/")[0])]
    for table in single:
        own = {it.path for it in table.judged}
        family = Family([Sample(it.path, {b"": it.shape}) for it in table.judged])
        findings += list_names(family, [it for it in outside if it.path not in own], facts, names)
    untrue += [] if facts.hidden or facts.recovered else findings
    return replace(means, counts=(*means.counts, *counts), names=tuple(names), larger=tuple(larger))


def _group_siblings(means: Meaning, facts: Facts) -> Iterator[Siblings]:
    """Yield the samples that are one group each, by their parent group."""
    above: dict[bytes, list[bytes]] = defaultdict(list)
    for path in means.samples:
        above[path.rpartition(b"/")[0]].append(path)
    lengths: dict[bytes, set[int]] = defaultdict(set)
    for group, datasets in facts.groups if above else ():
        sample = nearest(group, means.samples)
        if sample:
            lengths[sample.rpartition(b"/")[0]].update(size for it in datasets for size in it.shape)
    for group, paths in above.items():
        if not any((PIECES | SETS) & words(it.rpartition(b"/")[2]) for it in paths):
            yield Siblings(group, tuple(sorted(paths)), frozenset(lengths[group]))


def _siblings_of(table: Table) -> Siblings:
    lengths = frozenset(size for it in table.judged for size in it.shape)
    return Siblings(table.judged[0].path.rpartition(b"/")[0], tuple(it.path for it in table.judged), lengths)


def _is_above(home: bytes, siblings: Siblings) -> bool:
    return not home or home == siblings.above or siblings.above.startswith(home + b"/")


def _stated_counts(siblings: Sequence[Siblings], means: Meaning, facts: Facts) -> Iterator[StatedCount]:
    """Yield the numbers, under names of counts, in attributes and scalars of the groups above samples."""
    homes = {b"", *(home for it in siblings for home in with_groups_above(it.above))}
    scalars: Mapping[bytes, Sequence[Dataset]] = dict(facts.groups)
    for home in sorted(it for it in homes if not means.holds(it)):
        for name in facts.look.names(home):
            stated = StatedCount(home, home or b"/", name, 0)
            number = facts.attribute(home, name) if stated.nouns is not None else None
            if number is not None:
                yield replace(stated, number=number)
        for dataset in scalars.get(home, ()):
            stated = StatedCount(home, dataset.path, b"", 0)
            number = facts.look.scalar(dataset) if dataset.shape == () and stated.nouns is not None else None
            if number is not None:
                yield replace(stated, number=number)


def _compare_count(
    stated: StatedCount, siblings: Sequence[Siblings], counts: list[Counted], larger: list[Counted]
) -> Iterator[Finding]:
    """Add a number to `counts` if it counts samples, and yield a finding if there are not as many as it says.

    A number that may count those of several files is added to `larger`.
    """
    fitting = [it for it in siblings if _may_count(stated, it)]
    counted = _counted_exactly(stated, siblings, fitting)
    if counted:
        counts.append(Counted(stated.path, stated.name, counted, whole=True))
        return
    own = [it for it in fitting if it.above == stated.home or len(siblings) == 1]
    nouns = stated.nouns or frozenset()
    certain = [it for it in own if nouns <= it.nouns and (nouns or stated.sets)]
    candidate = next(iter(certain or own), None)
    if candidate is None or not _surely_counts(stated, candidate, certain=bool(certain)):
        return
    size = len(candidate.paths)
    count = Counted(stated.path, stated.name, candidate.paths, whole=True, true=False, said=stated.number)
    larger.append(count)
    if min(size, stated.number) < NEAR * max(size, stated.number):
        return
    beyond = stated.of_whole_set and stated.number > size
    verdict: Verdict | None = None if (certain or nouns & SINGLE) and not beyond else "suspicious"
    if verdict is None:
        counts.append(replace(count, said=0))
    text = f"{stated.title} says {stated.number:,}, and {there_are(size, 'sample')}"
    details = {"attribute": escape(stated.name)} if stated.name else {"scalar": escape(stated.path)}
    yield found("count", text, verdict=verdict, path_of=escape(stated.home or b"/"), said=stated.number, there=size,
                **details)  # fmt: skip


def _counted_exactly(
    stated: StatedCount, siblings: Sequence[Siblings], fitting: Sequence[Siblings]
) -> tuple[bytes, ...]:
    """Return the paths of the samples that are as many as a number says; empty if none are.

    These are the samples of one group among the `fitting` ones, or those of all groups if each of them fits.
    """
    exact = next((it.paths for it in fitting if len(it.paths) == stated.number and stated.number >= FEWEST), ())
    if exact:
        return exact
    every = tuple(path for it in siblings for path in it.paths)
    apart = len({it.above for it in siblings}) == len(siblings) > 1
    return every if apart and len(fitting) == len(siblings) and len(every) == stated.number else ()


def _surely_counts(stated: StatedCount, siblings: Siblings, *, certain: bool) -> bool:
    """Check whether a number that is not that of the samples can only be meant for them.

    It is `certain` if its name uses the word that the samples' own names have, or names their set.
    """
    nouns = stated.nouns or frozenset()
    if not stated.sure or not (nouns or stated.sets) or len(siblings.paths) < FEWEST or stated.numbers:
        return False
    if not certain and (not siblings.counted or nouns & HOLDERS):
        return False
    own_rows = stated.number in siblings.lengths and not (certain and (stated.sets or nouns.isdisjoint(ANYTHING)))
    return not own_rows and not stated.is_one_of(siblings)


def _may_count(stated: StatedCount, siblings: Siblings) -> bool:
    """Check whether a number may count these samples, by its name and by the lengths of what they hold."""
    nouns = stated.nouns
    if nouns is None or OF_MANY.intersection(_words_of(siblings)):
        return False
    if nouns and nouns <= siblings.nouns:
        return True
    if stated.numbers and not nouns <= ANYTHING:
        return False
    return nouns <= NOUNS | siblings.nouns and stated.number not in siblings.lengths


def _words_of(siblings: Siblings) -> set[bytes]:
    return {word for it in siblings.paths[:1] for word in words(DIGITS.sub(b"", it.rpartition(b"/")[2]))}
