"""Read arrays that a mapping keeps as bytes, or as base64, beside their dtype and shape.

`{"data": x.tobytes(), "dtype": str(x.dtype), "shape": x.shape}` is what projects write where their format has no
arrays; with several arrays in a mapping the names are `x`, `x_dtype` and `x_shape`. In a tuple, the dtype and shape
follow the bytes. The dtype is not there where pixels are kept: `size` and `channels` are as many as there are bytes.
"""

from __future__ import annotations

import binascii
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod

import numpy as np

from datacheck.decoders.interface import Field
from datacheck.decoders.rows import real
from datacheck.decoders.trees.leaves import Leaf
from datacheck.decoders.trees.paths import is_label
from datacheck.decoders.trees.storages import WIDENED, array_of, numeric_dtype
from datacheck.decoders.trees.tree import Bytes, Opaque, Widened
from datacheck.decoders.trees.within import SHORTEST_BASE64, Made, unwrapped
from datacheck.lazy_re import compiled_later
from datacheck.model.finding import found
from datacheck.model.profile import FieldProfile

DTYPE_NAMES = ("dtype", "__dtype__", "type")
SHAPE_NAMES = ("shape", "__shape__")
RAW_NAMES = frozenset({"data", "buffer", "bytes", "raw", "array", "values", "value", "buf", "__ndarray__", "b64"})
"""Names of the bytes of an array; others count where they are the only bytes in the mapping."""
SIZE_NAMES = ("shape", "__shape__", "size")
CHANNEL_NAMES = ("channels", "channel", "n_channels", "num_channels")
PIXELS = 64
"""Minimum number of bytes that are taken for pixels if they are as many as the size says."""
_ENDS = ("type", "__", "size", "shape")
"""The ends of the names of a dtype or a size."""
AXES = 32
LONGEST = 64
"""Maximum length in characters of the text of a dtype."""
_PREFIX = re.compile(r"(?:<class ')?(?:torch\.|numpy\.|np\.|jnp\.|jax\.numpy\.)?([<>=|]?[a-z][a-z0-9_]{0,20})(?:'>)?")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_DIGEST = compiled_later(r"(?i:hash|digest|checksum|sha_?\d*|md5|etag|signature|token|nonce|uuid|(?<![a-z])id)$")
"""Matches the names of digests and the like."""


def declared_arrays(leaves: Sequence[Leaf]) -> dict[str, tuple[str, list[int]]]:
    """Return the dtype and shape that a record gives for its bytes and texts, by their path."""
    first = third = False  # items of lists
    for leaf in leaves:
        path = leaf.path
        if path.endswith(_ENDS):
            break
        if path.endswith("]"):
            if leaf.kind == "bytes" and path.endswith("[1]") and len(leaf.raw) >= PIXELS:
                break
            first = first or (leaf.kind == "bytes" and path.endswith("[0]"))
            third = third or path.endswith("[2]")
            if first and third:
                break
    else:
        return {}
    by_path = {leaf.path: leaf for leaf in leaves}
    children: dict[str, dict[str, Leaf]] = defaultdict(dict)
    for path, leaf in by_path.items():
        children[path[: path.rfind("/") + 1]][path] = leaf
    declared: dict[str, tuple[str, list[int]]] = {}
    for path, leaf in by_path.items():
        start, slash, name = path.rpartition("/")
        stem = _stem(name)
        dtype = None if stem is None else _dtype_name(leaf)
        if stem is None or dtype is None:
            continue
        shapes = (by_path.get(f"{start}{slash}{stem}{it}") for it in SHAPE_NAMES)
        sizes = next((sizes for it in shapes if it is not None and (sizes := _sizes(it)) is not None), None)
        if sizes is None:
            continue
        beside = children[f"{start}{slash}"]
        place = _bytes_of(beside, f"{start}{slash}", stem)
        if place is None and not stem:
            place = _only_base64(beside, dtype, sizes)
        if place is not None:
            declared[place] = dtype, sizes
    return _pixels(by_path) | declared | _in_tuples(by_path)


