"""Determine what a store should hold from a fixed, evenly spread sample of its records.

The results of probes add up: first the looks of their values (`recognition.Look`), which decide the decoder of each
family, then what that decoder makes of the values (`Sums`). So a probe that dies loses nothing of the other probes.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from datacheck.checks.axis_order import Agreement
from datacheck.checks.floats import beyond_half, finite_values
from datacheck.decoders import SIDE_DECODERS, decoder
from datacheck.decoders.cells import PICTURE, kinds, may_be_padded, payloads, ragged
from datacheck.decoders.interface import NamingClasses
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block, RowBlock
from datacheck.model.cells import PADDED, RAGGED, SHORT, Cells
from datacheck.model.finding import UNKNOWN_TIMES
from datacheck.model.key_families import size_in_name
from datacheck.model.profile import EMPTY, NEARLY_ALL, UNKNOWN, FamilyProfile, FieldProfile, Profile
from datacheck.model.settings import Array
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.profile.alike_axes import alike_axes, varies_in_number
from datacheck.scanning.profile.leading import Leading
from datacheck.scanning.profile.recognition import Families, Vote, elected, usual_form
from datacheck.scanning.profile.sampled import PROBE_BYTES
from datacheck.scanning.profile.ties import Extents

T = TypeVar("T")

PROFILE_BYTES = 4 << 20
"""Bytes read after which no further probes are read, if there are enough values of each family."""
SAMPLE_BYTES = 64 << 20
"""Maximum bytes of all probes kept in memory; values beyond that are read again when they are decoded."""
FIELDS = 256
"""Maximum number of fields in a family's profile. Those that most records have are kept."""
CLASSES = 64
"""Maximum number of class names in a family's profile."""
FEWEST_OF_SIZE = 8
"""Minimum number of pictures of the size in their family's name before another size is wrong."""
FEWEST_FOLLOWED = 16
"""Minimum number of sampled records for bytes after the end of nearly all of them to be reported once."""
USUAL = 0.75
"""Share of the pictures that must be exceeded by one number of channels for it to be the expected one."""
TOGETHER = 1024
"""Maximum number of values of a record for the means of all records to be computed at once."""


USUALLY_UNTIMED = 0.1
"""If more than this share of the sampled records have times that are NaT in a field, these are not known on purpose."""
FEWEST_UNTIMED = 3
"""Minimum number of these records: in a store of a few, one may be a fault."""
OF_FILES = 0.75
"""Minimum share of the rows of many files that must have one shape for other shapes to be faults."""
MASKS_OF_ONE_VALUE = 10
"""If more than one in this many masks has a single value, this is reported once for the field."""
_OF_MASKS = "mask masks seg segmentation segmentations annotation annotations gt roi lesion labelmap"
MASKS = frozenset(_OF_MASKS.split())
_WORDS = re.compile(r"[a-z]+")


def is_mask(name: str) -> bool:
    """Return whether a field or a family has a name that is usual for masks."""
    return not MASKS.isdisjoint(_WORDS.findall(name.rpartition("/")[2].lower()))


