"""What stands on the machine's stack and in its memo beside the parts of a tree: classes, dtypes, arrays to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datacheck.decoders.trees.tree import Box, Opaque

if TYPE_CHECKING:
    import numpy as np


class Broken(Exception):
    """The bytes are no pickle, or end early: a code and a message. Never leaves this package."""

    def __init__(self, code: str, message: str, verdict: str | None = None) -> None:
        super().__init__(code, message, verdict)
        self.code, self.message, self.verdict = code, message, verdict


class Global(Opaque, eq=False):
    """A class or a function that a pickle names; `kind` is its dotted name."""

    module: str = ""
    name: str = ""


class DType(Opaque, eq=False):
    """A dtype: NumPy's, or the name of one that NumPy does not have, or (neither) one that is not known.

    A `broken` one NumPy would refuse.
    """

    made: np.dtype[Any] | None = None
    widened: str = ""
    broken: bool = False


class ArrayBox(Box, eq=False):
    """An array whose shape, dtype and values are yet to come (BUILD), and perhaps which of them are masked."""

    masked: bool = False
