"""Look at sampled texts: whether they are plain, rows of numbers or literals. Texts in wrappers are unpacked first."""

from __future__ import annotations

from collections.abc import Sequence

from datacheck.decoders import JOINT
from datacheck.model.blocks import Block

WORDS = frozenset(("decimal", "text"))
"""The decoders of texts, and of numbers in letters."""
OfText = tuple[bool, bool, frozenset[int], bool]
NO_TEXT: OfText = (False, False, frozenset(), False)


def texts(block: Block, kinds: Sequence[str]) -> list[OfText]:
    """Return for each value what a look has of texts: `plain`, `numeric`, `words` and `data`."""
    from datacheck.decoders.text import is_literal, is_numeric, is_plain, word_places  # loaded by a worker already
    from datacheck.decoders.wrappers.table import peel

    def of_text(value: bytes | memoryview, wrappers: Sequence[str]) -> OfText:
        value = peel(tuple(wrappers), value).value if wrappers else value
        numeric = is_numeric(value)
        plain = not wrappers and is_plain(value)
        return plain, numeric, word_places(value) if numeric else frozenset(), numeric or is_literal(value)

    of_values = zip(block.values, (name.split(JOINT) for name in kinds), strict=True)
    return [of_text(it, names[:-1]) if names[-1] in WORDS else NO_TEXT for it, names in of_values]


def are_words(kind: str) -> bool:
    """Return whether values of this kind are texts or numbers in letters, in a wrapper or in none."""
    return kind.rpartition(JOINT)[2] in WORDS
