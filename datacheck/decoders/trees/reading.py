"""Make the fields of a record from its tree, and report where it differs from the other records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np

from datacheck.decoders.foreign import foreign
from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.npy_bytes import MAGIC as NPY
from datacheck.decoders.npy_bytes import read_array
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.in_arrays import picture_bytes
from datacheck.decoders.pictures.picture import FORMATS, sniff
from datacheck.decoders.rows import real
from datacheck.decoders.text import TextDecoder
from datacheck.decoders.trees.differences import lacking, usual
from datacheck.decoders.trees.leaves import NOTHING, SMALL_BYTES, Leaf, leaves, unboxed
from datacheck.decoders.trees.paths import PAIRED, ROOT, below, is_label
from datacheck.decoders.trees.tree import Items, Node, Parsed
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile, FieldProfile


def read_tree(parsed: Parsed, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
    """Return the fields of a parsed record; bytes with the magic of a picture are decoded strictly."""
    walked = leaves(parsed.tree)
    label = _label_of_pair(parsed.tree, walked.leaves)
    expected = {} if profile is None else usual(profile)
    fields: list[Field] = []
    findings = [*parsed.findings, *walked.findings]
    for leaf in walked.leaves:
        held = _picture_in_array(leaf, profile, pixels=pixels) if leaf.kind == "array" else None
        if held is not None or leaf.kind == "bytes":
            made, said = held or _of_bytes(leaf, expected.get(leaf.path), profile, pixels=pixels)
            fields += made
            findings += said
            continue
        values = real(leaf.values[np.newaxis])[0]
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        labels = values.size > 0 and (leaf.path == label or is_label(leaf.path))
        fields.append(Field(leaf.path, values, format=leaf.kind, label=labels, leaf=True))
    lacks: Sequence[str] = ()
    if expected:
        findings += filter(None, (_of_another_type(field, expected.get(field.name)) for field in fields))
        lacks, said = lacking(fields, walked, expected, none=unboxed(parsed.tree) is None)
        findings += said
    return Reading(fields, findings, lacks)


def picture_in(parsed: Parsed) -> bytes | None:
    """Return the first picture in a tree as stored, or None if there is none."""
    return next(filter(None, map(picture_of, leaves(parsed.tree).leaves)), None)


def picture_of(leaf: Leaf) -> bytes | None:
    """Return the picture in a leaf as stored, or None if it does not begin like one."""
    raw: Value | None = leaf.raw
    array = leaf.values if leaf.kind == "array" else None
    if leaf.raw[:6] == NPY and len(arrays := read_array(leaf.raw).fields) == 1:
        array = arrays[0].values
    if array is not None:
        raw = picture_bytes(array, leaf.path, None)
    return None if raw is None or sniff(raw) is None else bytes(raw)


def _label_of_pair(tree: Node, found_leaves: Sequence[Leaf]) -> str | None:
    """Return the path of the integer in a pair of an array or picture and an integer, or None for anything else."""
    tree = unboxed(tree)
    if not isinstance(tree, Items) or len(tree.items) != 2 or len(found_leaves) < 2:
        return None
    first, last = found_leaves[0], found_leaves[-1]
    if last.path not in PAIRED or last.values.size != 1 or last.values.dtype.kind not in "iu":
        return None
    return last.path if first.path.startswith("[0]") and first.kind not in ("number", "text", "other") else None


def _of_another_type(field: Field, meant: FieldProfile | None) -> Finding | None:
    """Return a finding if a field does not have the type that nearly all others have at this path, else None."""
    if meant is None or not meant.format or field.encoded:
        return None
    if meant.format.partition(" ")[0] in FORMATS:
        return _no_picture(field, meant)
    if field.format == "list" and not field.values.size and meant.format != "number":
        return None  # an empty list has no type
    if field.format == meant.format == "number" and (field.label or is_label(field.name) or field.name in PAIRED):
        return _no_whole_label(field, meant)
    if field.format == meant.format and (field.format != "array" or not meant.dtype):
        return None
    dtype = _named(field.values.dtype)
    if field.format == meant.format and meant.dtype == dtype:
        return None
    had, other = _type(field.format, dtype), _type(meant.format, meant.dtype)
    return found("fields", f"{had}, nearly all others are {other}", field=field.name, found=had, expected=other)


def _no_whole_label(field: Field, meant: FieldProfile) -> Finding | None:
    """Return the finding of a label that is no whole number where nearly all others are."""
    if np.dtype(meant.dtype or "f8").kind not in "iu" or field.values.dtype.kind != "f" or field.values.size != 1:
        return None
    number = float(field.values.reshape(-1)[0])
    if not np.isfinite(number) or number.is_integer():
        return None
    return found("fields", f"{number:g}, nearly all others are whole numbers", field=field.name, expected=meant.dtype)


def _no_picture(field: Field, meant: FieldProfile) -> Finding | None:
    """Return a finding if a field is not a picture but nearly all others are; bytes are reported elsewhere."""
    if field.format == "bytes" or meant.channels is None:
        return None
    had, other = _type(field.format, _named(field.values.dtype)), meant.format
    return found("fields", f"{had}, nearly all others are {other}", field=field.name, found=had, expected=other)


@cache
def _named(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype; cached because NumPy is slow to make it."""
    return str(dtype)


