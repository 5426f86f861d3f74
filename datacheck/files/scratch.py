"""A place for a few bytes that nobody else is to see: memory where the system has it, a temporary file otherwise."""

from __future__ import annotations

import os
import tempfile
from typing import BinaryIO


def scratch() -> BinaryIO | None:
    """Return a new file without a name, or None where there is room for none (a temporary folder full or read-only)."""
    try:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("datacheck"), "w+b", buffering=0)
        return tempfile.TemporaryFile(buffering=0)
    except OSError:
        return None