def _pixels(by_path: dict[str, Leaf]) -> dict[str, tuple[str, list[int]]]:
    """Return the shape of bytes that a size beside them is about, by their path; pixels have one byte a channel."""
    held: dict[str, dict[str, Leaf]] = defaultdict(dict)
    for path, leaf in by_path.items():
        if leaf.kind == "bytes":
            held[path[: path.rfind("/") + 1]][path] = leaf
    declared: dict[str, tuple[str, list[int]]] = {}
    for path, leaf in by_path.items() if held else ():
        start, slash, name = path.rpartition("/")
        place: str | None = None
        channels: list[int] = []
        if name in SIZE_NAMES:
            place = _bytes_of(held.get(f"{start}{slash}", {}), f"{start}{slash}", "")
            beside = (by_path.get(f"{start}{slash}{it}") for it in CHANNEL_NAMES)
            channels = next((_sizes(it) or [] for it in beside if it is not None), [])
        elif path.endswith("[0]"):
            place = f"{path[:-3]}[1]"
        bytes_of = None if place is None else by_path.get(place)
        if place is None or bytes_of is None or bytes_of.kind != "bytes" or len(bytes_of.raw) < PIXELS:
            continue
        sizes = _sizes(leaf)
        if sizes is not None and len(sizes) > 1:
            declared[place] = "u1", [*sizes, *(channels[:1] or _channels(sizes, len(bytes_of.raw)))]
    return declared


def _channels(sizes: Sequence[int], count: int) -> list[int]:
    """Return the number of channels of pixels if there are three times as many as the height and width say.

    Four times as many may be numbers of four bytes.
    """
    return [3] if len(sizes) == 2 and count == 3 * prod(sizes) else []


def _in_tuples(by_path: dict[str, Leaf]) -> dict[str, tuple[str, list[int]]]:
    """Return the dtype and shape of bytes that are the first item of a list, of which the next two give these."""
    declared: dict[str, tuple[str, list[int]]] = {}
    for path, leaf in by_path.items():
        if leaf.kind != "bytes" or not path.endswith("[0]"):
            continue
        beside = [by_path.get(f"{path[:-3]}[{at}]") for at in (1, 2)]
        for shape, dtype in (beside, beside[::-1]):
            sizes = None if shape is None or dtype is None else _sizes(shape)
            name = None if sizes is None or dtype is None else _dtype_name(dtype)
            if sizes is not None and name is not None:
                declared[path] = name, sizes
    return declared


def declares_arrays(values: Mapping[str, object]) -> bool:
    """Check whether an object of JSON may give the dtype and shape of an array that it keeps as a text."""
    for dtype, shape in _telling_names(tuple(values)):
        if type(values[shape]) in (list, int) and _named_dtype(values[dtype]) is not None:
            return True
    return False


