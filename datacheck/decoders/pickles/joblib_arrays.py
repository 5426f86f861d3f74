"""Read arrays as joblib stores them: the pickle describes them, is followed by their values, and then continues.

`NumpyArrayWrapper` in joblib's numpy_pickle.py holds the dtype, the shape and the order. Since joblib 1.2 it is
followed by a byte with the number of padding bytes before the values. Arrays of objects are pickles of their own.
"""

from __future__ import annotations

from datacheck.decoders.pickles import arrays
from datacheck.decoders.pickles.machine import NESTED, Machine
from datacheck.decoders.pickles.parts import Broken, DType
from datacheck.decoders.trees.tree import Keyed, Node

WRAPPERS = frozenset(
    {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
)
ALIGNED = "numpy_array_alignment_bytes"


def read_array(machine: Machine, wrapper: Keyed) -> Node:
    """Return the array whose values come next in the record, and move the machine behind them; raises Broken."""
    attributes = {name: value for name, value in wrapper.pairs if isinstance(name, str)}
    dtype, shape = attributes.get("dtype"), arrays.shape_of(attributes.get("shape"))
    if not isinstance(dtype, DType) or dtype.made is None or shape is None:
        raise Broken("undecodable", "an array of joblib whose dtype and shape are not known")
    if dtype.made.hasobject:
        if machine.depth >= NESTED:
            raise machine.too_large("arrays of objects in each other")
        objects, machine.at = machine.nested(machine.raw, machine.at, machine.persistent)
        return objects
    if attributes.get(ALIGNED) is not None:
        machine.take(machine.number(1))
    values = machine.take(arrays.byte_count(dtype, shape))
    return arrays.array(dtype, attributes.get("shape"), values, fortran=attributes.get("order") == "F")
