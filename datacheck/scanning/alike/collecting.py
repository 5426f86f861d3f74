"""Collect, in the workers, the digests of the records that are compared and the keys of all records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.decoders import payload
from datacheck.digests.of_blocks import Part
from datacheck.model.blocks import AnyBlock, RowBlock
from datacheck.model.equal_lengths import lengths
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.model.replacing import replace
from datacheck.scanning.profile.profiling import is_mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datacheck.conventions.keys.account import KeyWatch
    from datacheck.scanning.alike.looking import Looking

SHORT = 32
"""Minimum size of a compared value, in bytes. Shorter values are labels, counts and the like, which recur."""
POSE = 4
"""Longest side of a matrix that is taken for intrinsics, a rotation or a pose."""
LOOKS = 8
"""Number of values of a row that are compared first when looking for rows of a single value."""
NUMBERS = frozenset({"npy", "npz", "torch", "safetensors", "pickle", "msgpack", "raw", "rows"})
"""Decoders of arrays that, beside pictures, describe the pictures.

Sound and video are not among them: such records are compared by themselves.
"""
BESIDE = "numbers beside pictures"
TEXTS = frozenset({"json", "text"})
"""Decoders of texts that describe other records, if the store has other records."""


class Chunk(msgspec.Struct):
    """Neighbouring records of a part: the keys of all of them, and the digests of those at `rows`.

    `rows` is None if all records have a digest.
    """

    part: Part
    count: int
    keys: bytes
    lengths: bytes | int
    rows: bytes | None
    digests: bytes


class Taken(msgspec.Struct):
    """The result of one check.

    `left_out` counts the records that are not compared, by reason. `places` has the indexes in the shard of the
    pictures that have `prints`. `values` has the values of some records, by field.
    """

    chunks: list[Chunk] = []
    left_out: dict[str, int] = {}
    places: Any = None
    prints: Any = None
    values: dict[str, Any] = {}


class Collect(msgspec.Struct, frozen=True):
    """A request to collect the digests of a store's records, the prints of its pictures (`looks`), and `values`."""

    looks: bool = False
    values: bool = False

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> Collecting:
        from datacheck.scanning.alike.looking import Looking

        return Collecting(profile, watch, Looking(looks=self.looks) if self.looks or self.values else None)


class Collecting:
    """The digests collected during one check."""

    def __init__(self, profile: Profile, watch: Mapping[str, KeyWatch] | None, looking: Looking | None = None) -> None:
        self._taken = Taken()
        self.view = self._looking = looking
        self._profile, self._watch = profile, watch
        self._left_out: Counter[str] = Counter()
        self._whole = _only_family(profile)
        self._reasons = {name: left_out(name, profile) for name in profile.families}

    @property
    def result(self) -> Taken:
        """The result of the check."""
        import numpy as np

        looking = self._looking
        if looking is not None:
            self._taken.values = looking.values
        if looking is not None and looking.places:
            self._taken.places = np.concatenate(looking.places)
            self._taken.prints = np.concatenate(looking.prints)
        return self._taken

    def take(self, block: AnyBlock, indexes: Sequence[int]) -> AnyBlock:
        """Collect the digests of a block."""
        import numpy as np

        from datacheck.digests.of_blocks import digests_of, joined_keys, keys_of, not_read, part_of

        if not len(block):
            return block
        compared, rows = self._compared(block)
        unread = not_read(block)
        rows = [row for row in rows if row not in unread] if unread else rows
        keys, sizes = joined_keys(keys_of(block))
        every = len(rows) == len(block)
        some = compared if every else compared.take(rows)
        which = None if every else np.asarray(rows, "<u4").tobytes()
        digests = digests_of(some) if len(rows) else b""
        self._taken.chunks.append(Chunk(part_of(block), len(block), keys, sizes, which, digests))
        self._taken.left_out = dict(+self._left_out)
        if self._looking is not None:
            beside = self._beside(block)  # not compared as duplicates, but their values may drift
            digests += digests_of(block.take(beside)) if len(beside) else b""
            self._looking.begin(indexes, [*rows, *beside], digests)
        return block

    def _beside(self, block: AnyBlock) -> Sequence[int]:
        """Return the rows of records that are numbers beside pictures, without unread ones."""
        from datacheck.digests.of_blocks import not_read

        if BESIDE not in self._reasons.values():
            return ()
        if isinstance(block, RowBlock):
            rows: Sequence[int] = range(len(block)) if self._reasons.get(block.table) == BESIDE else ()
        else:
            named = block.named(range(len(block)), self._profile.families)
            rows = [row for row, name in enumerate(named) if name and self._reasons[name] == BESIDE]
        unread = not_read(block)
        return [row for row in rows if row not in unread]

    def _compared(self, block: AnyBlock) -> tuple[AnyBlock, Sequence[int]]:
        """Return a block reduced to what is compared of its records, and the rows of these records."""
        if isinstance(block, RowBlock):
            return self._of_rows(block)
        rows: Sequence[int] = range(len(block))
        watch = (self._watch or {}).get(block.database or "")
        own = set() if watch is None else set(watch.own_rows(block.keys, block.series))
        if own:
            rows = [row for row in rows if row not in own]
        if not self._whole and len(rows):
            named = block.named(rows, self._profile.families)
            keeps = [name is None or not self._reasons[name] for name in named]
            self._left_out.update(
                f"{name} ({self._reasons[name]})" for name, keep in zip(named, keeps, strict=True) if name and not keep
            )
            rows = [row for row, keep in zip(rows, keeps, strict=True) if keep]
        sizes = lengths(block.values)
        if min(sizes, default=SHORT) < SHORT:
            long = [row for row in rows if sizes[row] >= SHORT]
            self._left_out[f"values under {SHORT} bytes"] += len(rows) - len(long)
            rows = long
        return block, rows

    def _of_rows(self, block: RowBlock) -> tuple[AnyBlock, Sequence[int]]:
        import numpy as np

        family = self._profile.families.get(block.table)
        count = len(block)
        large = {name: it for name, it in block.columns.items() if it.nbytes >= SHORT * count and not _is_recurring(it)}
        cells = {name: it for name, it in block.cells.items() if name not in block.labels}
        texts = {} if family is None else {name: it.decoder for name, it in family.columns.items()}
        pictures = {name: it for name, it in cells.items() if name in texts and not _is_text(texts[name])}
        if self._reasons.get(block.table) == BESIDE:
            self._left_out[f"{block.table} ({BESIDE})"] += count
            return block, ()
        if not (large or cells):
            self._left_out[f"{block.table} (labels and numbers)"] += count
            return block, ()
        cells = pictures if large or pictures else cells
        blank = blank_rows(large, count)
        for cell in cells.values():
            blank &= np.array([len(it) < SHORT if hasattr(it, "__len__") else True for it in cell.values], bool)
        for name in (*large, *cells):
            blank[list(block.unwritten.get(name, ()))] = True
        self._left_out["rows that are empty, or of one value"] += int(blank.sum())
        return replace(block, columns=large, cells=cells), np.flatnonzero(~blank).tolist()


