"""Numbers and lists with an item for each record, such as the numbers of atoms, and how a copy keeps these true."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.pickle_edits import edited
from datacheck.conventions.values.rewriting import is_lossless
from datacheck.conventions.values.stored_lists import stored_list
from datacheck.conventions.values.stored_values import Stored, same_kind, stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

OF_RECORDS = frozenset(["natoms", "natom", "nnodes", "nedges", "lengths", "label", "labels", "target", "targets"])
"""Words in the names of lists with a number for each record."""
THINGS = frozenset(["atoms", "nodes", "edges", "neighbors"])
"""Words in the names of such lists if a word for a number is there too; `bin_edges` has none."""
NUMBERS = frozenset(["num", "n", "number", "numbers", "count", "counts"])
_OTHERS = """name names weight weights hist histogram bin bins map mean means std stds min max unique vocab vocabulary
cum cumulative cumsum offset offsets ptr indptr start starts end ends boundary boundaries shard shards file files"""
OTHERS = frozenset(_OTHERS.split())
"""Words in the names of lists that have a number for something else, such as each class, each bin or each boundary."""
LARGEST = 1 << 24
"""Maximum size in bytes of a value that is rewritten."""
Numbers = Mapping[str, tuple[int, int]]
"""Present and new numbers in a mapping, by name."""


def is_of_records(name: str) -> bool:
    """Return whether a name is one of lists with a number for each record.

    >>> is_of_records("natoms"), is_of_records("num_nodes_per_frame"), is_of_records("bin_edges")
    (True, True, False)
    >>> is_of_records("natoms_hist")
    False
    """
    of_list = words(name)
    if not of_list.isdisjoint(OTHERS):
        return False
    return not of_list.isdisjoint(OF_RECORDS) or not (of_list.isdisjoint(THINGS) or of_list.isdisjoint(NUMBERS))


def with_numbers(raw: bytes, numbers: Numbers) -> bytes | None:
    """Return a value that is read in part with other numbers in its mapping, or None if they cannot be written."""
    parsed = stored_list(raw) if len(raw) <= LARGEST else None
    if parsed is None or not isinstance(parsed.value, dict):
        return None
    new = _pickle_with(raw, parsed, numbers) if parsed.form == "pickle" else None
    return _npz_with(raw, numbers, 0, ()) if parsed.form == "npz" else new


def with_number(raw: bytes, name: str, old: int, new: int) -> bytes:
    """Return a value that is read in part with another number in its mapping, or as it is if that cannot be written."""
    return with_numbers(raw, {name: (old, new)}) or raw


def _pickle_with(raw: bytes, parsed: Stored, numbers: Numbers) -> bytes | None:
    new = edited(raw, numbers, 0, ())
    wanted = {**parsed.value, **{name: it for name, (_, it) in numbers.items()}}
    again = None if new is None else stored_list(new)
    return new if again is not None and again.value == wanted else None


def without_items(raw: bytes, length: int, kept: Sequence[int]) -> bytes | None:
    """Return a value whose lists and arrays of this length have only the `kept` items, or None if it cannot be written.

    That is so if one of them holds the positions of the others, which have other positions then.
    """
    if len(raw) > LARGEST:
        return None
    parsed = stored(raw) or stored_list(raw)
    if parsed is None or _has_positions(parsed.value, length):
        return None
    if not parsed.in_part:
        return _plain_without(raw, parsed, length, kept)
    if parsed.form == "pickle":
        return _pickle_without(raw, parsed, length, kept)
    if parsed.form == "npy":
        return _npy_without(raw, length, kept)
    return _npz_with(raw, {}, length, kept) if parsed.form == "npz" else None


def _has_positions(value: Any, length: int) -> bool:
    """Return whether a list in a mapping has every position of a list of this length, such as an order."""
    lists = value.items() if isinstance(value, dict) else ()
    return any(
        isinstance(it, list) and len(it) == length and not is_of_records(str(name)) and _are_positions(it)
        for name, it in lists
    )


def _are_positions(items: Sequence[Any]) -> bool:
    if not all(type(it) is int for it in items):
        return False
    return min(items) in (0, 1) and max(items) - min(items) == len(items) - 1 and len(set(items)) == len(items)


def _pickle_without(raw: bytes, parsed: Stored, length: int, kept: Sequence[int]) -> bytes | None:
    new = edited(raw, {}, length, kept)
    again = None if new is None else stored_list(new)
    if new is None or again is None or again.value != _without(parsed.value, length, kept):
        return None
    before, after = (sorted(len(it) for it in _arrays(value)) for value in (raw, new))
    return new if after == sorted(len(kept) if it == length else it for it in before) else None


def _arrays(raw: bytes) -> Iterator[NDArray[Any]]:
    """Yield the arrays in a pickle that have a dimension."""
    import numpy as np

    from datacheck.decoders.pickles.decoder import PickleDecoder
    from datacheck.decoders.trees.leaves import unboxed
    from datacheck.decoders.trees.tree import Items, Keyed

    nodes = [PickleDecoder().parse(raw).tree]
    seen = set[int]()
    while nodes:
        node = unboxed(nodes.pop())
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, np.ndarray) and node.ndim:
            yield node
        elif isinstance(node, Items):
            nodes += node.items
        elif isinstance(node, Keyed):
            nodes += (it for _, it in node.pairs)


def _plain_without(raw: bytes, parsed: Stored, length: int, kept: Sequence[int]) -> bytes | None:
    new = _without(parsed.value, length, kept)
    return parsed.written(new) if new != parsed.value and is_lossless(raw, parsed) else None


def _without(value: Any, length: int, kept: Sequence[int]) -> Any:
    """Return a list, or the lists in a mapping, with only the kept items where they have this length."""
    if isinstance(value, dict):
        return {name: it if isinstance(it, dict) else _without(it, length, kept) for name, it in value.items()}
    if isinstance(value, list) and len(value) == length:
        return same_kind(value, [value[it] for it in kept])
    return value


def _npy_without(raw: bytes, length: int, kept: Sequence[int]) -> bytes | None:
    """Return .npy bytes with only the kept items of an array of this length; other arrays as they are.

    Return None for an array of objects, of which only a pickle says how many there are, and for damaged bytes.
    """
    from datacheck.decoders.npy_bytes import stored_size, whole_array

    if stored_size(raw) != len(raw):
        return None
    values = whole_array(raw)
    return raw if values is None or not values.ndim or len(values) != length else _npy_bytes(values[list(kept)])


def _npy_bytes(values: NDArray[Any]) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.lib.format.write_array(out, values, allow_pickle=False)
    return out.getvalue()


def _npy_with(raw: bytes, number: int) -> bytes:
    """Return the .npy bytes of a whole number with another number, of the same dtype if that holds it."""
    import numpy as np

    from datacheck.decoders.npy_bytes import whole_array

    old = whole_array(raw)
    assert old is not None
    limits = np.iinfo(old.dtype)
    return _npy_bytes(np.full_like(old, number, old.dtype if limits.min <= number <= limits.max else np.int64))


def _npz_with(raw: bytes, numbers: Numbers, length: int, kept: Sequence[int]) -> bytes | None:
    """Return an archive with other numbers, and only the kept items of its arrays of this length."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(out, "w") as target:
        if sum(it.file_size for it in source.infolist()) > LARGEST:
            return None
        for member in source.infolist():
            name = member.filename.removesuffix(".npy")
            old = source.read(member)
            data = _npy_without(old, length, kept) if length and name != member.filename else old
            if data is None:
                return None
            if name in numbers:
                data = _npy_with(data, numbers[name][1])
            target.writestr(member.filename, data, compress_type=member.compress_type)
    return out.getvalue()
