"""Decode records that are .npy bytes: an array each, or an encoded picture stored in an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod

from msgspec.structs import replace

from datacheck.decoders.interface import MISSING_MESSAGE, Field, Reading, Value
from datacheck.decoders.npy_bytes import MAGIC, SECOND, dtype_of, objects_at, read_array, read_series
from datacheck.decoders.one_by_one import decode_each
from datacheck.decoders.pictures.decoder import PictureDecoder
from datacheck.decoders.pictures.in_arrays import picture_bytes
from datacheck.decoders.trees.differences import usual_fields
from datacheck.decoders.trees.paths import is_label
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile


class NpyDecoder:
    """Decodes .npy bytes into a field "data", or one field for each numeric member of a structured array.

    Of several arrays behind each other each is a field, "[0]", "[1]" and so on. Booleans become uint8; complex numbers
    become pairs of floats along a last axis of 2.
    """

    name = "npy"

    def knows(self, value: Value) -> bool:
        return value[:6] == MAGIC and objects_at(value) is None  # arrays of objects are pickles

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(partial(self.read, pixels=pixels), block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one array as a view of `value`; an encoded picture stored in an array is decoded strictly."""
        series = read_series(value, profile)
        reading = read_array(value) if series is None else _with_pictures(series, profile, pixels=pixels)
        lacks = () if profile is not None and SECOND in profile.fields and not _is_labelled(profile) else None
        raw = _picture_in(reading, profile)
        if raw is None:
            others: list[Finding] = []
            if profile is not None:
                others += _dtype_findings(reading.fields, profile)
                missing = [*_missing_findings(value, reading.fields, profile)]
                damaged = missing and (not dtype_of(value) or any(it.verdict == "bad" for it in reading.findings))
                others += () if damaged else missing
            return Reading(reading.fields, [*reading.findings, *others], lacks)
        if not len(raw) and profile is not None:
            message = f"zero bytes, nearly all others are {profile.fields[WHOLE].format}"
            return Reading(findings=[*reading.findings, found("empty", message, field=WHOLE)])
        picture = PictureDecoder().read(raw, None, pixels=pixels)
        return Reading(picture.fields, [*reading.findings, *picture.findings])

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the picture stored in an array, or None if there is none."""
        raw = _picture_in(read_array(value), None)
        return None if raw is None else bytes(raw)


WHOLE = "data"
"""Name of the field of an array that has no members."""


def _picture_in(reading: Reading, profile: FamilyProfile | None) -> memoryview | None:
    """Return the bytes of the picture stored in an array, or None if there is none."""
    field = reading.fields[0] if len(reading.fields) == 1 else None
    return None if field is None or field.name != WHOLE else picture_bytes(field.values, WHOLE, profile)


def _with_pictures(series: Reading, profile: FamilyProfile | None, *, pixels: bool) -> Reading:
    """Return the reading of several arrays with the pictures that are stored in some of them."""
    fields: list[Field] = []
    findings = [*series.findings]
    for field in series.fields:
        raw = picture_bytes(field.values, field.name, profile) if field.values.size else None
        if raw is None:
            fields.append(field)
            continue
        picture = PictureDecoder().read(raw, None, pixels=pixels)
        fields += [replace(it, name=field.name) for it in picture.fields]
        findings += [replace(it, field=field.name) for it in picture.findings]
    return Reading(fields, findings)


def _dtype_findings(fields: Sequence[Field], profile: FamilyProfile) -> Iterator[Finding]:
    """Yield a finding for each field whose dtype differs from that of nearly all others, regardless of byte order."""
    for field in fields:
        usual_field, dtype = profile.fields.get(field.name), str(field.values.dtype.newbyteorder("="))
        if usual_field is not None and usual_field.format == "npy" and usual_field.dtype and usual_field.dtype != dtype:
            message = f"{dtype}, nearly all others are {usual_field.dtype}"
            yield found("fields", message, field=field.name, found=dtype, expected=usual_field.dtype)


def _missing_findings(value: Value, fields: Sequence[Field], profile: FamilyProfile) -> Iterator[Finding]:
    """Yield findings for missing numeric fields: the array has another dtype, such as text, or lacks a member.

    Missing labels are reported elsewhere.
    """
    missing = usual_fields(profile).keys() - {field.name for field in fields}
    for name in sorted(missing):
        if name == WHOLE and not fields:
            dtype, usual_field = dtype_of(value), profile.fields[name]
            expected = usual_field.dtype if usual_field.format == "npy" and usual_field.dtype else usual_field.format
            message = f"{dtype}, nearly all others are {expected}"
            yield found("fields", message, field=name, found=dtype, expected=expected)
        elif not (is_label(name) or (name == SECOND and _is_labelled(profile))):
            yield found("fields", MISSING_MESSAGE, field=name)


def _is_labelled(profile: FamilyProfile) -> bool:
    """Check whether most records are an array and an integer behind it, its label."""
    usual = {name: it for name, it in profile.fields.items() if it.share > 0.5}
    second = usual.get(SECOND)
    if second is None or usual.keys() != {"[0]", SECOND} or usual["[0]"].shape == ():
        return False
    return second.shape is not None and prod(second.shape) == 1 and second.dtype.startswith(("int", "uint"))