def _is_recurring(column: NDArray[Any]) -> bool:
    """Return whether rows are small matrices of cameras or poses, which recur: all pictures of a camera share one."""
    return column.ndim == 3 and max(column.shape[1:]) <= POSE


def blank_rows(columns: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.bool_]:
    """Return which rows have only a single value in each of their columns.

    For most rows, `LOOKS` of their values are enough to show that they have more than one.
    """
    import numpy as np

    blank = np.ones(count, bool)
    for column in columns.values():
        flat = column.reshape(count, -1)
        some = flat[:, np.linspace(0, flat.shape[1] - 1, LOOKS).astype(np.intp)]
        blank &= (some == some[:, :1]).all(axis=1)
        for row in np.flatnonzero(blank).tolist():
            blank[row] = bool((flat[row] == flat[row, 0]).all())
    return blank


def _only_family(profile: Profile) -> bool:
    """Return whether the store has a single family and nothing else, and that family is compared."""
    return (
        len(profile.families) == 1
        and profile.rest is None
        and not any(left_out(it, profile) for it in profile.families)
    )


def left_out(name: str, profile: Profile) -> str:
    """Return why the records of a family are not compared, or "" if they are.

    Labels, words and masks recur, so that equal ones are no duplicates.
    """
    family = profile.families[name]
    others = [it for it in profile.every if not _is_text(it.decoder) and it.decoder != UNKNOWN]
    if family.label:
        return "labels"
    if _is_text(family.decoder) and (others or family.decoder not in TEXTS):
        return payload(family.decoder).title.partition(",")[0].format(field="data")
    if beside_pictures(family, others):
        return BESIDE
    if len(others) > 1 and _recurs(family):
        return "most have one value only"
    if len(others) > 1 and is_mask(name):
        return "masks"
    return ""


def beside_pictures(family: FamilyProfile, others: Sequence[FamilyProfile]) -> bool:
    """Return whether a family describes pictures (boxes, classes, poses), with at least half as many pictures sampled.

    Such values recur: a robot that stands still keeps one pose. The pictures decide whether a sample occurs twice.
    """
    if _has_pictures(family) or not _is_numbers(family):
        return False
    return any(_has_pictures(it) and 2 * it.sampled >= family.sampled for it in others)


def _is_numbers(family: FamilyProfile) -> bool:
    columns = family.columns.values()
    return family.decoder in NUMBERS and all(_is_numbers(it) or _is_text(it.decoder) for it in columns)


def _has_pictures(family: FamilyProfile) -> bool:
    from datacheck.scanning.alike.prints import is_picture

    for field in family.fields.values():
        if field.channels is not None:
            return True
        if field.shape is not None and is_picture(field.shape) and (len(field.shape) == 3 or field.dtype == "uint8"):
            return True
    return any(map(_has_pictures, family.columns.values()))


def _recurs(family: FamilyProfile) -> bool:
    return any(field.constant for field in family.fields.values())


def _is_text(decoder: str) -> bool:
    return decoder in TEXTS or (decoder != UNKNOWN and payload(decoder).beside)
