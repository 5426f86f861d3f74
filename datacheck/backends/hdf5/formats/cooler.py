"""Check cooler files: contacts between bins of a genome, each a pixel of two bins, in a file or a group of it.

See https://cooler.readthedocs.io/en/latest/schema.html. The weight of a bin is NaN if the bin is masked. The pixels and
the indexes have numbers of bins, so that datacheck removes neither bins nor pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.references.row_numbers import too_large
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

FORMAT, COOLER = b"format", "HDF5::Cooler"
ADDRESS, PROJECT = b"format-url", "/cooler"
"""Attribute with the address of the project, and its ending; versions before 0.6 write no format."""
WRITER, DIVIDING = b"generated-by", "hic2cool"
BINS, PIXELS = b"/bins/", b"/pixels/"
PLACES = (b"start", b"end")
ENDS = (PIXELS + b"bin1_id", PIXELS + b"bin2_id")
MEMBERS = (BINS + b"start", *ENDS, b"/indexes/bin1_offset")
COUNTS = {b"nbins": BINS + b"start", b"nnz": ENDS[0], b"nchroms": b"/chroms/length"}
"""Attributes that count the rows of a dataset."""
Text = Callable[[bytes, bytes], str]


def coolers(paths: Set[bytes] | Mapping[bytes, object], text: Text) -> list[bytes]:
    """Return the groups that are coolers, by their members and, if there are any, their attributes."""
    starts = (it.removesuffix(MEMBERS[0]) for it in paths if it.endswith(MEMBERS[0]))
    groups = (it for it in sorted(starts) if all(it + member in paths for member in MEMBERS))
    return [it for it in groups if text(it or b"/", FORMAT) == COOLER or text(it or b"/", ADDRESS).endswith(PROJECT)]


def masks_bins(path: bytes, groups: Collection[bytes]) -> bool:
    """Check whether a dataset has a value for each bin that is NaN for masked ones."""
    group, _, name = path.rpartition(BINS)
    return group in groups and b"/" not in name and name not in PLACES


def divides(group: bytes, text: Text) -> bool:
    """Check whether the values of the bins of a cooler are divisors, of which those of masked bins may be infinite."""
    return text(group or b"/", WRITER).startswith(DIVIDING)


def findings(datasets: Mapping[bytes, Dataset], look: Looking) -> Iterator[Finding]:
    """Yield findings for counts that are not true, and for pixels and indexes that lead to no bin or pixel."""
    for group in coolers(datasets, look.text):
        for name, member in COUNTS.items():
            number, dataset = look.number(group or b"/", name), datasets.get(group + member)
            if number is not None and dataset is not None and number != dataset.rows:
                path = escape(group or b"/")
                text = (
                    f"{path}: {name.decode()} says {number:,}, and {escape(dataset.path)} has "
                    f"{counted(dataset.rows, 'row')}"
                )
                yield found("count", text, path_of=path, attribute=name.decode(), said=number, there=dataset.rows)
        bins, pixels = datasets[group + MEMBERS[0]].rows, datasets[group + ENDS[0]].rows
        for member, rows, kind in (*((it, bins - 1, "bins") for it in ENDS), (MEMBERS[-1], pixels, "pixels")):
            yield from _dangling(datasets[group + member], rows, kind, look)


def _dangling(dataset: Dataset, most: int, kind: str, look: Looking) -> Iterator[Finding]:
    """Yield a finding for the first number that is negative or larger than `most`."""
    if dataset.dtype.kind not in "iu":
        return
    if not look.fits(dataset):
        yield too_large(dataset)
    start = 0
    for numbers in look.pieces(dataset):
        wrong = ((numbers > most) | (numbers < 0)).nonzero()[0]
        if wrong.size:
            at, number, path = start + int(wrong[0]), int(numbers[wrong[0]]), escape(dataset.path)
            text = f"{path}[{at}] is {number:,}, and there are {most + (kind == 'bins'):,} {kind}"
            yield found("dangling", text, field=dataset.title, dataset=path, row=at, number=number)
            return
        start += len(numbers)


def losses(paths: Iterable[bytes], table: str, own: Collection[bytes]) -> Iterator[str]:
    """Yield why removing rows of this table would make a copy inconsistent: they are bins or pixels."""
    if not any(BINS in it or PIXELS in it for it in own):
        return
    groups = coolers(frozenset(paths), lambda *_: COOLER)
    inside = tuple(group + above for group in groups for above in (BINS, PIXELS))
    if inside and any(it.startswith(inside) for it in own):
        yield f"{table} belongs to a cooler, whose numbers of bins and pixels would not be true"
