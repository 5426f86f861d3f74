"""Interpret those calls and states in pickles whose meaning is known; all others become objects of the named class.

Nothing is imported or called: a call that is not in this table becomes its arguments, under the function's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from datacheck.decoders.pickles import arrays, arrow_arrays, pillow_images, sparse_tensors
from datacheck.decoders.pickles.parts import ArrayBox, Broken, DType, Global
from datacheck.decoders.trees.leaves import CALL, unboxed
from datacheck.decoders.trees.storages import DTYPES, STORAGES, Storage, array_of, tensor
from datacheck.decoders.trees.tree import Bytes, Flawed, Items, Keyed, Node, Opaque

LATIN = frozenset({"latin1", "latin-1", "iso-8859-1"})
DIGITS = 64
"""Longest decimal number that is parsed, in characters."""


class Host(Protocol):
    """The machine that a call is made in: it counts the work, and caches results that are costly to make."""

    def work(self, amount: int) -> None: ...
    def encoded(self, text: str) -> Bytes: ...
    def legacy_torch(self, raw: Bytes) -> Node: ...


def call(host: Host, function: Node, argument: Node) -> Node:
    """Return the result of a function that a pickle names, or its arguments as an object if it is not known."""
    arguments = argument.items if isinstance(argument, Items) else [argument]
    if isinstance(function, Global):
        handler = _KNOWN.get(function.kind)
        result = handler(host, arguments) if handler else None
        return Keyed(kind=function.kind, items=[*arguments]) if result is None else result
    if isinstance(function, (Opaque, Keyed)) and function.kind and not isinstance(function, DType):
        return Keyed(kind=f"{CALL}{function.kind}"[:200], items=[*arguments])
    if isinstance(function, Flawed):
        return Keyed(kind="a call of what is not known", items=[*arguments])
    raise Broken("undecodable", "calls something that is not a function")


def build(host: Host, target: Node, state: Node) -> Node:
    """Apply a state to an object, and return the node that now represents the object."""
    if isinstance(target, ArrayBox):
        target.node = arrays.masked(state) if target.masked else arrays.from_state(state)
    elif isinstance(target, DType):
        arrays.build_dtype(target, state)
    elif isinstance(target, Keyed):
        image = pillow_images.pixels(target.kind, state)
        if image is not None:
            target.pairs.append(("pixels", image))
            return target
        parts = state.items if isinstance(state, Items) and len(state.items) == 2 else [state]
        if not all(it is None or isinstance(it, Keyed) for it in parts):
            parts = []
            target.items.append(state)
        for it in parts:
            if isinstance(it, Keyed):
                host.work(len(it.pairs))
                target.pairs += it.pairs
    elif isinstance(target, Opaque):
        return Keyed(kind=target.kind, items=[state])
    else:
        raise Broken("undecodable", "gives a state to what has none")
    return target


def _array(host: Host, arguments: Sequence[Node]) -> Node:
    return ArrayBox(Opaque("numpy.ndarray"))


def _array_of_dill(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Make an array like dill: (function, arguments, state, attributes), the first three as in NumPy."""
    if len(arguments) < 3 or not isinstance(arguments[0], Global) or arguments[0].kind not in RECONSTRUCT:
        return None
    return build(host, call(host, arguments[0], arguments[1]), arguments[2])


def _container(host: Host, arguments: Sequence[Node], kind: str = "") -> Node | None:
    """Make a list, tuple or set from another one."""
    if not arguments:
        return Items(kind=kind)
    source = arguments[0]
    if not isinstance(source, Items):
        return None
    host.work(len(source.items))
    return Items([*source.items], kind)


def _mapping(host: Host, arguments: Sequence[Node], mapping: str = "") -> Node | None:
    """Make a mapping from another one or from pairs; a default factory before them is ignored."""
    source = next((it for it in arguments if isinstance(it, (Items, Keyed)) and not getattr(it, "kind", "")), None)
    if source is None:
        return Keyed(mapping=mapping)
    host.work(len(source.pairs if isinstance(source, Keyed) else source.items))
    if isinstance(source, Keyed):
        return Keyed([*source.pairs], mapping=mapping)
    pairs = [(it.items[0], it.items[1]) for it in source.items if isinstance(it, Items) and len(it.items) == 2]
    return Keyed(pairs, mapping=mapping) if len(pairs) == len(source.items) else None


