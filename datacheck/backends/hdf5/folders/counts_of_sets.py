"""Check counts of the samples of all files of a folder: `num_images` in each file of a set.

If several files hold the same count, at least as large as all their samples together, it is that of the whole set. If
fewer samples are lacking than any of the files has, the count is wrong; otherwise a further file may have them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.samples.counts_in_attributes import Counted
from datacheck.backends.hdf5.samples.sample_counts import TOTAL
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted, there_are
from datacheck.model.replacing import replace

if TYPE_CHECKING:
    from datacheck.backends.hdf5.reader import Hdf5Reader


def too_large(means: Meaning | None) -> list[Counted]:
    """Return the counts of samples in a file that exceed the samples there."""
    counts = () if means is None else (*means.counts, *means.larger)
    return [it for it in counts if it.whole and it.said > len(it.samples)]


class WholeSet(msgspec.Struct, frozen=True):
    """A count that several files hold, by their numbers, and how many samples all of them have together."""

    by_file: Mapping[int, Counted]
    samples: int

    @property
    def count(self) -> Counted:
        return next(iter(self.by_file.values()))

    @property
    def lacking(self) -> int:
        return self.count.said - self.samples

    @property
    def sure(self) -> bool:
        """Whether no further file can have the samples that are lacking.

        `n_samples_total` in the files of one folder may also count those of the other folders.
        """
        name = self.count.name or self.count.path.rpartition(b"/")[2]
        further = TOTAL in words(name)
        return not self.lacking or (not further and self.lacking < min(len(it.samples) for it in self.by_file.values()))

    def finding(self, names: Sequence[str]) -> Finding:
        it = self.count
        title = f"{escape(it.path)}: {escape(it.name)}" if it.name else escape(it.path)
        files = counted(len(self.by_file), "file")
        text = f"{title} says {it.said:,} in {files}, and {there_are(self.samples, 'sample')} in all of them"
        place = {"attribute": escape(it.name)} if it.name else {"scalar": escape(it.path)}
        finding = found("count", text, verdict=None if self.sure else "suspicious", path_of=escape(it.path),
                        said=it.said, there=self.samples, **place)  # fmt: skip
        return msgspec.structs.replace(finding, file=names[next(iter(self.by_file))])


def whole_sets(names: Sequence[str], larger: Mapping[int, Sequence[Counted]]) -> list[WholeSet]:
    """Return the counts of whole sets of files among counts that are `larger` than the samples of their file."""
    alike: dict[tuple[str, bytes, bytes, int], dict[int, Counted]] = defaultdict(dict)
    for number, counts in larger.items():
        for it in counts:
            alike[names[number].rpartition("/")[0], it.path, it.name, it.said][number] = it
    sets = [
        WholeSet(by_file, sum(len(it.samples) for it in by_file.values()))
        for by_file in alike.values()
        if len(by_file) > 1
    ]
    return [it for it in sets if it.lacking >= 0]


def sets_of(reader: Hdf5Reader) -> list[WholeSet]:
    """Return the counts of whole sets in the files of a source."""
    if not reader.names:
        return []
    means = ((number, reader.contents(number).means) for number in range(len(reader.files)))
    return whole_sets(reader.names, {number: counts for number, it in means if (counts := too_large(it))})


def findings_of_sets(findings: Iterable[Finding], names: Sequence[str], sets: Sequence[WholeSet]) -> list[Finding]:
    """Return the findings with those about counts of whole sets, in place of those about these counts in each file."""
    in_sets = {(names[at], escape(it.path), escape(it.name)) for one in sets for at, it in one.by_file.items()}
    others = [it for it in findings if it.code != "count" or _place(it) not in in_sets]
    return [*others, *(it.finding(names) for it in sets if it.lacking)]


def _place(finding: Finding) -> tuple[str | None, str, str]:
    """Return the file of a count, the path of its object, and the name of its attribute."""
    details = finding.details
    return finding.file, details.get("scalar") or details.get("path_of", ""), details.get("attribute", "")


def with_sets(
    contents: Contents, number: int, sets: Sequence[WholeSet], gone: Mapping[int, Collection[bytes]]
) -> Contents:
    """Return the contents of a file with its counts of whole sets, given the samples of each file that are dropped."""
    own = [it for it in sets if number in it.by_file]
    if not own or contents.means is None:
        return contents
    known = {(it.count.path, it.count.name) for it in own}
    counts = [it for it in contents.means.counts if (it.path, it.name) not in known]
    for one in (it for it in own if it.sure):  # a count that may be of further files stays as it is
        left = {at: sum(path not in gone.get(at, ()) for path in it.samples) for at, it in one.by_file.items()}
        elsewhere = sum(left.values()) - left[number]
        true = one.lacking == 0 and sum(left.values()) == one.samples
        counts.append(replace(one.by_file[number], true=true, elsewhere=elsewhere))
    return replace(contents, means=replace(contents.means, counts=tuple(counts)))
