"""Find datasets that are a stack of pictures in some files of a folder, and one of these pictures in other files.

ACDC lies in volumes (patient001_frame01.h5, `image` of 10 x 256 x 216) and in slices of them
(patient001_frame01_slice_1.h5, `image` of 256 x 216). A row of a volume is as large as the whole of a slice, so by
design the rows of all files do not have one shape. The files of each kind have names of their own; within a family of
names another number of axes is a fault. So it is in a file whose name is like no other, unless it is a volume of which
other files are the slices.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from datacheck.backends.hdf5.names import family_name
from datacheck.backends.hdf5.samples.samples import SURE, Shape

SEPARATORS = re.compile(rb"[_-]+")
"""What is between the name of a volume and the rest of the name of its slice."""


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
    families: dict[bytes, list[int]] = defaultdict(list)
    for number, members in shapes.items():
        if path in members:
            families[family_name(names[number])].append(number)
    of_rank: dict[int, list[list[int]]] = defaultdict(list)
    for files in families.values():
        rank, count = Counter(len(shapes[it][path]) for it in files).most_common(1)[0]
        if count < SURE * len(files):
            return False
        of_rank[rank].append(files)
    apart = [it for some in of_rank.values() if max(map(len, some)) == 1 for files in some for it in files]
    return len(of_rank) > 1 and (not apart or _have_slices(apart, path, names, shapes))


def _have_slices(
    volumes: Sequence[int], path: bytes, names: Sequence[bytes], shapes: Mapping[int, Mapping[bytes, Shape]]
) -> bool:
    """Check whether each of some files is a volume with slices in other files.

    These are all files with the shape of a slice, or their names, or the name of their folder, begin with that of the
    volume.
    """
    alike: Counter[tuple[Shape, bytes]] = Counter()
    for number, members in shapes.items():
        if path in members:
            stem, above = _stem(names[number]), names[number].rpartition(b"/")[0]
            begins = {stem[: it.start()] for it in SEPARATORS.finditer(stem)} | {_stem(above)}
            alike.update((members[path], it) for it in begins | {b""})
    for number in volumes:
        shape = shapes[number][path]
        of_volume = alike[shape[1:], _stem(names[number])]
        if len(shape) < 2 or (of_volume < 2 and alike[shape[1:], b""] != shape[0]):
            return False
    return True


def _stem(name: bytes) -> bytes:
    return name.rpartition(b"/")[2].partition(b".")[0]
