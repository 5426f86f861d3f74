"""Make the fields of a record from its tree, and report where it differs from the other records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec
import numpy as np

from datacheck.decoders.foreign import known_format
from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.npy_bytes import MAGIC as NPY
from datacheck.decoders.npy_bytes import read_array, read_series, void_content
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.in_arrays import picture_bytes
from datacheck.decoders.pictures.picture import FORMATS, sniff
from datacheck.decoders.rows import real
from datacheck.decoders.text import TextDecoder
from datacheck.decoders.trees.declared_arrays import declared_arrays, read_declared
from datacheck.decoders.trees.differences import missing_parts, names_text, texts_among_numbers, usual_fields
from datacheck.decoders.trees.leaves import LEAVES, SMALL_BYTES, Leaf, Leaves, leaves, too_many, unboxed
from datacheck.decoders.trees.lists import NOTHING
from datacheck.decoders.trees.paths import PAIRED, ROOT, child_path, is_label, is_part
from datacheck.decoders.trees.references import may_lead, reference_findings
from datacheck.decoders.trees.tree import Items, Keyed, Node, Parsed
from datacheck.decoders.trees.within import (
    Made,
    begins_wrapped,
    decoded,
    enter,
    holds_bytes,
    is_encoded,
    is_suspect,
    leave,
    read_flawed,
    read_within,
    unknown,
)
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile, FieldProfile

MOST_FLAWED = 64
"""Number of flaws in the texts of one list after which the others are not searched: the record is named by then."""


def read_tree(parsed: Parsed, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
    """Return the fields of a parsed record; bytes that hold a payload with a magic are decoded strictly."""
    record = enter()
    try:
        return _read_tree(parsed, profile, pixels=pixels, record=record)
    finally:
        leave(record)


def _read_tree(parsed: Parsed, profile: FamilyProfile | None, *, pixels: bool, record: bool) -> Reading:
    walked = leaves(parsed.tree)
    label = _label_of_pair(parsed.tree, walked.leaves)
    expected = {} if profile is None else usual_fields(profile)
    fields: list[Field] = []
    parts, flawed = _texts_apart(walked)
    findings = [*parsed.findings, *walked.findings]
    broken: list[str] = []
    declared = declared_arrays(walked.leaves)
    for leaf in parts:
        picture = _picture_in_array(leaf, profile, pixels=pixels) if leaf.kind == "array" else None
        made = flawed.get(leaf.path, picture) if flawed else picture
        if declared and leaf.path in declared:
            made = read_declared(leaf, *declared[leaf.path], expected.get(leaf.path))
        text = leaf.node
        may_hold = is_suspect(text) if isinstance(text, str) else leaf.kind == "bytes"
        if made is None and may_hold:
            made = _payload_in(leaf, expected, profile, pixels=pixels)
        if made is not None:
            read_fields, more_findings = made
            fields += read_fields
            findings += more_findings
            if more_findings and any(it.verdict != "suspicious" for it in more_findings):
                broken.append(leaf.path)
            continue
        if leaf.values is NOTHING:
            fields.append(Field(leaf.path, NOTHING, format=leaf.kind, leaf=True))
            continue
        values = real(leaf.values[np.newaxis])[0]
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        labels = values.size > 0 and (leaf.path == label or is_label(leaf.path))
        fields.append(Field(leaf.path, values, format=leaf.kind, label=labels, leaf=True))
    if record and may_lead(fields):  # the record has the fields of its payloads too, by their whole names
        findings += reference_findings(fields, profile)
    missing: Sequence[str] = ()
    if expected:
        findings += filter(None, (_type_finding(field, expected.get(field.name)) for field in fields))
        walked.again.extend(broken)
        whole = expected
        if broken:
            whole = {name: it for name, it in expected.items() if not any(map(partial(is_part, name), broken))}
        missing, more_findings = missing_parts(fields, walked, whole, none=unboxed(parsed.tree) is None)
        findings += more_findings
    if profile is not None:
        findings += texts_among_numbers(fields, profile, expected)
    return Reading(fields, findings, missing)


def _texts_apart(walked: Leaves) -> tuple[list[Leaf], dict[str, Made]]:
    """Return the leaves, and in place of a list of texts with base64 among them each of the texts.

    Of other lists of texts, what is made of those with flaws is returned too, by path. A finding is added if there are
    too many texts.
    """
    parts: list[Leaf] = []
    flawed: dict[str, Made] = {}
    for leaf in walked.leaves:
        if leaf.kind != "text" or not isinstance(leaf.node, Items):
            parts.append(leaf)
            continue
        texts: Any = leaf.node.items
        suspects = [at for at, it in enumerate(texts) if is_suspect(it)]
        if not suspects or not any(holds_bytes(texts[at]) for at in suspects):
            parts.append(leaf)
            if suspects and (made := _flawed_texts(leaf.path, texts, suspects)) is not None:
                flawed[leaf.path] = made
            continue
        start = "" if leaf.path == ROOT else leaf.path
        parts += [Leaf(f"{start}[{at}]", "text", NOTHING, node=it) for at, it in enumerate(texts[:LEAVES])]
        if len(texts) > LEAVES:
            walked.findings.append(too_many(f"{start}[{LEAVES}]"))
    return parts, flawed


def _flawed_texts(path: str, texts: Sequence[str], suspects: Sequence[int]) -> Made | None:
    """Return the field of a list of texts, and the first flaws of those at these places; None if there are none."""
    start = "" if path == ROOT else path
    fields, findings = [Field(path, NOTHING, format="text", leaf=True)], list[Finding]()
    for at in suspects:
        made = read_flawed(f"{start}[{at}]", texts[at])
        if made is not None:
            fields += made[0][1:]
            findings += made[1]
        if len(findings) >= MOST_FLAWED:
            break
    return (fields, findings) if findings or len(fields) > 1 else None


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
    """Return the path of the integer in a pair of an array or picture and an integer, or None for anything else.

    A named tuple is a pair too; pickles do not have its names.
    """
    tree = unboxed(tree)
    if not isinstance(tree, Items | Keyed) or len(tree.items) != 2 or len(found_leaves) < 2:
        return None
    if isinstance(tree, Keyed) and tree.pairs:
        return None
    first, last = found_leaves[0], found_leaves[-1]
    if last.path not in PAIRED or last.values.size != 1 or last.values.dtype.kind not in "iu":
        return None
    return last.path if first.path.startswith("[0]") and first.kind not in ("number", "text", "other") else None


def _type_finding(field: Field, usual_field: FieldProfile | None) -> Finding | None:
    """Return a finding if a field does not have the type that nearly all others have at this path, else None."""
    if usual_field is None or not usual_field.format or field.encoded or field.format == "text" == usual_field.format:
        return None
    if usual_field.format.partition(" ")[0] in FORMATS:
        return _no_picture_finding(field, usual_field)
    if field.format == "list" and not field.values.size and usual_field.format != "number":
        return None  # an empty list has no type
    if field.format == usual_field.format == "number" and (field.label or is_label(field.name) or field.name in PAIRED):
        return _label_finding(field, usual_field)
    if field.format == usual_field.format and (field.format != "array" or not usual_field.dtype):
        return None
    dtype = _dtype_name(field.values.dtype)
    if field.format == usual_field.format and usual_field.dtype == dtype:
        return None
    actual, expected = _type_text(field.format, dtype), _type_text(usual_field.format, usual_field.dtype)
    return found(
        "fields", f"{actual}, nearly all others are {expected}", field=field.name, found=actual, expected=expected
    )


def _label_finding(field: Field, usual_field: FieldProfile) -> Finding | None:
    """Return the finding of a label that is no whole number where nearly all others are."""
    if np.dtype(usual_field.dtype or "f8").kind not in "iu" or field.values.dtype.kind != "f" or field.values.size != 1:
        return None
    number = float(field.values.reshape(-1)[0])
    if not np.isfinite(number) or number.is_integer():
        return None
    return found(
        "fields", f"{number:g}, nearly all others are whole numbers", field=field.name, expected=usual_field.dtype
    )


def _no_picture_finding(field: Field, usual_field: FieldProfile) -> Finding | None:
    """Return a finding if a field is not a picture but nearly all others are; bytes are reported elsewhere."""
    if field.format == "bytes" or usual_field.channels is None:
        return None
    actual, expected = _type_text(field.format, _dtype_name(field.values.dtype)), usual_field.format
    return found(
        "fields", f"{actual}, nearly all others are {expected}", field=field.name, found=actual, expected=expected
    )


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype in either byte order; cached because NumPy is slow to make it."""
    return str(dtype.newbyteorder("="))