def _defaultdict(host: Host, arguments: Sequence[Node]) -> Node | None:
    first = arguments[0] if arguments else None
    factory = first.kind.rpartition(".")[2] if isinstance(first, Global) and first.kind in _FACTORIES else ""
    return _mapping(host, arguments, f"defaultdict {factory}" if factory else "")


def _encode(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Make bytes from a latin-1 text, the form of bytes in protocols 0 to 2 of Python 3."""
    if len(arguments) != 2 or not isinstance(arguments[0], str) or arrays.text(arguments[1]) not in LATIN:
        return None
    return host.encoded(arguments[0])


def _bytes(host: Host, arguments: Sequence[Node]) -> Node | None:
    if not arguments:
        return b""
    if len(arguments) == 1 and isinstance(arguments[0], (bytes, memoryview)):
        return arguments[0]
    return _encode(host, arguments)


def _complex(host: Host, arguments: Sequence[Node]) -> Node | None:
    if len(arguments) == 2 and all(isinstance(it, (int, float)) for it in arguments):
        real, imaginary = (_to_float(it) for it in arguments)
        return complex(real, imaginary)
    return None


def _to_float(number: Node) -> float:
    assert isinstance(number, (int, float))
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _decimal(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Return a Decimal as a float, or None if it is too long or not a number."""
    text = arrays.text(arguments[0]) if len(arguments) == 1 else None
    if text is None or len(text) > DIGITS:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _reconstructed(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Make an object like `copyreg._reconstructor(class, base, state of the base)`."""
    if len(arguments) != 3 or not isinstance(arguments[0], Global):
        return None
    result = Keyed(kind=arguments[0].kind)
    base = arguments[2]
    if isinstance(base, Keyed):
        host.work(len(base.pairs))
        result.pairs = [*base.pairs]
    elif isinstance(base, Items):
        host.work(len(base.items))
        result.items = [*base.items]
    elif base is not None:
        result.items = [base]
    return result


def _new(host: Host, arguments: Sequence[Node]) -> Node | None:
    if not arguments or not isinstance(arguments[0], Global):
        return None
    return Keyed(kind=arguments[0].kind, items=[*arguments[1:]])


def _first(host: Host, arguments: Sequence[Node]) -> Node | None:
    return arguments[0] if arguments else None


def _dtype(host: Host, arguments: Sequence[Node]) -> Node:
    return arrays.dtype(arguments)


def _scalar(host: Host, arguments: Sequence[Node]) -> Node:
    return arrays.scalar(arguments)


def _from_buffer(host: Host, arguments: Sequence[Node]) -> Node:
    return arrays.from_buffer(arguments)


def _masked(host: Host, arguments: Sequence[Node]) -> Node:
    return ArrayBox(Opaque("numpy.ma.MaskedArray"), masked=True)


def _tensor(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Make a tensor from (storage, offset, size, strides, ...); in `_rebuild_tensor_v3`, the seventh is the dtype."""
    if len(arguments) < 4:
        return None
    storage, offset, (size, stride) = unboxed(arguments[0]), arguments[1], map(arrays.shape_of, arguments[2:4])
    if isinstance(storage, Flawed):
        return storage
    if not isinstance(storage, Storage):
        return Flawed("unknown-payload", "a tensor whose storage is not in the record")
    if not arrays.is_integer(offset) or size is None or stride is None:
        return Flawed("undecodable", "a tensor whose offset, size and strides are not integers")
    name = ""
    if len(arguments) > 6 and isinstance(arguments[6], Global) and arguments[6].module == "torch":
        name = arguments[6].name
    return tensor(storage, offset, size, stride, name)


def _tensor_of_subclass(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Make a tensor of a subclass: (function, class, arguments, state)."""
    if (
        len(arguments) < 3
        or not isinstance(arguments[0], Global)
        or arguments[0].kind == "torch._tensor._rebuild_from_type_v2"
    ):
        return None
    return call(host, arguments[0], arguments[2])


def _sparse(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Return the parts of a sparse tensor (layout, parts) by name; a part that leads to nothing is flawed."""
    parts = arguments[1] if len(arguments) == 2 else None
    if not isinstance(parts, Items):
        return None
    layout = arguments[0].items if isinstance(arguments[0], Keyed) else []
    named = sparse_tensors.named_parts(str(arrays.text(layout[0])) if layout else "", parts.items)
    return None if named is None else Keyed([*named.items()], "torch.sparse")


def _quantized(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Return the integers of a quantized tensor (storage, offset, size, strides, quantizer, ...) and the quantizer."""
    integers = _tensor(host, arguments[:4])
    return None if integers is None else Keyed([("int_repr", integers)], "torch.quantized", [*arguments[4:5]])


def _stored(host: Host, arguments: Sequence[Node]) -> Node | None:
    raw = arguments[0] if len(arguments) == 1 else None
    return host.legacy_torch(raw) if isinstance(raw, (bytes, memoryview)) else None


def _arrow_type(host: Host, arguments: Sequence[Node]) -> Node | None:
    return arrow_arrays.named_type(arguments)


def _arrow_array(host: Host, arguments: Sequence[Node]) -> Node | None:
    return arrow_arrays.restored(arguments[0], host.work) if len(arguments) == 1 else None


_OF_FORMAT = (
    "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">u4", "<i4", ">i4", "<u8", ">u8", "<i8", ">i8",
    "<f4", ">f4", "<f8", ">f8",
)  # fmt: skip
"""The dtypes of the formats in which the module array stores numbers (Modules/arraymodule.c, `machine_format_code`)."""


def _array_of_module(host: Host, arguments: Sequence[Node]) -> Node | None:
    """Make an array of the module array: (class, type code, format, bytes)."""
    number, raw = arguments[2:4] if len(arguments) == 4 else (None, None)
    if type(number) is not int or not 0 <= number < len(_OF_FORMAT) or not isinstance(raw, (bytes, memoryview)):
        return None
    size = int(_OF_FORMAT[number][-1])
    made = array_of(_OF_FORMAT[number], [len(raw) // size], raw)
    return made if made is not None else Flawed("size-mismatch", f"{len(raw)} bytes for an array of items of {size}")


def _text_dtype(host: Host, arguments: Sequence[Node]) -> Node:
    """Represent pandas' dtype of texts, which has as an argument the NaN that stands for missing texts."""
    return Opaque("pandas.StringDtype")


Known = Callable[[Host, Sequence[Node]], "Node | None"]
_FACTORIES = frozenset(
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("list", "dict", "set", "int")
)
RECONSTRUCT = frozenset({"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})
_KNOWN: dict[str, Known] = {
    **dict.fromkeys(RECONSTRUCT, _array),
    "dill._dill._create_array": _array_of_dill,
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": _from_buffer for core in ("core", "_core")},
    "numpy.dtype": _dtype,
    "numpy.ma.core._mareconstruct": _masked,
    "_codecs.encode": _encode,
    **{
        f"{module}.{name}": made
        for module in ("builtins", "__builtin__")
        for name, made in (
            ("list", _container),
            ("tuple", partial(_container, kind="tuple")),
            ("set", partial(_container, kind="set")),
            ("frozenset", partial(_container, kind="frozenset")),
            ("dict", _mapping),
            ("bytes", _bytes),
            ("bytearray", _bytes),
            ("complex", _complex),
        )
    },
    "collections.OrderedDict": partial(_mapping, mapping="OrderedDict"),
    "collections.defaultdict": _defaultdict,
    "collections.Counter": _mapping,
    "collections.deque": _container,
    "decimal.Decimal": _decimal,
    "array._array_reconstructor": _array_of_module,
    "copyreg._reconstructor": _reconstructed,
    "copy_reg._reconstructor": _reconstructed,
    "copyreg.__newobj__": _new,
    "copy_reg.__newobj__": _new,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._utils._rebuild_device_tensor_from_numpy": _first,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._tensor._rebuild_from_type_v2": _tensor_of_subclass,
    "torch.storage._load_from_bytes": _stored,
    "torch.Size": _container,
    "pyarrow.lib.type_for_alias": _arrow_type,
    "pyarrow.lib.py_buffer": _first,
    "pyarrow.lib._restore_array": _arrow_array,
    "pandas.StringDtype": _text_dtype,
    "pandas.core.arrays.string_.StringDtype": _text_dtype,
}
"""The functions whose results are known, by dotted name. They return None if they cannot make the result."""
OURS = frozenset({*_KNOWN, "numpy.ndarray", "torch._utils", *(f"torch.{name}" for name in (*STORAGES, *DTYPES))})
"""Globals that are not reported as classes of the data."""
