"""Compare how h5py and datacheck read an HDF5 file, and a copy of it without some rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5.columns import columns
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.tables import TABLE
from datacheck.backends.interface import StoreOptions
from datacheck.model.cells import NUMBERS
from tests.stepping import ended


def differences(path: Path, folder: Path, seed: int) -> Iterator[str]:
    """Yield a sentence for each difference between h5py's and datacheck's reading or copying of a sound file."""
    reader = Hdf5Reader.recognise(path, StoreOptions())
    assert reader is not None
    yield from (f"said of a sound file: {it.message}" for it in reader.layout().findings if it.code != "unwritten")
    expected = dict(_numeric(path))
    for limit in (None, 1):  # None bypasses the library where possible; 1 reads through the library only
        yield from _read_otherwise(reader, expected, limit)
    yield from _copied_otherwise(reader, path, folder, np.random.default_rng(seed))


def _numeric(path: Path) -> Iterator[tuple[bytes, Any]]:
    """Yield the path and values of each dataset with rows of numbers; a dataset with several links comes once."""
    with h5py.File(path) as file:
        seen = set()
        for name, item in _walk(file):
            if isinstance(item, h5py.Dataset) and item.shape and math.prod(item.shape):
                addr = h5py.h5o.get_info(item.id).addr
                if addr not in seen and any(it.holds == NUMBERS for it in columns("", item.dtype)):
                    yield name, item[()]
                seen.add(addr)


def _walk(group: Any, above: bytes = b"") -> Iterator[tuple[bytes, Any]]:
    for name in sorted(group.id):
        if group.id.links.get_info(name).type == h5py.h5l.TYPE_HARD:
            item = group[name]
            yield above + b"/" + name, item
            if isinstance(item, h5py.Group):
                yield from _walk(item, above + b"/" + name)


def _read_otherwise(reader: Hdf5Reader, expected: dict[bytes, Any], limit: int | None) -> Iterator[str]:
    contents = reader.contents(0)
    judged = {it.path for table in contents.tables for it in table.judged if NUMBERS in it.holds}
    if judged != set(expected):
        yield f"judged {sorted(judged)}, there are {sorted(expected)}"
    got: dict[tuple[str, str], list[Any]] = {}
    for shard in reader.layout().shards:
        for block in reader.blocks(shard, limit=limit):
            yield from (f"said of a sound row: {it.message}" for _, it in block.findings)
            for name, values in block.columns.items():
                got.setdefault((block.table, name), []).append(values.copy())
    for table in contents.tables:
        for dataset in table.judged:
            for column in (it for it in dataset.columns if it.holds == NUMBERS):
                values = expected[dataset.path]
                for member in column.members:
                    values = values[member]
                read = np.concatenate(got[table.name, column.name])
                native = values.astype(values.dtype.newbyteorder("="))
                if (read.shape, read.dtype, read.tobytes()) != (native.shape, native.dtype, native.tobytes()):
                    yield f"{dataset.path!r} {column.name} is read otherwise (limit {limit})"


def _copied_otherwise(reader: Hdf5Reader, path: Path, folder: Path, rng: Any) -> Iterator[str]:
    tables = reader.contents(0).tables
    total = sum(table.rows for table in tables)
    drops = np.flatnonzero(rng.random(total) < rng.choice([0.1, 0.5]))
    gone: dict[bytes, Any] = {}
    first = 0
    for table in tables:
        inside = drops[(drops >= first) & (drops < first + table.rows)] - first
        gone.update((dataset.path, inside) for dataset in table.datasets if len(inside))
        first += table.rows
    drops.astype(np.int64).tofile(folder / "drops")
    plan = Plan(folder / "copy.h5", Drops(folder / "drops", frozenset()), fills=None)
    copied = ended(Hdf5Copier().copy(reader, plan))
    records, digest = ended(Hdf5Copier().verify(reader, plan))
    if (copied.kept, copied.dropped) != (total - len(drops), len(drops)):
        yield f"{copied.kept} kept and {copied.dropped} dropped of {total}"
    if (records, digest) != (copied.kept, copied.digest):
        yield "the copy is not what was written"
    left = {table.judged[0].path: table.rows - len(gone.get(table.judged[0].path, ())) for table in tables}
    ours = {frozenset(it.path for it in table.datasets) for table in tables if left[table.judged[0].path]}
    again = Hdf5Reader.recognise(plan.target, StoreOptions())
    assert again is not None
    theirs = {frozenset(it.path for it in table.datasets) for table in again.contents(0).tables}
    if ours != theirs:
        yield f"the tables of the copy are {theirs - ours}, not {ours - theirs}"
    source, copy = _described(path, gone), _described(plan.target, {})
    for name in source.keys() | copy.keys():
        before, after = source.get(name, {}), copy.get(name, {})
        for what in before.keys() | after.keys():
            if before.get(what) != after.get(what):
                yield f"{name!r}: {what} is {after.get(what)!r:.200} in the copy, not {before.get(what)!r:.200}"


def _described(path: Path, gone: dict[bytes, Any]) -> dict[bytes, dict[str, Any]]:
    """Return the properties of each object of a file without the `gone` rows; a copy of a virtual dataset is stored."""
    made = {}
    with h5py.File(path) as file:
        rows = {h5py.h5o.get_info(file[name].id).addr: at for name, at in gone.items()}
        for name, item in ((b"/", file), *_walk(file)):
            keys = [key for key in item.attrs if key != MARK]
            it: dict[str, Any] = {"type": type(item).__name__, "attributes": keys}
            for key in keys:
                attribute = h5py.h5a.open(item.id, key.encode())
                it[f"attribute {key}"] = _spelled(item.attrs[key], file), attribute.get_type().encode(), attribute.shape
            if isinstance(item, h5py.Group):
                it["members"] = list(item.id)
                it["links"] = [(key, str(item.get(key, getlink=True).__class__)) for key in item]
            elif isinstance(item, h5py.Dataset):
                it |= _of_dataset(item, rows.get(h5py.h5o.get_info(item.id).addr), file)
            made[name] = it
        made[b"user block"] = {"": path.read_bytes()[: file.userblock_size]}
        made[b"superblock"] = {"": file.id.get_create_plist().get_version()}
    return made


def _of_dataset(item: Any, gone: Any, file: Any) -> dict[str, Any]:
    created = item.id.get_create_plist()
    it = {"stored type": item.id.get_type().encode(), "chunks": item.chunks, "dtype": item.dtype}
    it["filters"] = [created.get_filter(at) for at in range(created.get_nfilters())]
    it["growth"] = item.chunks and item.maxshape
    if not item.name.endswith(VIRTUAL):
        it["layout"] = created.get_layout()
        it["fill"] = None if item.dtype.hasobject else _spelled(np.array(item.fillvalue), file)
    if item.shape is not None:
        values = np.asarray(item[()], item.dtype)
        it["values"] = _spelled(values if gone is None else np.delete(values, gone, 0), file)
    return it


MARK = TABLE.decode()
"""Attribute that a copy adds to tables of equal length. It is not compared; the tables themselves are."""
VIRTUAL = "~"
"""Suffix of the names of virtual datasets, whose layout a copy does not keep."""


def _spelled(value: Any, file: Any) -> Any:
    """Return a comparable form of a value; references become the name of their target."""
    if isinstance(value, h5py.Reference):
        return file[value].name if value else None
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return value.shape, [_spelled(it, file) for it in value.reshape(-1)]
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype, value.shape, value.tobytes()
    return repr(value)
