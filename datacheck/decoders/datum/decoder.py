"""Decode Caffe's Datum: raw bytes, floats, or an encoded picture, with a label.

The message is that of BVLC Caffe's caffe.proto: 1 channels, 2 height, 3 width (int32), 4 data (bytes), 5 label (int32),
6 float_data (repeated float, packed or not), 7 encoded (bool). Protobuf accepts nearly any bytes as a Datum, so
messages are checked for meaning: only these fields with their own wire types, each at most once except float_data,
sizes that fit, and nothing after them. Caffe's own readers check none of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from datacheck.decoders.datum.message import LABEL, Datum, parse
from datacheck.decoders.datum.raw_values import raw, shape_text, size_mismatch
from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.one_by_one import decode_each
from datacheck.decoders.pictures.decoder import picture_field, read_picture
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.trees.within import enter, leave, read_within
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile


class DatumDecoder:
    """Decodes Datum messages into fields "data" (channels, height, width) and "label"."""

    name = "datum"

    def knows(self, value: Value) -> bool:
        datum, finding = parse(value)
        return finding is None and datum.has_payload and bool(datum.numbers)

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        if profile is not None:
            from datacheck.decoders.datum.alike import decode_alike, decode_without_pixels

            rows = yield from decode_alike(block, rows, profile)
            if not pixels:
                rows = yield from decode_without_pixels(block, rows, profile)
        yield from decode_each(partial(self.read, pixels=pixels), block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one message. If its wire format breaks off, the fields before that are discarded."""
        datum, finding = parse(value)
        findings = [] if finding is None else [finding]
        if finding is not None and finding.verdict == "bad":
            return Reading(findings=findings)
        fields, problems = _encoded(datum, pixels) if datum.encoded else _stored(datum, pixels)
        findings += problems
        if LABEL in datum.numbers:
            label = np.array(datum.numbers[LABEL], np.int64)
            fields.append(Field("label", label, format="Datum", label=True))
        return Reading(fields, findings)

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the encoded picture of a message, or None if there is none."""
        datum, _ = parse(value)
        return bytes(datum.data) if datum.encoded and datum.data else None


def _stored(datum: Datum, pixels: bool) -> tuple[list[Field], list[Finding]]:
    """Read the values of a Datum; without a shape, projects other than Caffe keep arrays in it, or compressed ones."""
    if datum.data and not any(datum.shape) and not datum.floats and sniff(datum.data) is None:
        record = enter()
        try:
            made = read_within("data", datum.data, pixels=pixels)
        finally:
            leave(record)
        if made is not None:
            return made
    return raw(datum)


def _encoded(datum: Datum, pixels: bool) -> tuple[list[Field], list[Finding]]:
    """Read the picture of an encoded Datum; channels, height and width may be absent, as Caffe's tools omit them."""
    if not datum.data:
        return [], [found("undecodable", "marked as encoded, but data is empty", field="data")]
    picture, findings = read_picture(datum.data, pixels=pixels)
    if picture is None:
        return [], findings
    shape = picture.pixels.shape
    if any(datum.shape) and datum.shape != shape:
        findings = [*findings, size_mismatch(f"a picture of {shape_text(shape)}", datum.shape, list(shape))]
    return [picture_field(picture)], findings
