"""What the options say of how values are to be decoded: those of single families of keys, and all others."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from datacheck.model.settings import Array, Settings

RAW = "raw"
"""The decoder of values that are nothing but the bytes of an array."""


def is_raw(decoder: str) -> bool:
    """Say if that is the decoder of raw arrays, in wrappers or not.

    >>> is_raw("zlib+raw"), is_raw("zlib+json")
    (True, False)
    """
    return decoder.rpartition("+")[2] == RAW


class How(msgspec.Struct, frozen=True):
    """The name of a decoder, and what raw values are arrays of."""

    decoder: str
    array: Array | None = None


class Forced(msgspec.Struct, frozen=True):
    """How the values of some families are to be decoded, and those of the `rest`, where the options say so.

    `texts_beside` says that there may be texts and numbers beside raw arrays, which what is said of the rest spares.
    """

    families: Mapping[str, How] = msgspec.field(default_factory=dict)
    rest: How | None = None
    texts_beside: bool = True

    def of(self, family: str | None) -> How | None:
        """Return how the values of a family are to be decoded, None where nothing says so."""
        return self.rest if family is None else self.families.get(family, self.rest)

    @property
    def spares_texts(self) -> bool:
        """Whether texts and numbers that lie beside other records are not meant by what is said of the rest."""
        return self.texts_beside and self.rest is not None and is_raw(self.rest.decoder)

    @classmethod
    def by(cls, settings: Settings) -> Forced:
        """Return what the settings say."""
        arrays = {it.family: it for it in settings.array}
        names: dict[str | None, str] = {it.family: it.decoder for it in settings.decoders}
        whole = settings.decoder
        if whole is not None:
            names[None] = whole
        made: dict[str | None, How] = {}
        for family in {**names, **arrays}:
            array = arrays.get(family)
            if family in names and not is_raw(names[family]):
                made[family] = How(names[family])
                continue
            inherited = whole if whole is not None and is_raw(whole) else RAW
            made[family] = How(names.get(family, inherited), array or arrays.get(None))
        return cls({name: how for name, how in made.items() if name is not None}, made.get(None))


UNFORCED = Forced()
"""Nothing is said of any."""
