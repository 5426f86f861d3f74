"""Objects on the machine's stack and in its memo besides the nodes of a tree: classes, dtypes, unfinished arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datacheck.decoders.trees.tree import Box, Opaque

if TYPE_CHECKING:
    import numpy as np


class Broken(Exception):
    """The bytes are not a pickle or end early: a code and a message. Never leaves this package."""

    def __init__(self, code: str, message: str, verdict: str | None = None) -> None:
        super().__init__(code, message, verdict)
        self.code, self.message, self.verdict = code, message, verdict


class Global(Opaque, eq=False):
    """A class or function that a pickle names; `kind` is its dotted name."""

    module: str = ""
    name: str = ""


class DType(Opaque, eq=False):
    """A dtype: one of NumPy's (`made`), one that NumPy lacks (`widened` is its name), or an unknown one (neither).

    NumPy would refuse a `broken` one.
    """

    made: np.dtype[Any] | None = None
    widened: str = ""
    broken: bool = False


class ArrayBox(Box, eq=False):
    """An array whose shape, dtype and values follow in a BUILD; `masked` if it is a masked array."""

    masked: bool = False
