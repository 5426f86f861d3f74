"""The words by which people name the sets that samples are divided into."""

from __future__ import annotations

SETS = frozenset(b"train training val valid validation test testing dev eval trainval holdout".split())
