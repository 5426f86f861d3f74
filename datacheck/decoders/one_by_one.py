"""Decode a block record by record, and stack values of equal shape and dtype into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from datacheck.decoders.interface import Field, Read
from datacheck.decoders.trees.paths import PAIRED, is_label
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray


STACKED_BYTES = 1 << 16
"""Values up to this size in bytes are copied into a shared batch; larger ones become batches of one without a copy."""


def decode_each(
    read: Read, block: Block, rows: Sequence[int], profile: FamilyProfile | None
) -> Iterator[Batch | tuple[int, Finding]]:
    """Decode record by record and stack fields that are alike: the default for decoders without a faster way."""
    import numpy as np  # here, so that looking up a decoder's name does not load it

    stacks: dict[tuple[Any, ...], tuple[Field, list[int], list[NDArray[Any]]]] = {}
    rows_without: dict[str, list[int]] = {}
    expected_fields = {} if profile is None else {name: it for name, it in profile.fields.items() if it.share > 0.5}
    for row in rows:
        reading = read(block.values[row], profile)
        for finding in reading.findings:
            yield row, finding
        missing = reading.lacks
        if missing is None:
            if any(finding.verdict == "bad" for finding in reading.findings):
                continue
            missing = [*(expected_fields.keys() - {field.name for field in reading.fields})]
        for name in missing:
            rows_without.setdefault(name, []).append(row)
        for field in reading.fields:
            if field.values.nbytes > STACKED_BYTES and not field.pixels_skipped:
                yield _batch(field, [row], field.values[None], profile)
                continue
            key = (
                field.name, field.format, field.values.shape, field.values.dtype, field.pixels_skipped, field.label
            )  # fmt: skip
            _, at, values = stacks.setdefault(key, (field, [], []))
            at.append(row)
            values.append(field.values)
    for field, at, values in stacks.values():
        shape = (len(at), *field.values.shape)
        yield _batch(
            field, at, np.broadcast_to(values[0], shape) if field.pixels_skipped else np.stack(values), profile
        )
    for name, at in rows_without.items():
        yield Batch(
            name, (), np.empty(0), label=is_label(name) or name in PAIRED, absent=at, expected=expected_fields[name]
        )


def _batch(field: Field, rows: Sequence[int], values: NDArray[Any], profile: FamilyProfile | None) -> Batch:
    return Batch(
        field.name,
        rows,
        values,
        format=field.format,
        encoded=field.encoded,
        label=field.label,
        expected=None if profile is None else profile.fields.get(field.name),
        pixels_skipped=field.pixels_skipped,
        leaf=field.leaf,
    )
