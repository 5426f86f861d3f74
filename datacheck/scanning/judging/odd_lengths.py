"""Check the lengths of values that cannot be decoded: find the few that differ from nearly all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import msgspec

from datacheck.decoders.raw import shape_text
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import lengths
from datacheck.model.finding import Finding, found, full_name
from datacheck.model.forced import is_raw
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.model.settings import Array

if TYPE_CHECKING:
    from datacheck.conventions.interface import Known

NEARLY_ALL = 0.9
"""Minimum share of sampled values that must have one length. Below it, several lengths may be intended."""
ITEM_BYTES = (1, 2, 4, 8)
"""Possible sizes in bytes of the items of arrays whose shape is known, but whose dtype is not."""


def odd_lengths(block: Block, rows: Sequence[int], family: FamilyProfile | None) -> list[tuple[int, Finding]]:
    """Return findings for those values at `rows` whose length differs from that of nearly all of their family."""
    usual = None if family is None else family.length
    if family is None or usual is None or (usual.share < NEARLY_ALL and family.array is None):
        return []
    sizes = lengths(block.values)
    if sizes.count(usual.size) == len(sizes):
        return []
    by_size: dict[int, Finding] = {}
    findings = []
    for row in rows:
        size = sizes[row]
        if size != usual.size:
            if size not in by_size:
                by_size[size] = _odd_length(size, usual.size, family.array)
            findings.append((row, by_size[size]))
    return findings


def _odd_length(size: int, usual: int, array: Array | None) -> Finding:
    if array is None or array.shape is None:
        text = f"{size:,} bytes, nearly all others have {usual:,}"
        return found("size-mismatch", text, verdict="suspicious", found=size, expected=usual)
    item = usual // prod(array.shape)
    text = f"{size:,} bytes, {shape_text(array.shape)} items of {item} bytes, as the others have them, take {usual:,}"
    return found("size-mismatch", text, found=size, expected=usual, shape=list(array.shape))


def with_known_shapes(profile: Profile, known: Mapping[str, Known]) -> Profile:
    """Return the profile with the shapes of raw arrays that the conventions of their databases know.

    If the dtype of values is not known, only their length is determined, provided that it gives items of a possible
    size.
    """
    from datacheck.conventions.interface import ALL  # workers never need it

    shapes = {
        full_name(name, part): shape
        for part, of_part in known.items()
        for convention in of_part.conventions
        for name, shape in convention.shapes.items()
    }
    if ALL in shapes:
        profile = _with_shape_of_all(profile, shapes[ALL])
    changed = {
        name: _with_shape(profile.families[name], shape) for name, shape in shapes.items() if name in profile.families
    }
    if not changed:
        return profile
    return msgspec.structs.replace(profile, families={**profile.families, **changed})


def _with_shape_of_all(profile: Profile, shape: tuple[int, ...]) -> Profile:
    """Return the profile with the shape of all values.

    A family of which few values were sampled gets the length of the others.
    """
    rest = profile.rest
    length = None if rest is None else rest.length
    families = {
        name: _with_shape(msgspec.structs.replace(family, length=family.length or length), shape)
        for name, family in profile.families.items()
    }
    return msgspec.structs.replace(profile, families=families, rest=None if rest is None else _with_shape(rest, shape))


def _with_shape(family: FamilyProfile, shape: tuple[int, ...]) -> FamilyProfile:
    if is_raw(family.decoder) and family.array is not None and family.array.shape is None:
        fields = {name: msgspec.structs.replace(field, shape=shape) for name, field in family.fields.items()}
        array = msgspec.structs.replace(family.array, shape=shape)
        return msgspec.structs.replace(family, array=array, fields=fields)
    if family.decoder == UNKNOWN and family.length is not None:
        item, rest = divmod(family.length.size, prod(shape))
        if not rest and item in ITEM_BYTES:
            return msgspec.structs.replace(family, array=Array("", shape))
    return family
