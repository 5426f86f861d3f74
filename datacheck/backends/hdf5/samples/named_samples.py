"""Find datasets and attributes that list the names of samples, and names in them that lead to no sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.paths import Paths
from datacheck.backends.hdf5.samples.samples import Family
from datacheck.model.cells import TEXTS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more

if TYPE_CHECKING:
    from datacheck.backends.hdf5.meaning import Facts

NAMED = 5


class Named(msgspec.Struct, frozen=True):
    """A dataset of names of samples, which lie in the group `above`, or the attribute `name` of the object `path`."""

    path: bytes
    above: bytes
    names: tuple[bytes, ...]
    lost: frozenset[bytes] = frozenset()
    name: bytes = b""

    @property
    def title(self) -> str:
        return f"{escape(self.path)}: {escape(self.name)}" if self.name else escape(self.path)

    def gone(self, samples: Iterable[bytes]) -> list[int]:
        """Return the places of the names that lead nowhere without these samples, given by their paths."""
        lost = {it.rpartition(b"/")[2] for it in samples if it.rpartition(b"/")[0] == self.above} | self.lost
        return [at for at, it in enumerate(self.names) if it in lost]


def list_names(family: Family, outside: Sequence[Dataset], facts: Facts, names: list[Named]) -> Iterator[Finding]:
    """Add the lists of names of samples to `names`, and yield a finding for each with names that lead nowhere."""
    above = family.samples[0].path.rpartition(b"/")[0]
    present = {it.path.rpartition(b"/")[2] for it in family.samples}
    others = {it.name for group, some in facts.groups if group == above for it in some}
    numbered = all(map(bytes.isdigit, present))
    taken: set[bytes] = set()
    for dataset in [*outside, *outside] if facts.recovered else outside:  # the second pass knows the lists beside
        if (
            dataset.path in taken
            or len(dataset.shape) != 1
            or not dataset.rows
            or not dataset.holds
            or not dataset.holds <= TEXTS
        ):
            continue
        texts = facts.values(dataset)
        if texts is None:
            continue
        listed = [text_bytes(it) for it in texts.tolist()]
        lost = [it for it in listed if it not in present and it not in others]
        if lost and numbered and len(set(listed)) < len(listed):
            continue  # a column of values that are digits, not a list of names
        if len(lost) * 2 > len(listed) and not (facts.recovered and _are_lost_samples(family, listed, dataset, names)):
            continue
        names.append(Named(dataset.path, above, tuple(listed), Paths(lost)))
        taken.add(dataset.path)
        if lost and not facts.hidden:
            yield _leading_nowhere(names[-1], lost, dataset=escape(dataset.path))
    yield from _attributes(family, facts, names)


def _attributes(family: Family, facts: Facts, names: list[Named]) -> Iterator[Finding]:
    """Add the attributes of the groups above samples that list their names, and yield findings as for datasets.

    Names that are numbers alone are left out: an attribute with such texts may list classes as well.
    """
    above = family.samples[0].path.rpartition(b"/")[0]
    present = {it.path.rpartition(b"/")[2] for it in family.samples}
    if any(map(bytes.isdigit, present)):
        return
    parts = above.split(b"/")
    known = {(it.path, it.name) for it in names}
    for home in (b"/".join(parts[:at]) for at in range(1, len(parts) + 1)):
        for name in facts.look.names(home):
            path = home or b"/"
            listed = [text_bytes(it) for it in facts.look.texts(home, name, flat=True)]
            lost = [it for it in listed if it not in present]
            if (path, name) in known or len(listed) < 2 or len(lost) * 2 > len(listed):
                continue
            names.append(Named(path, above, tuple(listed), Paths(lost), name))
            if lost and not facts.hidden and not facts.recovered:
                yield _leading_nowhere(names[-1], lost, path_of=escape(path), attribute=escape(name))


def _leading_nowhere(named: Named, lost: Sequence[bytes], **details: Any) -> Finding:
    names = and_more(map(escape, lost[:NAMED]), len(lost))
    verb = "is" if len(lost) == 1 else "are"
    text = f"{named.title} names {names}, which {verb} not in {escape(named.above or b'/')}"
    return found("dangling", text, **details, missing=[escape(it) for it in lost[:NAMED]])


def _are_lost_samples(family: Family, listed: Sequence[bytes], dataset: Dataset, names: Sequence[Named]) -> bool:
    """Check whether these are names of lost samples: spelled like the other samples, and beside a list of those."""
    above, home = dataset.path.rpartition(b"/")[0], family.samples[0].path.rpartition(b"/")[0]
    stems = {DIGITS.sub(b"#", it.path.rpartition(b"/")[2]) for it in family.samples}
    beside = any(it.above == home and it.path.rpartition(b"/")[0] == above for it in names)
    return beside and stems.issuperset(DIGITS.sub(b"#", it) for it in listed)


def text_bytes(text: Any) -> bytes:
    """Return the bytes of a text as h5py returns it."""
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