@lru_cache(maxsize=64)
def _telling_names(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the pairs of names of a dtype and a shape with the same stem."""
    pairs = []
    for name in names:
        stem = _stem(name)
        if stem is not None:
            pairs += [(name, f"{stem}{it}") for it in SHAPE_NAMES if f"{stem}{it}" in names]
    return pairs


def _stem(name: str) -> str | None:
    """Return what precedes `dtype` or the like in the name of a dtype, or None if the name does not end so."""
    end = next((it for it in DTYPE_NAMES if name == it or name.endswith((f"_{it}", f".{it}"))), None)
    return None if end is None else name[: len(name) - len(end)]


def _named_dtype(text: object) -> str | None:
    """Return the name of the dtype in a text without the library's name before it, or None if it names none."""
    return _dtype_in(str(text)) if isinstance(text, str) and len(text) <= LONGEST else None


@lru_cache(maxsize=256)
def _dtype_in(text: str) -> str | None:
    match = _PREFIX.fullmatch(text)
    return match[1] if match and (match[1] in WIDENED or numeric_dtype(match[1]) is not None) else None


def _bytes_of(by_path: dict[str, Leaf], start: str, stem: str) -> str | None:
    """Return the path of the bytes that a dtype and a shape with this stem are about, or None if that is not clear.

    `by_path` has the leaves in the container at `start`, and in its lists.
    """
    if stem:
        names = (stem[:-1], f"{stem}data", f"{stem}bytes")
        return next((f"{start}{it}" for it in names if _may_hold(by_path.get(f"{start}{it}"))), None)
    beside = [path for path, leaf in by_path.items() if "[" not in path[len(start) :] and _may_hold(leaf)]
    raw = [path for path in beside if by_path[path].kind == "bytes"]
    named = [path for path in raw or beside if path[len(start) :] in RAW_NAMES]
    chosen = named or raw
    return chosen[0] if len(chosen) == 1 else None


def _only_base64(beside: dict[str, Leaf], dtype: str, sizes: Sequence[int]) -> str | None:
    """Return the path of the only text beside a dtype and shape that is base64 of as many bytes, or None.

    They are not about a text if an array of this shape lies beside them too, nor about a digest.
    """
    if len(sizes) > 1 and any(leaf.values.shape == tuple(sizes) for leaf in beside.values()):
        return None
    count = prod(sizes) * np.dtype(WIDENED.get(dtype, dtype)).itemsize
    letters = -(-count // 3) * 4
    chosen = [
        path
        for path, leaf in beside.items()
        if isinstance(leaf.node, str) and len(leaf.node) == letters >= SHORTEST_BASE64 and not _DIGEST.search(path)
        if len(_from_base64(leaf.node) or b"") == count
    ]
    return chosen[0] if len(chosen) == 1 else None


def _may_hold(leaf: Leaf | None) -> bool:
    return leaf is not None and (leaf.kind == "bytes" or (leaf.kind == "text" and isinstance(leaf.node, str)))


def _dtype_name(leaf: Leaf) -> str | None:
    """Return the name of the dtype in a leaf: a text, NumPy's dtype or a class of NumPy or torch; else None."""
    dtype = getattr(leaf.node, "made", None)
    if isinstance(dtype, np.dtype):
        return dtype.str if dtype.kind in "biufc" else None
    text = leaf.node.kind if isinstance(leaf.node, Opaque) else leaf.node
    if leaf.kind == "bytes" and len(leaf.raw) <= 40:
        text = bytes(leaf.raw).decode("latin-1")
    return _named_dtype(text)


def _sizes(leaf: Leaf) -> list[int] | None:
    """Return the shape in a leaf, or None if it is not one."""
    values = leaf.values
    if leaf.kind not in ("list", "array", "number") or values.ndim > 1 or values.size > AXES:
        return None
    if values.size and (values.dtype.kind not in "iu" or values.min() < 0):
        return None
    return [int(it) for it in values.reshape(-1)]


def read_declared(leaf: Leaf, dtype: str, sizes: Sequence[int], usual_field: FieldProfile | None) -> Made | None:
    """Return the field of an array that a record declares, or None if the bytes may be anything else.

    Bytes of another length are broken where nearly all others are as declared; elsewhere the dtype and shape may be
    those of what the bytes decode to.
    """
    usual = usual_field is not None and usual_field.format in ("array", *WIDENED)
    raw: Bytes | None = leaf.raw
    if isinstance(leaf.node, str) and leaf.kind == "text":
        raw = _from_base64(leaf.node)
    node = None if raw is None else array_of(dtype, sizes, raw)
    if raw is None:
        raw = b""
    elif node is None:
        content, wrapped, finding = unwrapped(leaf.path, raw, sure=usual)
        if finding is not None and usual:
            return [], [finding]
        node = array_of(dtype, sizes, content) if wrapped else None
    if isinstance(node, Widened):
        return [Field(leaf.path, node.values, format=node.dtype, label=is_label(leaf.path), leaf=True)], []
    if isinstance(node, np.ndarray):
        values = real(node.astype(node.dtype.newbyteorder("="), copy=False)[np.newaxis])[0]
        return [Field(leaf.path, values, format="array", label=is_label(leaf.path), leaf=True)], []
    if not usual:
        return None
    shape = " x ".join(map(str, sizes)) or "one"
    message = f"{len(raw)} bytes, which are not {shape} {dtype} as the record says"
    return [], [found("size-mismatch", message, field=leaf.path, found=len(raw))]


def _from_base64(text: str) -> bytes | None:
    """Return the bytes that a base64 text stands for, or None if it is not base64."""
    if len(text) % 4 or not _BASE64.fullmatch(text):
        return None
    return binascii.a2b_base64(text)
