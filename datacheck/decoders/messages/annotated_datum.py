"""Decode SSD's AnnotatedDatum: a Datum with groups of labelled boxes.

Source: caffe.proto in the ssd branch of weiliu89/caffe. Coordinates are divided by the picture's width and height. The
converter only warns about boxes that extend beyond the picture, and stores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.datum.decoder import DatumDecoder
from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.messages.wire import FIXED32, LEN, VARINT, Broken, Bytes, floats, parts, signed
from datacheck.decoders.one_by_one import decode_each
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

DATUM, TYPE, GROUP = 1, 2, 3
LABEL, ANNOTATION = 1, 2
BOX = 2
TOP = {DATUM: (LEN,), TYPE: (VARINT,), GROUP: (LEN,)}
GROUPS = {LABEL: (VARINT,), ANNOTATION: (LEN,)}
ANNOTATIONS = {1: (VARINT,), BOX: (LEN,)}
CORNERS = ("xmin", "ymin", "xmax", "ymax")
BOXES = {
    1: (FIXED32,),
    2: (FIXED32,),
    3: (FIXED32,),
    4: (FIXED32,),
    5: (VARINT,),
    6: (VARINT,),
    7: (FIXED32,),
    8: (FIXED32,),
}
BEYOND = 0.01
"""Tolerance by which boxes may extend beyond the picture, as a fraction of its size; rounding causes as much."""
MOST_LISTED = 3
"""Maximum number of boxes listed in a finding."""


class _Annotated:
    """The parsed parts of a message: its Datum, the labels of its groups, and its boxes."""

    def __init__(self, value: Value) -> None:
        self.datum: Bytes | None = None
        self.labels: list[int] = []
        self.boxes: list[list[float]] = []
        self.typed = False
        for part in parts(memoryview(value), TOP):
            if part.number == TYPE:
                self.typed = True
            elif part.number == GROUP:
                self._group(part.raw)
            elif self.datum is not None:
                raise Broken("undecodable", "a second Datum")
            else:
                self.datum = part.raw

    def _group(self, message: Bytes) -> None:
        label = 0
        for part in parts(message, GROUPS):
            if part.number == LABEL:
                label = signed(part.value)
            else:
                for it in parts(part.raw, ANNOTATIONS):
                    if it.number == BOX:
                        self.boxes.append(_corners(it.raw))
        self.labels.append(label)


class AnnotatedDatumDecoder:
    """Decodes AnnotatedDatum messages into the fields of the Datum, "boxes" (n x 4) and "label" (one per group)."""

    name = "annotated-datum"

    def knows(self, value: Value) -> bool:
        if not len(value) or value[0] != DATUM << 3 | LEN:
            return False
        try:
            annotated = _Annotated(value)
        except Broken:
            return False
        return (
            annotated.datum is not None
            and bool(annotated.typed or annotated.labels)
            and DatumDecoder().knows(annotated.datum)
        )

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(partial(self.read, pixels=pixels), block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one message. The label of the inner Datum is ignored: SSD's tools set it to -1."""
        try:
            annotated = _Annotated(value)
        except Broken as broken:
            return Reading(findings=[broken.finding("AnnotatedDatum")])
        if annotated.datum is None:
            return Reading(findings=[found("undecodable", "an AnnotatedDatum without a Datum")])
        datum = DatumDecoder().read(annotated.datum, None, pixels=pixels)
        fields = [it for it in datum.fields if not it.label]
        findings = [*datum.findings]
        if annotated.boxes:
            boxes = np.array(annotated.boxes, np.float32)
            fields.append(Field("boxes", boxes, format="list", leaf=True))
            findings += _box_findings(boxes)
        if annotated.labels:
            fields.append(Field("label", np.array(annotated.labels), format="list", label=True, leaf=True))
        return Reading(fields, findings, ())

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the encoded picture of the Datum, or None if there is none."""
        try:
            datum = _Annotated(value).datum
        except Broken:
            return None
        return None if datum is None else DatumDecoder().stored_picture(datum)


def _corners(message: Bytes) -> list[float]:
    """Return the corners of a box; a missing one is 0, protobuf's default."""
    corners = [0.0] * 4
    for part in parts(message, BOXES):
        if part.number <= len(CORNERS):
            corners[part.number - 1] = float(floats(part.raw, "<f4")[0])
    return corners


def _box_findings(boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Yield findings for boxes beyond the picture or without an area; a check reports those that are not finite."""
    finite = np.isfinite(boxes).all(axis=1)
    with np.errstate(invalid="ignore"):
        beyond = finite & ((boxes < -BEYOND) | (boxes > 1 + BEYOND)).any(axis=1)
        empty = finite & ((boxes[:, 0] >= boxes[:, 2]) | (boxes[:, 1] >= boxes[:, 3]))
    for chosen, problem in (
        (beyond, "beyond the picture, which is 0 to 1"),
        (empty, "without an area: min is not below max"),
    ):
        at = np.flatnonzero(chosen)
        if at.size:
            shown = ", ".join(" ".join(f"{it:g}" for it in boxes[row]) for row in at[:MOST_LISTED])
            message = f"{at.size} of {len(boxes)} boxes {'is' if at.size == 1 else 'are'} {problem}: {shown}"
            yield found(
                "out-of-range", message, field="boxes", verdict="suspicious", count=int(at.size), first=[int(at[0])]
            )