class FieldSums(msgspec.Struct):
    """The counts of shapes, formats and dtypes of one field, the mean of each record, and other sums."""

    shapes: Counter[tuple[int, ...]] = msgspec.field(default_factory=Counter)
    formats: Counter[str] = msgspec.field(default_factory=Counter)
    dtypes: Counter[str] = msgspec.field(default_factory=Counter)
    encoded: bool = False
    leaf: bool = False
    label: bool = False
    means: list[float] = msgspec.field(default_factory=list)
    constants: int = 0
    beyond_half: int = 0
    agreement: Agreement = msgspec.field(default_factory=Agreement)

    def take(self, batch: Batch) -> None:
        self.leaf |= batch.leaf
        self.shapes[batch.shape] += len(batch.rows)
        self.formats[batch.format] += len(batch.rows)
        self.dtypes[str(batch.values.dtype)] += len(batch.rows)
        self.encoded |= batch.encoded
        self.label |= batch.label
        self.means += _means(batch)
        if batch.floating and not batch.label and batch.values.size:
            self.beyond_half += int(np.count_nonzero(beyond_half(batch)))
        if not (batch.label or batch.listing or batch.pixels_skipped or batch.few):
            self.constants += int(np.count_nonzero(batch.constant))
            self.agreement.take(batch)

    def add(self, other: FieldSums) -> None:
        self.shapes += other.shapes
        self.formats += other.formats
        self.dtypes += other.dtypes
        self.encoded |= other.encoded
        self.leaf |= other.leaf
        self.label |= other.label
        self.means += other.means
        self.constants += other.constants
        self.beyond_half += other.beyond_half
        self.agreement += other.agreement

    def profile(
        self, records: int, *, channels_first: bool = False, size: int | None = None, mask: bool = False, rows: bool
    ) -> FieldProfile:
        """Return what the field should hold, given that it was searched in `records` records.

        `size` is the size in the family's name. A `mask` often has a single value, if its picture shows no object.
        `rows` of one file have one shape; if the rows of many files differ, the shape is taken to be that of each file.
        """
        count = sum(self.shapes.values())
        varies = len(self.shapes) > 1 if self.encoded else self.leaf and not _is_agreed(self.shapes)
        varies |= rows and not self.encoded and not _is_agreed(self.shapes, OF_FILES)
        apart = self.leaf and not self.encoded
        varies |= apart and len(self.shapes) > 1 and not (self.label or rows) and varies_in_number(self.shapes)
        shape = _most_common(self.shapes) if count and not varies else None
        return FieldProfile(
            shape=shape,
            dtype="" if apart and not _is_agreed(self.dtypes) else _most_common(self.dtypes),
            format="" if apart and not _is_agreed(self.formats) else _most_common(self.formats),
            share=round(count / records, 4) if records else 0.0,
            centre=float(np.float32(math.fsum(self.means) / len(self.means))) if self.means else 0.0,
            channels=self._channels(count) if self.encoded else None,
            constant=(MASKS_OF_ONE_VALUE if mask else 2) * self.constants > count,
            large=2 * self.beyond_half > count,
            axis_order=channels_first and shape is not None and self.agreement.of(shape, count),
            size=size if self.encoded and self._all_have_size(size, count) else None,
            axes=alike_axes(self.shapes) if varies and apart and not (self.label or rows) else (),
        )

    def _all_have_size(self, size: int | None, count: int) -> bool:
        """Return whether nearly all pictures have this height and width."""
        having = sum(number for shape, number in self.shapes.items() if shape[1:] == (size, size))
        return having >= max(FEWEST_OF_SIZE, NEARLY_ALL * count)

    def _channels(self, count: int) -> int | None:
        """Return the number of channels that most pictures have, or None if their share is too small."""
        channels: Counter[int] = Counter()
        for shape, number in self.shapes.items():
            if len(shape) > 2:  # others are not pictures, but are in this field in some records
                channels[shape[0]] += number
        most = _most_common(channels)
        return most if channels[most] > USUAL * count else None


class Sums(msgspec.Struct):
    """The sums over decoded records of one family or rows of one table.

    `broken` records have no fields. Records that are `followed` have bytes after the end of their payload. `leading`
    counts those whose numbers lead to nothing in them, `untimed` those with times that are NaT, by field.
    """

    records: int = 0
    broken: int = 0
    followed: int = 0
    leading: Leading = msgspec.field(default_factory=Leading)
    untimed: Counter[str] = msgspec.field(default_factory=Counter)
    fields: dict[str, FieldSums] = msgspec.field(default_factory=dict)
    classes: set[str] = msgspec.field(default_factory=set)
    columns: dict[str, ColumnSums] = msgspec.field(default_factory=dict)
    extents: Extents = msgspec.field(default_factory=Extents)

    def take(self, batches: Iterable[Batch], records: int) -> None:
        """Add the batches that `records` records were decoded to."""
        self.records += records
        for batch in batches:
            if not len(batch.rows):
                continue
            self.fields.setdefault(batch.field, FieldSums()).take(batch)
            self.extents.take(batch)
        self.extents.records += records

    def add(self, other: Sums) -> None:
        self.records += other.records
        self.broken += other.broken
        self.followed += other.followed
        self.leading += other.leading
        self.untimed += other.untimed
        self.classes |= other.classes
        self.extents.add(other.extents)
        for name, sums in other.fields.items():
            self.fields.setdefault(name, FieldSums()).add(sums)
        for name, column in other.columns.items():
            self.columns.setdefault(name, ColumnSums()).add(column)

    def profile(self, name: str, sampled: int, vote: Vote | None = None, size: int | None = None) -> FamilyProfile:
        fields = {}
        columns = {it: sums.profile() for it, sums in sorted(self.columns.items()) if sums.profiled}
        for field_name, sums in sorted(self.fields.items()):
            if field_name in columns and self.columns[field_name].maybe:
                continue
            first = self._channels_first(name, field_name)
            sound = self.records - self.broken
            mask = is_mask(field_name)
            fields[field_name] = sums.profile(sound, channels_first=first, size=size, mask=mask, rows=name == "rows")
        if len(fields) > FIELDS:
            order = sorted(fields, key=lambda it: (-fields[it].share, it))
            fields = {name: fields[name] for name in sorted(order[:FIELDS])}
        kinds = {} if vote is None else {it: vote.kinds[it] for it in sorted(vote.kinds) if vote.kinds[it]}
        classes = tuple(sorted(self.classes)[:CLASSES])
        tied, loose = self.extents.tied()
        made = FamilyProfile(name, sampled, fields, kinds, classes=classes, columns=columns, tied=tied, loose=loose)
        if self.leading.some:
            having = {it: sum(sums.shapes.values()) for it, sums in self.fields.items()}
            made = msgspec.structs.replace(made, elsewhere=self.leading.elsewhere(having))
        if self.untimed:
            least = USUALLY_UNTIMED * self.records
            usual = (it for it, count in self.untimed.items() if count >= FEWEST_UNTIMED and count > least)
            made = msgspec.structs.replace(made, untimed=tuple(sorted(usual)))
        trailing = self.records >= FEWEST_FOLLOWED and self.followed >= NEARLY_ALL * self.records
        return made if vote is None else msgspec.structs.replace(vote.applied_to(made), trailing=trailing)

    def _channels_first(self, decoder_name: str, field_name: str) -> bool:
        """Return whether arrays have their channels first, as in a Datum, or as floats with labels for Caffe's layer.

        Other HDF5 files and .npy arrays may have them first or last; only their loaders know.
        """
        if decoder_name == "datum":
            return True
        labelled = any(it.label for it in self.fields.values())
        floating = _most_common(self.fields[field_name].dtypes).startswith("float")
        return decoder_name == "rows" and field_name == "data" and labelled and floating