def _type_text(form: str, dtype: str) -> str:
    return dtype if form == "array" and dtype else form


def _picture_in_array(leaf: Leaf, profile: FamilyProfile | None, *, pixels: bool) -> Made | None:
    """Return the fields of an array of bytes that is an encoded picture, or None for any other array."""
    raw = picture_bytes(leaf.values, leaf.path, profile)
    if raw is None:
        return None
    usual_field = None if profile is None else profile.fields.get(leaf.path)
    return _read_bytes(Leaf(leaf.path, "bytes", NOTHING, raw), usual_field, profile, pixels=pixels)


def _payload_in(
    leaf: Leaf, expected: Mapping[str, FieldProfile], profile: FamilyProfile | None, *, pixels: bool
) -> Made | None:
    """Return the fields of bytes, or of a base64 text that holds a payload; None for any other leaf."""
    usual_field = expected.get(leaf.path)
    if leaf.kind == "bytes":
        made = _read_bytes(leaf, usual_field, profile, pixels=pixels)
        unknown_bytes = [it.code for it in made[1]] == ["unknown-payload"]
        if unknown_bytes or (not made[1] and usual_field is None and len(leaf.raw) and _is_bare(made[0])):
            others = [name for name in expected if name != leaf.path and is_part(name, leaf.path)]
            return _not_as_others(leaf, others, pixels=pixels) or made if others else made
        return made
    if not isinstance(leaf.node, str):
        return None
    flawed = read_flawed(leaf.path, leaf.node)
    if flawed is not None or not holds_bytes(leaf.node):
        return flawed
    encoded = usual_field is not None and usual_field.format != "text"
    raw, finding = decoded(leaf.path, leaf.node)
    if finding is not None:
        others = [name for name in expected if is_part(name, leaf.path)]
        return ([], [finding]) if encoded or (others and usual_field is None) else None
    fields, findings = _read_bytes(Leaf(leaf.path, "bytes", NOTHING, raw), usual_field, profile, pixels=pixels)
    if _is_bare(fields) and not encoded and known_format(raw) is None:
        if len(raw) <= SMALL_BYTES or not is_encoded(leaf.node):
            return None  # a text whose letters happen to be base64
        fields = [Field(leaf.path, NOTHING, format="text", leaf=True)]
    return fields, findings


