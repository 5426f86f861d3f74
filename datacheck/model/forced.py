"""The decoders that options prescribe, for single families of keys and for all other values."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from datacheck.model.settings import Array, Settings

RAW = "raw"
"""Name of the decoder for values that are nothing but the bytes of an array."""


def is_raw(decoder: str) -> bool:
    """Check whether a decoder is the one for raw arrays, with or without wrappers.

    >>> is_raw("zlib+raw"), is_raw("zlib+json")
    (True, False)
    """
    return decoder.rpartition("+")[2] == RAW


class How(msgspec.Struct, frozen=True):
    """The name of a decoder, and the dtype and shape of raw arrays."""

    decoder: str
    array: Array | None = None


class Forced(msgspec.Struct, frozen=True):
    """How the values of some families must be decoded, and those of the `rest`, as far as the options say.

    `texts_beside` means that texts and numbers may lie beside raw arrays; the rule for the rest does not apply to them.
    """

    families: Mapping[str, How] = msgspec.field(default_factory=dict)
    rest: How | None = None
    texts_beside: bool = True

    def of(self, family: str | None) -> How | None:
        """Return how the values of a family must be decoded, or None if the options do not say."""
        return self.rest if family is None else self.families.get(family, self.rest)

    @property
    def spares_texts(self) -> bool:
        """Whether the rule for the rest leaves out texts and numbers that lie beside other records."""
        return self.texts_beside and self.rest is not None and is_raw(self.rest.decoder)

    @classmethod
    def by(cls, settings: Settings) -> Forced:
        """Return what the settings prescribe."""
        arrays = {it.family: it for it in settings.array}
        names: dict[str | None, str] = {it.family: it.decoder for it in settings.decoders}
        default = settings.decoder
        if default is not None:
            names[None] = default
        rules: dict[str | None, How] = {}
        for family in {**names, **arrays}:
            array = arrays.get(family)
            if family in names and not is_raw(names[family]):
                rules[family] = How(names[family])
                continue
            inherited = default if default is not None and is_raw(default) else RAW
            rules[family] = How(names.get(family, inherited), array or arrays.get(None))
        return cls({name: how for name, how in rules.items() if name is not None}, rules.get(None))


UNFORCED = Forced()
"""Prescribes no decoder for any family."""
