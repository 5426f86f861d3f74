"""The usual names of the sets that samples are divided into, such as train and test."""

from __future__ import annotations

import re

SETS = frozenset(b"train training val valid validation test testing dev eval trainval holdout".split())
PARTED = re.compile(rb"([-_/.: ]+)")
"""Matches what separates the words of a key, such as the name of a set and that of a part."""
