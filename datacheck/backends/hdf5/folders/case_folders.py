"""Find folders that are one sample each (a case, an episode), with HDF5 files of the same names in all of them.

The files of a folder, such as case_001/image.h5 and case_001/label.h5, are kept or dropped together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from datacheck.backends.hdf5.folders.file_families import FileShapes
from datacheck.backends.hdf5.names import DIGITS, words
from datacheck.backends.hdf5.samples.samples import EPISODES, FEWEST, PIECES, SURE, Family, Sample, Shape
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding


class Case(NamedTuple):
    """A folder that is a sample, and the part that each of its files is, by file number.

    A part is the file's name, with digits replaced where they number the case.
    """

    folder: bytes
    parts: Mapping[int, bytes]


def case_folders(names: Sequence[bytes]) -> list[list[Case]]:
    """Return the families of folders that are one sample each.

    Folders with a single file form no family, since the file itself is then the sample.
    """
    alike: dict[tuple[bytes, bytes], dict[bytes, list[int]]] = defaultdict(dict)
    for number, name in enumerate(names):
        folder = name.rpartition(b"/")[0]
        above, _, folder_name = folder.rpartition(b"/")
        folder_words = words(folder_name)
        if folder_words & EPISODES and not folder_words & PIECES and DIGITS.search(folder_name):
            alike[above, DIGITS.sub(b"#", folder_name)].setdefault(folder, []).append(number)
    result = []
    for folders in alike.values():
        for part in (_file_name, _file_name_without_numbers):
            family = [Case(folder, {at: part(names[at]) for at in numbers}) for folder, numbers in folders.items()]
            if _is_family(family):
                result.append(family)
                break
    return result


def _is_family(cases: Sequence[Case]) -> bool:
    """Return whether folders hold mostly the same parts, each part once."""
    counts = Counter(it for case in cases for it in set(case.parts.values()))
    usual = [it for it, count in counts.items() if count >= SURE * len(cases)]
    once = all(len(case.parts) == len(set(case.parts.values())) for case in cases)
    return len(cases) >= FEWEST and len(usual) > 1 and once


def _file_name(name: bytes) -> bytes:
    return name.rpartition(b"/")[2]


def _file_name_without_numbers(name: bytes) -> bytes:
    stem, dot, suffix = _file_name(name).rpartition(b".")
    return DIGITS.sub(b"#", stem) + dot + suffix


def case_of(names: Sequence[str]) -> dict[str, str]:
    """Return the folder of each file that is a part of a case, by escaped names."""
    families = case_folders([unescape(it) for it in names])
    return {names[at]: escape(it.folder) for family in families for it in family for at in it.parts}


def findings_of_cases(names: Sequence[str], shapes: FileShapes) -> Iterator[Finding]:
    """Yield the findings about cases that differ from others of their family, on the first file of the case."""
    for cases in case_folders([unescape(it) for it in names]):
        first = {it.folder: names[min(it.parts)] for it in cases}
        family = Family([Sample(it.folder, _members(it, shapes.compared)) for it in cases], "folder")
        for sample, finding in family.findings() if family.alike else ():
            yield msgspec.structs.replace(finding, file=first[sample.path])


def _members(case: Case, shapes: Mapping[int, Mapping[bytes, Shape]]) -> dict[bytes, Shape]:
    return {
        part + b"/" + path.lstrip(b"/"): shape
        for at, part in case.parts.items()
        for path, shape in shapes.get(at, {}).items()
    }
