"""Compare the files of a folder that are one sample each, or that hold samples like those of the other files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.names import DIGITS, FEATURES, WORDS, words
from datacheck.backends.hdf5.samples.picture_shapes import SMALLEST
from datacheck.backends.hdf5.samples.samples import FEWEST, Family, Sample, Shape, called_a_sample
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.profile import NEARLY_ALL
from datacheck.model.sample_sets import SETS

MEMBERS = 1 << 21
"""Maximum number of datasets, over all files, that are compared. Files beyond it are left out."""
MANY = FEATURES | frozenset(b"x data emb embs vector vectors latent latents hidden states codes tokens samples".split())
"""Words in the names of datasets that may have a row for each of many samples."""
FEWEST_SQUARE, SQUARE, FEWEST_SHAPES = 4, 0.9, 16
"""Minimum number and share of files with a square dataset for all of them to be pictures or matrices, and minimum
number of files for an unusual number of rows to mean something."""


def families_of_files(names: Sequence[bytes], shapes: Mapping[int, Mapping[bytes, Shape]]) -> Iterator[Family]:
    """Yield the families among the files of a folder, given the shapes in each file by its number.

    The names of the files of a family differ only in numbers, or are the same in different folders, such as a
    trajectory.h5 for each day.
    """
    alike: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for number in shapes:
        folder, _, name = names[number].rpartition(b"/")
        folded = DIGITS.sub(b"#", name.rpartition(b".")[0] or name)
        above, _, folder_name = folder.rpartition(b"/")
        if b"#" in folded:
            alike[folder, folded].append(number)
        elif folder and SETS.isdisjoint(WORDS.findall(folder_name.lower())):
            alike[b"" if called_a_sample(name) else above, b"*/" + name].append(number)
    for (_, like), numbers in alike.items():
        if like.startswith(b"*/") and len(numbers) <= FEWEST:
            continue
        family = Family([Sample(names[number], shapes[number]) for number in numbers], "file")
        if family.alike:
            yield family


def are_square(family: Family) -> bool:
    """Check whether nearly every file of a family has one dataset, and as many columns in it as rows.

    A file of 1024 embeddings of 1024 numbers is no picture.
    """
    if any(words(it) & MANY for it in family.names):
        return False
    square = sum(len(it) == 2 and it[0] == it[1] >= SMALLEST for it in _only_shapes(family).values())
    return square >= max(FEWEST_SQUARE, SQUARE * len(family.samples))


def _only_shapes(family: Family) -> dict[int, Shape]:
    """Return the shape of the dataset of each file that has only one, by the position of the file."""
    samples = enumerate(family.samples)
    return {at: next(iter(it.members.values())) for at, it in samples if len(it.members) == 1}


def _cut_squares(family: Family) -> Iterator[tuple[Sample, Finding]]:
    """Yield each file whose only dataset has other rows than the square ones of one size in nearly all others.

    The last file is left out, which may have fewer rows if they are samples after all.
    """
    shapes = _only_shapes(family) if len(family.samples) >= FEWEST_SHAPES and are_square(family) else {}
    usual, count = next(iter(Counter(shapes.values()).most_common(1)), ((), 0))
    last = max(shapes, key=lambda it: [*map(int, DIGITS.findall(family.samples[it].path))], default=0)
    for at, shape in shapes.items():
        if at == last:
            continue
        if count >= NEARLY_ALL * len(family.samples) and len(shape) == 2 and shape[0] != usual[0]:
            sample = family.samples[at]
            text = f"{escape(sample.path)} has {counted(shape[0], 'row')}, where nearly all others have {usual[0]:,}"
            finding = found("shape", text, verdict="suspicious", sample=escape(sample.path), found=list(shape),
                            expected=list(usual))  # fmt: skip
            yield sample, finding


class FileShapes(msgspec.Struct):
    """The shapes of the datasets of each file of a folder, by file number.

    `compared` has the shapes that are comparable between files (see `own_samples`). `left_out` is the number of files
    that were left out since MEMBERS was exceeded.
    """

    by_file: dict[int, Mapping[bytes, Shape]] = msgspec.field(default_factory=dict)
    compared: dict[int, Mapping[bytes, Shape]] = msgspec.field(default_factory=dict)
    members: int = 0
    left_out: int = 0

    def add(
        self, number: int, shapes: Sequence[tuple[bytes, Shape]], compared: Sequence[tuple[bytes, Shape]] | None = None
    ) -> None:
        self.members += len(shapes)
        if self.members > MEMBERS:
            self.left_out += 1
        else:
            self.by_file[number] = dict(shapes)
            alike = compared is None or len(compared) == len(shapes)
            self.compared[number] = self.by_file[number] if alike else dict(compared or ())


def findings_of_files(names: Sequence[str], shapes: FileShapes, reported: Sequence[Finding] = ()) -> Iterator[Finding]:
    """Yield findings for files, given by their escaped names, that differ from other files of their family.

    A difference in row counts is not repeated if a finding in `reported` reports it already.
    """
    counts: dict[str | None, list[set[str]]] = defaultdict(list)
    for it in reported:
        if it.code == "row-count":
            counts[it.file].append(set(it.details.get("rows", ())))
    for family in families_of_files([unescape(it) for it in names], shapes.compared):
        for file, finding in (*family.findings(), *_cut_squares(family)):
            rows = set(finding.details.get("rows", ()))
            if not (rows and any(rows <= it for it in counts[escape(file.path)])):
                yield msgspec.structs.replace(finding, file=escape(file.path))
    if shapes.left_out:
        text = (
            f"{counted(shapes.left_out, 'file is', 'files are')} not compared with the others: they have "
            f"{counted(shapes.members, 'dataset')} in all"
        )
        yield found("unsupported", text, files=shapes.left_out)
