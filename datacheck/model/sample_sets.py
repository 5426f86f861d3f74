"""The usual names of the sets that samples are divided into, such as train and test."""

from __future__ import annotations

SETS = frozenset(b"train training val valid validation test testing dev eval trainval holdout".split())