class ColumnSums(msgspec.Struct):
    """The sums over a column of cells: the number of each kind, and the sums over what their decoders made of them.

    `forms` are the known formats of unknown cells. A `maybe` column has numbers, unless most of its rows are pictures.
    """

    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    forms: Counter[str] = msgspec.field(default_factory=Counter)
    by_kind: dict[str, Sums] = msgspec.field(default_factory=dict)
    label: bool = False
    maybe: bool = False
    short: bool = False

    def take(self, block: RowBlock, name: str, cells: Cells, *, pixels: bool) -> None:
        """Add the cells of a block that were read. Only as many are decoded as fit in PROBE_BYTES."""
        self.maybe, self.label = cells.holds == PADDED, name in block.labels
        lost = block.left_out(name)
        rows = [row for row in range(len(block)) if row not in lost]
        cell_kinds = [*blamed("undecodable", kinds, cells.take(rows))]
        self.kinds.update(cell_kinds)
        if cells.holds == RAGGED:
            full = [row for row, it in zip(rows, cell_kinds, strict=True) if it != EMPTY]
            self.short |= any(np.size(cells.values[row]) <= SHORT for row in full)
            self._sums("rows").take(ragged("data", "", cells, full, None, label=False), len(full))
            return
        if self.maybe and PICTURE not in cell_kinds:
            return
        from datacheck.decoders.foreign import known_format  # rows of numbers never need it

        room, values = PROBE_BYTES, payloads(cells.take(rows))
        alike: dict[str, list[bytes | memoryview]] = defaultdict(list)
        for value, it in zip(values, cell_kinds, strict=True):
            self.forms.update([known_format(value) or ""] if it == UNKNOWN else ())
            if it in (EMPTY, UNKNOWN) or (room < len(value) and room < PROBE_BYTES):
                continue
            room -= len(value)
            alike[it].append(value)
        for it, some in alike.items():
            self._sums(it).add(sums_of_values(some, it, pixels=pixels, label=self.label and it in SIDE_DECODERS))

    def _sums(self, name: str) -> Sums:
        return self.by_kind.setdefault(name, Sums())

    def add(self, other: ColumnSums) -> None:
        self.kinds += other.kinds
        self.forms += other.forms
        self.label |= other.label
        self.maybe |= other.maybe
        self.short |= other.short
        for name, sums in other.by_kind.items():
            self._sums(name).add(sums)

    @property
    def _vote(self) -> Vote:
        decoder = elected(self.kinds)
        return Vote(decoder, self.kinds, self.label and decoder in SIDE_DECODERS, form=usual_form(self.forms))

    @property
    def profiled(self) -> bool:
        """Whether it is a column of cells."""
        return not self.maybe or self._vote.decoder == PICTURE

    def profile(self) -> FamilyProfile:
        vote = self._vote
        made = self.by_kind.get(vote.decoder, Sums()).profile(vote.decoder, self.kinds.total(), vote)
        return msgspec.structs.replace(made, short=self.short)


