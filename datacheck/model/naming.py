"""Resolve the names in options to fields, datasets and families of keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from datacheck.model.batch import ENDS
from datacheck.model.escaping import plain, unescape
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.model.settings import Settings

FAMILIES = frozenset({"array", "decoder", "ignore"})
"""Options that name a family of keys instead of a field."""
OF_WHAT_IS_GONE = frozenset({"lost", "missing", "dangling"})
"""Codes of findings about what a source lacks: their families need not be there."""


def asked_for(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each option that names a field, a dataset or a family of keys, and the name."""
    yield from (("range", it.field) for it in settings.range or () if it.field is not None)
    yield from (("allow-nan", name) for name in settings.allow_nan)
    if settings.label_field is not None:
        yield "label-field", settings.label_field
    yield from (("together", name) for group in settings.together for name in group)
    yield from (("array", it.family) for it in settings.array if it.family is not None)
    yield from (("decoder", it.family) for it in settings.decoders)
    for code, colon, family in (rule.partition(":") for rule in settings.ignore):
        if colon and code not in OF_WHAT_IS_GONE:
            yield "ignore", family


def name_matches(option: str, name: str, path: str) -> bool:
    """Check whether a name in an option means the field at this path: the whole path or its last parts.

    >>> name_matches("range", "actions", "/demo_3/actions"), name_matches("range", "/actions", "/demo_3/actions")
    (True, False)
    """
    if option in FAMILIES:
        return name == path
    name = plain(name)
    if option == "together" and "*" in name:  # matches within one name only, never across a slash
        pattern = "[^/]*".join(map(re.escape, name.split("*")))
        return re.search(f"(?:^|/){pattern.removeprefix('/')}$" if name[0] != "/" else f"^{pattern}$", path) is not None
    return name == path or (not name.startswith("/") and f"/{path}".endswith(f"/{name}"))


def with_full_names(settings: Settings, profile: Profile) -> Settings:
    """Return settings with field names in full; a name that no field has is marked as the last parts of a path."""
    if settings.range is None and not settings.allow_nan:
        return settings
    known = frozenset(field_names(profile))

    def full_name(name: str) -> str:
        name = plain(name)
        return name if name in known or name.startswith("/") else f"{ENDS}{name}"

    ranges = settings.range and tuple(
        it if it.field is None else msgspec.structs.replace(it, field=full_name(it.field)) for it in settings.range
    )
    return msgspec.structs.replace(settings, range=ranges, allow_nan=tuple(map(full_name, settings.allow_nan)))


def families_by_name(profile: Profile) -> Iterator[tuple[str, FamilyProfile]]:
    """Yield the families of a profile with their names."""
    yield from profile.families.items()
    if profile.rest is not None:
        yield "", profile.rest


def field_names(profile: Profile) -> Iterable[str]:
    """Return the names of all fields of a profile, each once."""
    return dict.fromkeys(name for _, family in families_by_name(profile) for name in family.fields)


def names_in_options(profile: Profile) -> Iterator[str]:
    """Yield what a field name in an option can refer to: the possible paths of fields in HDF5, elsewhere their names.

    A table is named after its group, or after one of its datasets.
    """
    for table, family in families_by_name(profile):
        if family.decoder != "rows":
            yield from family.fields
            continue
        place = plain(unescape(table).decode("utf-8", "surrogateescape"))
        for group in (place.rstrip("/"), place.rpartition("/")[0]):
            yield from (f"{group}/{name}" for name in family.fields)