def _type(form: str, dtype: str) -> str:
    return dtype if form == "array" and dtype else form


Made = tuple[list[Field], list[Finding]]


def _picture_in_array(leaf: Leaf, profile: FamilyProfile | None, *, pixels: bool) -> Made | None:
    """Return the fields of an array of bytes that is an encoded picture, or None for any other array."""
    raw = picture_bytes(leaf.values, leaf.path, profile)
    if raw is None:
        return None
    meant = None if profile is None else profile.fields.get(leaf.path)
    return _of_bytes(Leaf(leaf.path, "bytes", NOTHING, raw), meant, profile, pixels=pixels)


def _of_bytes(leaf: Leaf, meant: FieldProfile | None, profile: FamilyProfile | None, *, pixels: bool) -> Made:
    """Return the fields of bytes that are a picture, .npy bytes or text; of other bytes the content is not known."""
    raw, path = leaf.raw, leaf.path
    bare = Field(path, NOTHING, format="bytes", leaf=True)
    picture = meant is not None and meant.format.partition(" ")[0] in FORMATS
    if not len(raw):
        if meant is None or not (picture or meant.format == "bytes"):
            return [bare], []
        return [bare], [found("empty", f"zero bytes, nearly all others are {meant.format}", field=path)]
    if raw[:6] == NPY:
        return _of_npy(path, raw, profile, pixels=pixels)
    if picture or sniff(raw) is not None:
        return _of_picture(path, raw, pixels=pixels)
    if TextDecoder().knows(raw):
        return [Field(path, NOTHING, format="text", leaf=True)], []
    if len(raw) <= SMALL_BYTES:  # such as a digest or a record number
        return [bare], []
    name = foreign(raw)
    what = f"{name}, which is not looked into" if name else f"{len(raw)} raw bytes: nothing says what they are"
    return [bare], [found("unknown-payload", what, field=path)]


def _of_picture(path: str, raw: Value, *, pixels: bool) -> Made:
    picture, findings = read_picture(raw, pixels=pixels)
    said = [msgspec.structs.replace(it, field=path) for it in findings]
    if picture is None:
        return [], said
    skipped = picture.pixels_skipped
    return [Field(path, picture.pixels, format=picture.format, encoded=True, pixels_skipped=skipped, leaf=True)], said


def _of_npy(path: str, raw: Value, profile: FamilyProfile | None, *, pixels: bool) -> Made:
    reading = read_array(raw)
    start = "" if path == ROOT else path
    if len(reading.fields) == 1 and reading.fields[0].name == "data" and not reading.findings:
        leaf = Leaf(path, "array", reading.fields[0].values)
        held = _picture_in_array(leaf, profile, pixels=pixels)
        if held is not None:
            return held
    fields = [
        Field(path if it.name == "data" else below(start, it.name.replace(".", "/")), it.values, format="array",
              label=is_label(path), leaf=True)
        for it in reading.fields
    ]  # fmt: skip
    if not fields and not reading.findings:  # an array of texts or times
        fields = [Field(path, NOTHING, format="other", leaf=True)]
    return fields, [msgspec.structs.replace(it, field=path) for it in reading.findings]