def _is_bare(fields: Sequence[Field]) -> bool:
    """Check whether all that was made of bytes is that they are bytes."""
    return [it.format for it in fields] == ["bytes"]


def _not_as_others(leaf: Leaf, others: Sequence[str], *, pixels: bool) -> Made | None:
    """Return the findings about bytes that nothing decodes where nearly all others hold these fields, or None."""
    made = read_within(leaf.path, leaf.raw, sure=True, pixels=pixels)
    if made is not None and any(it.verdict == "bad" for it in made[1]):
        return made
    if known_format(leaf.raw) is not None:
        return None
    bare = Field(leaf.path, NOTHING, format="bytes", leaf=True)
    message = f"{len(leaf.raw)} bytes that no decoder knows, nearly all others hold {names_text(others)}"
    return [bare], [found("undecodable", message, field=leaf.path)]


def _read_bytes(leaf: Leaf, usual_field: FieldProfile | None, profile: FamilyProfile | None, *, pixels: bool) -> Made:
    """Return the fields of bytes that hold a payload or text; of other bytes the content is not known."""
    raw, path = leaf.raw, leaf.path
    bare = Field(path, NOTHING, format="bytes", leaf=True)
    picture = usual_field is not None and usual_field.format.partition(" ")[0] in FORMATS
    if not len(raw):
        if usual_field is None or not (picture or usual_field.format == "bytes"):
            known = usual_field is not None and usual_field.format
            return [bare if known else Field(path, NOTHING, leaf=True)], []  # empty ones do not make a family of bytes
        return [bare], [found("empty", f"zero bytes, nearly all others are {usual_field.format}", field=path)]
    if raw[:6] == NPY:
        return _read_npy(path, raw, profile, pixels=pixels)
    if sniff(raw) is not None or (picture and not begins_wrapped(raw)):
        return _read_picture(path, raw, pixels=pixels)
    if TextDecoder().knows(raw):
        text = Leaf(path, "text", NOTHING, node=str(bytes(raw), "utf-8", "replace"))
        expected = {} if usual_field is None else {path: usual_field}
        return _payload_in(text, expected, profile, pixels=pixels) or (
            [Field(path, NOTHING, format="text", leaf=True)],
            [],
        )
    sure = usual_field is not None and usual_field.format not in ("", "bytes", "text")
    made = read_within(path, raw, sure=sure, pixels=pixels)
    if made is not None:
        return made
    if len(raw) <= SMALL_BYTES:  # such as a digest or a record number
        return [bare], []
    return [bare], [unknown(path, raw)]


