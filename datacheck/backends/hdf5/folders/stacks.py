"""Find datasets that are a stack of pictures in some files of a folder, and one of these pictures in other files.

ACDC lies in volumes (patient001_frame01.h5, `image` of 10 x 256 x 216) and in slices of them
(patient001_frame01_slice_1.h5, `image` of 256 x 216). A row of a volume is as large as the whole of a slice, so by
design the rows of all files do not have one shape. The files of each kind have names of their own; within a family of
names another number of axes is a fault.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.samples.samples import SURE, Shape


def stacked(names: Sequence[bytes], shapes: Mapping[int, Mapping[bytes, Shape]]) -> frozenset[bytes]:
    """Return the paths of such datasets, given the names of the files and the shapes in each by its number."""
    of_path: dict[bytes, set[Shape]] = defaultdict(set)
    for members in shapes.values():
        for path, shape in members.items():
            of_path[path].add(shape)
    unlike = {path for path, some in of_path.items() if some and _are_stacks(some)}
    return frozenset(it for it in unlike if _are_families_unlike(it, names, shapes))


def _are_stacks(shapes: Iterable[Shape]) -> bool:
    """Check whether the number of axes differs, and some shapes are several of another of them."""
    known = {*shapes}
    return len({len(it) for it in known}) > 1 and any(len(it) > 2 and it[0] > 1 and it[1:] in known for it in known)


def _are_families_unlike(path: bytes, names: Sequence[bytes], shapes: Mapping[int, Mapping[bytes, Shape]]) -> bool:
    """Check whether the number of axes of a dataset differs between families of files, and hardly within them.

    The names of the files of a family differ only in numbers.
    """
    ranks: dict[bytes, Counter[int]] = defaultdict(Counter)
    for number, members in shapes.items():
        if path in members:
            folder, slash, name = names[number].rpartition(b"/")
            ranks[folder + slash + DIGITS.sub(b"#", name)][len(members[path])] += 1
    usual = [it.most_common(1)[0] for it in ranks.values()]
    agreed = all(count >= SURE * it.total() for (_, count), it in zip(usual, ranks.values(), strict=True))
    return agreed and len({rank for rank, _ in usual}) > 1
