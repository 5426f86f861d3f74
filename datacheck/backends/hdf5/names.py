"""The words that names of datasets and groups are made of, and those that say the same wherever they are met."""

from __future__ import annotations

import re

WORDS = re.compile(rb"[a-z]+")
"""What a name in small letters is split into."""
DIGITS = re.compile(rb"[0-9]+")
LABELS = frozenset({b"label", b"labels", b"y", b"target", b"targets"})
ACTIONS = frozenset({b"action", b"actions"})


def words(name: bytes) -> set[bytes]:
    """Return the words of a name.

    >>> sorted(words(b"Train_idx2"))
    [b'idx', b'train']
    """
    return set(WORDS.findall(name.lower()))