def _read_picture(path: str, raw: Value, *, pixels: bool) -> Made:
    picture, picture_findings = read_picture(raw, pixels=pixels)
    findings = [msgspec.structs.replace(it, field=path) for it in picture_findings]
    if picture is None:
        return [], findings
    skipped = picture.pixels_skipped
    return [
        Field(path, picture.pixels, format=picture.format, encoded=True, pixels_skipped=skipped, leaf=True)
    ], findings


def _of_series(start: str, series: Reading, profile: FamilyProfile | None, *, pixels: bool) -> Made:
    """Return the fields and findings of several arrays in one value, and of the pictures stored in them."""
    fields: list[Field] = []
    findings = [msgspec.structs.replace(it, field=f"{start}{it.field}") for it in series.findings]
    for it in series.fields:
        name = f"{start}{it.name.replace('.', '/')}"
        picture = _picture_in_array(Leaf(name, "array", it.values), profile, pixels=pixels) if it.values.size else None
        if picture is None:
            fields.append(Field(name, it.values, format="array", label=it.label, leaf=True))
        else:
            fields += picture[0]
            findings += picture[1]
    return fields, findings


def _read_npy(path: str, raw: Value, profile: FamilyProfile | None, *, pixels: bool) -> Made:
    start = "" if path == ROOT else path
    series = read_series(raw, profile, start)
    if series is not None:
        return _of_series(start, series, profile, pixels=pixels)
    content = void_content(raw)
    if content is not None and len(content) > SMALL_BYTES and void_content(content) is None:
        usual_field = None if profile is None else profile.fields.get(path)
        return _read_bytes(Leaf(path, "bytes", NOTHING, content), usual_field, profile, pixels=pixels)
    reading = read_array(raw)
    if len(reading.fields) == 1 and reading.fields[0].name == "data" and not reading.findings:
        leaf = Leaf(path, "array", reading.fields[0].values)
        picture = _picture_in_array(leaf, profile, pixels=pixels)
        if picture is not None:
            return picture
    fields = [
        Field(path if it.name == "data" else child_path(start, it.name.replace(".", "/")), it.values, format="array",
              label=is_label(path), leaf=True)
        for it in reading.fields
    ]  # fmt: skip
    if not fields and not reading.findings:  # an array of texts or times
        fields = [Field(path, NOTHING, format="other", leaf=True)]
    return fields, [msgspec.structs.replace(it, field=path) for it in reading.findings]
