"""Check and correct counts of samples and rows in a JSON file beside an HDF5 file, as Minari writes them.

main_data.hdf5 has a group for each episode; metadata.json beside it has the number of episodes and of all steps.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.backends.hdf5.folders.file_lists import COUNTS
from datacheck.backends.hdf5.meaning import Meaning
from datacheck.backends.hdf5.paths import nearest
from datacheck.backends.hdf5.samples.counts_in_attributes import BUDGET, NEAR, SAMPLES, TOTALS, Counted
from datacheck.backends.hdf5.tables import Contents
from datacheck.files.regular import NotRegular, read_whole
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

if TYPE_CHECKING:
    from datacheck.backends.hdf5.reader import Hdf5Reader

LARGEST = 1 << 20


def with_counts(reader: Hdf5Reader, number: int, contents: Contents) -> tuple[Contents, list[Finding]]:
    """Return the contents of a file of a folder with the counts beside it, and findings about counts that are wrong."""
    means = contents.means or Meaning()
    above = {it.rpartition(b"/")[0] for it in means.samples}
    if not reader.path.is_dir() or len(above) != 1 or not reader.options.heeded:
        return contents, []
    file = reader.files[number].parent / os.fsdecode(COUNTS)
    declared = _counts_in_file(file) if file.is_file() else {}
    if not declared or _has_siblings(reader, number):
        return contents, []
    real, root = file.resolve(), reader.path.resolve()
    inside = real.is_relative_to(root)  # a link may lead to another file, which is then the one to correct
    path = os.fsencode(real.relative_to(root) if inside else file.relative_to(reader.path))
    counts = list(_counts(path, declared, contents))
    # a count that may be of something else, or is in a file that is not copied, stays as it is
    sure = [it for it in counts if inside and (it.true or _is_near(it, declared, contents))]
    known = replace(contents, means=replace(means, counts=(*means.counts, *sure))) if sure else contents
    return known, [it for count in counts if not count.true for it in _count_findings(count, declared, contents)]


def _has_siblings(reader: Hdf5Reader, number: int) -> bool:
    """Return whether another HDF5 file lies in the folder of a file; as files are sorted, a folder's are adjacent."""
    folder = reader.files[number].parent
    before, after = reversed(reader.files[:number]), reader.files[number + 1 :]
    for files in (before, after):
        for other in itertools.takewhile(lambda it: it.is_relative_to(folder), files):
            if other.parent == folder:
                return True
    return False


def _counts_in_file(file: Path) -> Mapping[bytes, int]:
    """Return the integers that a JSON object has under names of counts, if the name is in the text exactly once."""
    try:
        raw = read_whole(file, LARGEST)
        document = json.loads(raw)
    except (OSError, NotRegular, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    values = {name: document.get(name.decode()) for name in (*SAMPLES, *TOTALS)}
    numbers = {name: it for name, it in values.items() if isinstance(it, int) and not isinstance(it, bool)}
    return {name: it for name, it in numbers.items() if len(_count_pattern(name).findall(raw)) == 1}


def _count_pattern(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'("%s"\s*:\s*)(-?[0-9]+)' % re.escape(name))


def _counts(path: bytes, declared: Mapping[bytes, int], contents: Contents) -> Iterator[Counted]:
    """Yield the counts if one of them is of samples; without it, it is unknown what the others count."""
    means = contents.means or Meaning()
    samples, rows = tuple(sorted(means.samples)), _rows_by_sample(contents)
    if not any(name in SAMPLES for name in declared) or len(rows) < len(samples):
        return
    for name, number in declared.items():
        counts_samples = name in SAMPLES
        actual = len(samples) if counts_samples else sum(rows.values())
        if counts_samples or number == actual:
            yield Counted(path, name, samples, counts_samples, number == actual)
        elif counted_dataset := _summed_dataset(samples, contents, number):
            yield Counted(path, name, samples, of=counted_dataset)
        elif name == BUDGET:
            yield Counted(path, name, samples, true=False)


def _summed_dataset(samples: Sequence[bytes], contents: Contents, total: int) -> bytes:
    """Return the name of the dataset whose rows in all samples add up to `total`, or an empty name if there is none."""
    within, heights = frozenset(samples), defaultdict(list)
    for path, shape in contents.shapes:
        above = nearest(path, within)
        if above and shape:
            heights[path[len(above) + 1 :]].append(shape[0])
    return next(
        (name for name, rows in sorted(heights.items()) if len(rows) == len(samples) and sum(rows) == total), b""
    )


def _rows_by_sample(contents: Contents) -> dict[bytes, int]:
    heights = {path: shape[0] for path, shape in contents.shapes if shape}
    members = (contents.means or Meaning()).members or {}
    return {sample: heights[paths[0]] for sample, paths in members.items() if paths}


def _actual_count(count: Counted, contents: Contents) -> int:
    return len(count.samples) if count.whole else sum(_rows_by_sample(contents).values())


def _is_near(count: Counted, declared: Mapping[bytes, int], contents: Contents) -> bool:
    return _actual_count(count, contents) >= NEAR * declared[count.name]


def _count_findings(count: Counted, declared: Mapping[bytes, int], contents: Contents) -> Iterator[Finding]:
    actual = _actual_count(count, contents)
    number, what = declared[count.name], "samples" if count.whole else "rows in all samples together"
    text = f"{escape(count.path)}: {escape(count.name)} says {number:,}, and there are {actual:,} {what}"
    yield found(
        "count", text, verdict=None if _is_near(count, declared, contents) else "suspicious",
        path_of=escape(count.path), attribute=escape(count.name), said=number, there=actual,
    )  # fmt: skip


def beside(count: Counted) -> bool:
    """Return whether a count is in a file beside the HDF5 file: its path is then not that of an object."""
    return not count.path.startswith(b"/")


def amended(folder: Path, numbers: Mapping[tuple[bytes, bytes], object]) -> dict[Path, bytes]:
    """Return the new bytes of the files in a folder whose counts change to `numbers`, by relative path."""
    result: dict[Path, bytes] = {}
    for (path, name), number in numbers.items():
        if not path.startswith(b"/"):
            within = Path(os.fsdecode(path))
            raw = result.get(within) or read_whole(folder / within, LARGEST)
            assert isinstance(number, int)  # only the shape of a matrix is several numbers
            result[within] = _count_pattern(name).sub(rb"\g<1>%d" % number, raw)
    return result
