"""Split names of datasets and groups into words, and define words that mean the same everywhere."""

from __future__ import annotations

import re
from functools import lru_cache

WORDS = re.compile(rb"[a-z]+")
"""The words of a name in lower case."""
DIGITS = re.compile(rb"[0-9]+")
LABELS = frozenset({b"label", b"labels", b"y", b"target", b"targets"})
"""Names, and words in names, of datasets that hold labels."""
ACTIONS = frozenset({b"action", b"actions"})
FEATURES = frozenset(b"feature features feats feat embedding embeddings".split())
PLACES = frozenset(b"coord coords coordinates location locations".split())
"""Words in names of features, and of the places that they are of: the patches of a slide."""


@lru_cache(maxsize=4096)
def words(name: bytes) -> frozenset[bytes]:
    """Return the words of a name. The datasets of thousands of groups have the same few names.

    >>> sorted(words(b"Train_idx2"))
    [b'idx', b'train']
    """
    return frozenset(WORDS.findall(name.lower()))


def family_name(path: bytes) -> bytes:
    """Return a path with # for each number in its last part, which is the same for all that differ only in these.

    >>> family_name(b"set_1/case_07_b")
    b'set_1/case_#_b'
    """
    above, slash, name = path.rpartition(b"/")
    return above + slash + DIGITS.sub(b"#", name)
