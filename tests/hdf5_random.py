"""Write random sound HDF5 files from a seed, with every layout, chunk index, filter and type that h5py can write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

LIBVERS = ("earliest", "v108", "v110", "latest")
NUMBERS = ("i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "?", "<c8")
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"compression": "gzip"},
    {"compression": "gzip", "compression_opts": 9, "shuffle": True},
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
    {"compression": "lzf", "shuffle": True},
    {"fletcher32": True},
    {"shuffle": True},
)
POINT = np.dtype([("x", "<f4"), ("y", ">i2"), ("z", "<f8", (2,))])
NESTED = np.dtype([("at", POINT), ("flag", "?"), ("word", "S5")])
COLOUR = h5py.enum_dtype({"red": 0, "green": 1, "blue": 7}, "<i2")


class Writer:
    """A writer of one file, whose choices are all determined by the seed."""

    def __init__(self, path: Path, seed: int, *, plugins: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.plugins = plugins
        self.rows = int(self.rng.integers(1, 40))
        libver = self.pick(LIBVERS)
        order = bool(self.rng.integers(2))
        block = self.pick((0, 0, 512))
        with h5py.File(path, "w", libver=libver, track_order=order, userblock_size=block) as file:
            self.group(file, depth=0)
            self.links(file)
            self.attributes(file, dense=bool(self.rng.integers(2)))
        if block:
            with path.open("r+b") as raw:
                raw.write(self.rng.bytes(block // 2))

    def pick(self, of: Any) -> Any:
        return of[int(self.rng.integers(len(of)))]

    def group(self, group: Any, depth: int) -> None:
        for number in range(int(self.rng.integers(2, 6))):
            self.dataset(group, self.name("d", number))
        if self.rng.integers(3) == 0:
            for number in range(12):  # enough for an indexed list of links
                group[f"many{number:02d}"] = self.numbers("<f4", (self.rows,))
        for number in range(int(self.rng.integers(3)) if depth < 2 else 0):
            self.group(group.create_group(self.name("g", number), track_order=bool(self.rng.integers(2))), depth + 1)

    def name(self, stem: str, number: int) -> str:
        return f"{stem}{number}{self.pick(('', '.x', ' y', 'é', chr(1), '[0]', ':'))}"

    def numbers(self, dtype: Any, shape: tuple[int, ...]) -> Any:
        """Return numbers that pass all checks: finite, and of several values."""
        values = self.rng.integers(0, 120, shape)
        return (values % 2 == 0) if dtype == "?" else values.astype(dtype)

    def values(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """Return values and the type to store them with, or None for their own type."""
        kind = self.pick(("number", "number", "number", "enum", "point", "nested", "array", "bytes", "text", "vlen",
                          "opaque", "bits", "reference"))  # fmt: skip
        if kind == "number":
            return self.numbers(self.pick(NUMBERS), shape), None
        if kind == "enum":
            return self.rng.choice(np.array([0, 1, 7], "<i2"), shape), COLOUR
        if kind in ("point", "nested"):
            made = np.zeros(shape, POINT if kind == "point" else NESTED)
            points = made if kind == "point" else made["at"]
            points["x"], points["y"] = self.numbers("<f4", shape), self.numbers(">i2", shape)
            points["z"] = self.numbers("<f8", (*shape, 2))
            return made, None
        if kind == "array":
            made = np.zeros(shape, np.dtype(("<i4", (3,))))
            made[...] = self.numbers("<i4", made.shape)
            return made, np.dtype(("<i4", (3,)))
        if kind == "bytes":
            return np.char.mod(b"w%d", self.rng.integers(0, 999, shape)).astype("S6"), None
        if kind == "text":
            return np.char.mod("wörd %d", self.rng.integers(0, 999, shape)).astype(object), h5py.string_dtype()
        if kind == "vlen":
            made = np.empty(shape, object)
            for at in np.ndindex(shape):
                made[at] = self.numbers("<i2", (int(self.rng.integers(4)),))
            return made, h5py.vlen_dtype(np.dtype("<i2"))
        if kind == "opaque":
            stamps = self.rng.integers(0, 1 << 30, shape).astype("datetime64[s]")
            return stamps.astype(h5py.opaque_dtype(stamps.dtype)), None
        if kind == "bits":
            return self.numbers("u1", shape), "bits"
        return None, "reference"

    def dataset(self, group: Any, name: str) -> None:
        shape: tuple[int, ...] = (self.rows if self.rng.integers(3) else int(self.rng.integers(1, 40)),)
        shape += tuple(int(at) for at in self.rng.integers(1, 7, int(self.rng.integers(3))))
        layout = self.pick(("contiguous", "compact", "chunked", "chunked", "chunked", "scalar", "null", "virtual",
                            "never", "empty"))  # fmt: skip
        if layout == "null":
            group[name] = h5py.Empty("f4")
        elif layout == "empty":
            group.create_dataset(name, (0, 4), "f4", maxshape=(None, 4))
        elif layout == "virtual":
            self.virtual(group, name, shape)
            name += "~"
        elif layout == "never":
            group.create_dataset(name, shape, "f4", chunks=shape if self.rng.integers(2) else None, fillvalue=5)
        else:
            self.stored(group, name, () if layout == "scalar" else shape, layout)
        if self.rng.integers(3) == 0:
            self.attributes(group[name], dense=bool(self.rng.integers(2)))

    def stored(self, group: Any, name: str, shape: tuple[int, ...], layout: str) -> None:
        values, dtype = self.values(shape)
        if dtype == "bits":
            self.bits(group, name, values)
            return
        plain = dtype is None and values.dtype.kind in "iuf"
        how = self.chunked(shape, plugins=self.plugins and plain) if layout == "chunked" else {}
        if dtype == "reference" or (dtype is not None and np.dtype(dtype).hasobject):
            how.pop("fletcher32", None)  # HDF5 refuses it for types that point to their values
        if dtype == "reference":
            made = np.empty(shape, h5py.ref_dtype)
            made[...] = group.ref
            group.create_dataset(name, data=made, **how)
        elif layout == "compact" and values.nbytes < 4096 and dtype is None:
            self.compact(group, name, values)
        else:
            group.create_dataset(name, shape, dtype or values.dtype, **how)[...] = values

    def chunked(self, shape: tuple[int, ...], *, plugins: bool = False) -> dict[str, Any]:
        """Return filters and chunking: one chunk, a fixed number, or growing along the first axis or all axes."""
        chunks = tuple(int(self.rng.integers(1, extent + 1)) for extent in shape)
        growing = self.pick(("fixed", "one", "first", "all"))
        maxshape: Any = {"fixed": shape, "one": shape, "first": (None, *shape[1:]), "all": (None,) * len(shape)}[
            growing
        ]
        how = {"chunks": shape if growing == "one" else chunks, "maxshape": maxshape, **self.pick(FILTERS)}
        if plugins and self.rng.integers(2):
            import hdf5plugin as of

            some = (of.Bitshuffle(), of.Blosc(), of.Blosc2(), of.LZ4(), of.Zstd())
            how = {"chunks": how["chunks"], "maxshape": maxshape, **self.pick(some)}
        return how

    def compact(self, group: Any, name: str, values: Any) -> None:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_layout(h5py.h5d.COMPACT)
        kind, space = h5py.h5t.py_create(values.dtype), h5py.h5s.create_simple(values.shape)
        made = h5py.h5d.create(group.id, None, kind, space, created)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values))
        group[name] = h5py.Dataset(made)

    def bits(self, group: Any, name: str, values: Any) -> None:
        kind, space = h5py.h5t.STD_B8LE.copy(), h5py.h5s.create_simple(values.shape) if values.shape else None
        made = h5py.h5d.create(group.id, None, kind, space or h5py.h5s.create(h5py.h5s.SCALAR))
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values), kind)
        group[name] = h5py.Dataset(made)

    def virtual(self, group: Any, name: str, shape: tuple[int, ...]) -> None:
        source = group.create_dataset(f"{name} source", data=self.numbers("<f4", shape), **self.chunked(shape))
        shown = h5py.VirtualLayout((2 * shape[0], *shape[1:]), "<f4")
        for at in range(2 if self.rng.integers(2) else 1):
            shown[at * shape[0] : (at + 1) * shape[0]] = h5py.VirtualSource(".", source.name, shape)
        group.create_virtual_dataset(name + "~", shown, fillvalue=3)

    def attributes(self, of: Any, *, dense: bool) -> None:
        for number in range(15 if dense else 3):
            values, dtype = self.values(self.pick(((), (3,), (2, 2))))
            if values is not None and dtype != "bits":
                of.attrs.create(f"a{number}é", values, dtype=dtype)
            else:
                of.attrs[f"a{number}"] = h5py.Empty("i4") if values is None else "text"

    def links(self, file: Any) -> None:
        first = next(iter(file))
        file["again"] = file[first]
        file["soft"] = h5py.SoftLink(f"/{first}")
        file["kind"] = NESTED


def write(path: Path, seed: int, *, plugins: bool = False) -> Path:
    """Write the file of a seed to `path`, and return the path."""
    Writer(path, seed, plugins=plugins)
    return path