def added(parts: Iterable[Mapping[str | None, Sums]]) -> dict[str | None, Sums]:
    """Return the sums of several probes as one."""
    total: dict[str | None, Sums] = defaultdict(Sums)
    for part in parts:
        for family, sums in part.items():
            total[family].add(sums)
    return dict(total)


def sums_of_rows(block: RowBlock, *, pixels: bool = True) -> Sums:
    """Return the sums over the rows of a table, and over the payloads in its columns."""
    sums = Sums()
    items = blamed("undecodable", decoder("rows").decode, block, range(len(block)), None)
    sums.take((it for it in items if isinstance(it, Batch)), len(block))
    for name, cells in block.cells.items():
        sums.columns.setdefault(name, ColumnSums()).take(block, name, cells, pixels=pixels)
    for name, values in block.columns.items():
        if may_be_padded(values):
            sums.columns.setdefault(name, ColumnSums()).take(block, name, Cells(PADDED, values), pixels=pixels)
    return sums


def sums_of_values(
    values: Sequence[bytes | memoryview], name: str, *, pixels: bool, label: bool = False, array: Array | None = None
) -> Sums:
    """Return the sums over values decoded by the decoder `name`.

    Without `pixels`, pictures whose pixels are not decoded have no mean.
    """
    sums = Sums()
    block = Block([b""] * len(values), values)
    decodes = decoder(name)
    family = FamilyProfile(name, 0, label=label, array=array) if label or array else None
    items = [*blamed("undecodable", decodes.decode, block, range(len(values)), family, pixels=pixels)]
    batches = [it for it in items if isinstance(it, Batch)]
    sums.take(batches, len(values))
    findings = [it for it in items if not isinstance(it, Batch)]
    sums.leading.take(findings)
    untimed = {(row, it.field or "") for row, it in findings if UNKNOWN_TIMES in it.details}
    sums.untimed.update(name for _, name in untimed)
    bad = {row for row, it in findings if it.verdict == "bad"}
    sums.followed = len({row for row, it in findings if it.code == "trailing-data"})
    sums.broken = len(bad.difference(*(batch.rows for batch in batches)))
    if isinstance(decodes, NamingClasses):
        with blaming("undecodable"):
            sums.classes.update(*map(decodes.classes, values))
    return sums


def profile_of_families(families: Families, sums: Mapping[str | None, Sums]) -> Profile:
    """Return the profile of keys and values from the votes and from the sums over decoded values."""

    def family_profile(family: str | None, vote: Vote) -> FamilyProfile:
        decoded = sums.get(family, Sums())
        others = vote.full if vote.decoder == UNKNOWN else 0
        size = None if family is None else size_in_name(family)
        return decoded.profile(vote.decoder, decoded.records + others + vote.empty, vote, size)

    rest = None if families.rest is None else family_profile(None, families.rest)
    return Profile({family: family_profile(family, vote) for family, vote in families.votes.items()}, rest)


def undecided(families: Families, sums: Mapping[str | None, Sums]) -> tuple[str | None, ...]:
    """Return the families that have values to decode, but none that was decoded."""
    every = [*families.votes.items(), *([] if families.rest is None else [(None, families.rest)])]
    return tuple(name for name, it in every if it.full and it.decoder != UNKNOWN and name not in sums)


def profile_of_tables(sums: Mapping[str | None, Sums]) -> Profile:
    """Return the profile of tables from the sums over their rows."""
    tables = {name: it for name, it in sums.items() if name is not None}
    return Profile({name: tables[name].profile("rows", tables[name].records) for name in sorted(tables)})


def _is_agreed(counts: Counter[T], share: float = NEARLY_ALL) -> bool:
    """Return whether one value has at least this share of the counts."""
    return not counts or max(counts.values()) >= share * counts.total()


def _most_common(counts: Counter[T]) -> T:
    return max(sorted(counts, key=str), key=lambda value: counts[value])


def _means(batch: Batch) -> Iterator[float]:
    """Yield the mean of each record's finite values, clipped to float32's range."""
    if batch.pixels_skipped or not batch.width or batch.values.dtype.kind == "S":
        return
    if isinstance(batch.values, np.ndarray) and batch.width <= TOGETHER:
        means = batch.values.reshape(len(batch.values), -1).mean(axis=1, dtype=np.float64)
        if np.isfinite(means).all():
            yield from np.clip(means, -1e38, 1e38).tolist()
            return
    for record in batch.values:
        flat = record.reshape(-1)
        with np.errstate(invalid="ignore"):
            total = flat.sum(dtype=np.float64).item()
        if not math.isfinite(total):
            flat = finite_values(flat)
            total = flat.sum(dtype=np.float64).item()
        if flat.size:
            yield min(max(total / flat.size, -1e38), 1e38)
