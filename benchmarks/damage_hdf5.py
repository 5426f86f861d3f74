"""Measure what datacheck finds and recovers in damaged HDF5 files, compared with h5py.

Every file is built here and damaged in one named way. A row counts as intact if the damage touched neither its values
nor the structures that lead to them. `rows` yields a Row for each case.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import damage_hdf5_groups
import h5py
import numpy as np
from damage_row import Row

SHAPE = (3, 16, 16)
ROW_BYTES = 4 * 3 * 16 * 16
CHUNK = 8
SIZES = (256, 8192)
SECONDS = 120
LAYOUTS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "chunked": {"chunks": (CHUNK, *SHAPE)},
    "gzip": {"chunks": (CHUNK, *SHAPE), "compression": "gzip", "shuffle": True},
    "fletcher32": {"chunks": (CHUNK, *SHAPE), "fletcher32": True},
}
FILES = {"tracked": LAYOUTS["fletcher32"], "virtual": LAYOUTS["fletcher32"]}
"""In a `tracked` file the root group has many links and attributes, and records the order in which they were created.
In a `virtual` file the dataset `data` is virtual and shows the rows of another dataset."""


def build(path: Path, layout: str, rows: int, libver: str) -> None:
    """Write a group `other` with a small dataset that belongs to no row, then labels, then pictures as floats."""
    rng = np.random.default_rng(rows)
    with h5py.File(path, "w", libver=libver, track_order=layout == "tracked") as file:
        file["other/counts"] = np.arange(1, 11)
        file["label"] = rng.integers(0, 10, rows)
        name = "part" if layout == "virtual" else "data"
        data = file.create_dataset(name, (rows, *SHAPE), "<f4", **(LAYOUTS | FILES)[layout])
        for start in range(0, rows, 256):
            data[start : start + 256] = np.round(rng.normal(size=(256, *SHAPE)), 1)
        if layout == "tracked":
            for number in range(20):
                file[f"more{number}"] = np.arange(number + 2)
                file.attrs[f"attribute {number}"] = np.arange(40)
        elif layout == "virtual":
            shown = h5py.VirtualLayout(data.shape, "<f4")
            shown[...] = h5py.VirtualSource(".", name, data.shape)
            file.create_virtual_dataset("data", shown)


def place_of(path: Path, chunk: int) -> tuple[int, int]:
    """Return the file offset and size of the chunk with this number, counted from 0."""
    with h5py.File(path) as file:
        stored = file["data"].id.get_chunk_info_by_coord((chunk * CHUNK, 0, 0, 0))
    return stored.byte_offset, stored.size


def overwrite(path: Path, offset: int, raw: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(raw)


def cut(share: float) -> Callable[[Path, int], int]:
    def damage(path: Path, rows: int) -> int:
        """Cut the file; a row is intact if its values and the index node that leads to them remain."""
        end = int(path.stat().st_size * share)
        with h5py.File(path) as file:
            data = file["data"]
            if data.chunks is None:
                intact = max(0, min(rows, (end - data.id.get_offset()) // ROW_BYTES))
            else:
                ends: list[int] = []
                data.id.chunk_iter(lambda it: ends.append(it.byte_offset + it.size))
                leaf = index_places(path)
                intact = CHUNK * sum(at <= end and leaf.get(number, 0) <= end for number, at in enumerate(ends))
        with path.open("r+b") as file:
            file.truncate(end)
        return intact

    damage.__name__ = f"cut at {share:.0%}"
    return damage


def index_places(path: Path) -> dict[int, int]:
    """Return by chunk where the B-tree node (version 1) that leads to it ends; nothing for other chunk indexes.

    HDF5 File Format Specification 3.0, III.A.1: a node of this tree has room for 64 chunks.
    """
    raw = path.read_bytes()
    size = 24 + 65 * (8 + 8 * 5) + 64 * 8
    places: dict[int, int] = {}
    at = raw.find(b"TREE\x01\x00")
    while at >= 0:
        used = int.from_bytes(raw[at + 6 : at + 8], "little")
        for entry in range(used):
            key = at + 24 + entry * (8 + 8 * 5 + 8)
            row = int.from_bytes(raw[key + 8 : key + 16], "little")
            places[row // CHUNK] = at + size
        at = raw.find(b"TREE\x01\x00", at + 4)
    return places


def flipped_chunk(path: Path, rows: int) -> int:
    offset, size = place_of(path, rows // CHUNK // 2)
    middle = offset + size // 2
    overwrite(path, middle, bytes([path.read_bytes()[middle] ^ 0x10]))
    return rows - CHUNK


def zeroed_chunks(path: Path, rows: int) -> int:
    """Zero three chunks, as a hole in the file does."""
    for chunk in range(3):
        offset, size = place_of(path, rows // CHUNK // 2 + chunk)
        overwrite(path, offset, bytes(size))
    return rows - 3 * CHUNK


def never_closed(path: Path, rows: int) -> int:
    raw = bytearray(path.read_bytes())
    assert raw[8] == 3, "a superblock of version 3 has the flags"
    raw[11] |= 1
    from datacheck.backends.hdf5.structure.superblock import lookup3

    raw[44:48] = lookup3(bytes(raw[:44])).to_bytes(4, "little")
    path.write_bytes(raw)
    return rows


def zeroed_superblock(path: Path, rows: int) -> int:
    overwrite(path, 0, bytes(48 if path.read_bytes()[8] else 96))
    return rows


def flipped_superblock(path: Path, rows: int) -> int:
    overwrite(path, 44, bytes([path.read_bytes()[44] ^ 1]))
    return rows


def zeroed_header(path: Path, rows: int) -> int:
    """Zero the header of a dataset in another group; all rows of the table are intact."""
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["other/counts"].id).addr
    overwrite(path, at, bytes(64))
    return rows


def zeroed_leaf(path: Path, rows: int) -> int:
    """Zero the leaf of the chunk index that leads to the middle chunk."""
    raw = path.read_bytes()
    places = index_places(path)
    end = places[rows // CHUNK // 2]
    size = 24 + 65 * (8 + 8 * 5) + 64 * 8
    overwrite(path, end - size, bytes(size))
    assert raw[end - size :][:4] == b"TREE"
    return CHUNK * sum(place != end for place in places.values())


def random_header(path: Path, rows: int) -> int:
    """Overwrite the header of the group `other`; the root group's links are intact, but the one to `other` is dead."""
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["other"].id).addr
    overwrite(path, at, np.random.default_rng(1).bytes(40))
    return rows


def flipped(signature: bytes, kind: int | None, nth: int, name: str) -> Callable[[Path, int], int]:
    """Return a damage that flips a bit in the nth structure with this signature and B-tree type; it holds no row."""

    def damage(path: Path, rows: int) -> int:
        raw, at = path.read_bytes(), -1
        for _ in range(nth + 1):
            at = raw.find(signature, at + 1)
            while kind is not None and at >= 0 and raw[at + 5] != kind:
                at = raw.find(signature, at + 1)
        assert at >= 0, f"there is no {name}"
        overwrite(path, at + 10, bytes([raw[at + 10] ^ 1]))
        return rows

    damage.__name__ = name
    return damage


def flipped_attribute_block(path: Path, rows: int) -> int:
    raw = path.read_bytes()
    at = raw.rindex(b"FHDB", 0, raw.rindex(b"attribute 7\0"))
    overwrite(path, at + 10, bytes([raw[at + 10] ^ 1]))
    return rows


def flipped_under_virtual(path: Path, rows: int) -> int:
    """Flip a bit in a chunk of the dataset that the virtual dataset shows."""
    with h5py.File(path) as file:
        stored = file["part"].id.get_chunk_info_by_coord((rows // 2, 0, 0, 0))
    middle = stored.byte_offset + stored.size // 2
    overwrite(path, middle, bytes([path.read_bytes()[middle] ^ 0x10]))
    return rows - CHUNK


def zeroed_node(path: Path, rows: int) -> int:
    """Zero the symbol table node of the group `other`; the rows lie elsewhere."""
    at = path.read_bytes().rindex(b"SNOD")
    overwrite(path, at, bytes(8))
    return rows


SIDE = (
    flipped(b"FRHP", None, 1, "flipped attribute heap"),
    flipped_attribute_block,
    flipped(b"BTHD", 8, 0, "flipped attribute tree"),
    flipped(b"BTLF", 8, 0, "flipped attribute leaf"),
    flipped(b"BTLF", 9, 0, "flipped attribute order"),
    flipped(b"BTHD", 6, 0, "flipped link order"),
    flipped(b"BTLF", 6, 0, "flipped link order leaf"),
)
Damage = Callable[[Path, int], int]
CASES: list[tuple[str, Damage, str, tuple[int, ...]]] = [
    *(
        (layout, cut(share), "latest" if layout == "fletcher32" else "earliest", SIZES)
        for layout in LAYOUTS
        for share in (0.3, 0.6, 0.95)
    ),
    ("fletcher32", flipped_chunk, "earliest", SIZES),
    ("gzip", flipped_chunk, "earliest", SIZES),
    ("gzip", zeroed_chunks, "earliest", SIZES),
    ("gzip", never_closed, "latest", SIZES),
    ("contiguous", zeroed_superblock, "earliest", SIZES),
    ("gzip", zeroed_superblock, "latest", SIZES),
    ("gzip", flipped_superblock, "latest", SIZES),
    ("gzip", zeroed_header, "earliest", SIZES),
    ("chunked", random_header, "earliest", SIZES),
    ("gzip", zeroed_leaf, "earliest", SIZES),
    *(("tracked", damage, "latest", SIZES) for damage in SIDE),
    ("virtual", flipped_under_virtual, "latest", SIZES),
    ("chunked", zeroed_node, "earliest", SIZES),
]

RIVAL = """
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    data, label, rows = file["data"], file["label"], 0
    for at in range(len(data)):
        try:
            data[at], label[at]
        except Exception:
            continue
        rows += 1
    print(rows)
"""


def rival(path: Path) -> str:
    """Return what h5py makes of a file, read row by row with failing rows skipped."""
    try:
        run = subprocess.run(
            [sys.executable, "-c", RIVAL, path], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    if run.returncode < 0:
        return f"dies of signal {-run.returncode}"
    if run.returncode:
        return "refuses the file" if "open file" in run.stderr or "ile signature" in run.stderr else "fails"
    return f"{int(run.stdout)} rows"


def datacheck(*args: str | Path) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "-m", "datacheck", *map(str, args)], capture_output=True, text=True, check=False
    )
    if run.returncode not in (0, 1, 2, 3) or "Traceback" in run.stderr:
        raise RuntimeError(f"datacheck {args}: status {run.returncode}\n{run.stderr}")
    return run.returncode, run.stdout


def same_rows(source: Path, copy: Path) -> int:
    """Return how many rows of a copy are rows of the sound original, in the same order."""
    if not copy.exists():
        return 0
    with h5py.File(source) as file, h5py.File(copy) as made:
        if "data" not in made or "label" not in made:
            return 0
        whole = [row.tobytes() for row in file["data"][()]]
        at = same = 0
        for row in made["data"][()]:
            raw = row.tobytes()
            while at < len(whole) and whole[at] != raw:
                at += 1
            same += at < len(whole)
            at += 1
        return same


def rows() -> Iterator[Row]:
    """Yield a row for each case."""
    for layout, damage, libver, sizes in CASES:
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                sound, broken, copy = (Path(folder) / f"{name}.h5" for name in ("sound", "broken", "copy"))
                build(sound, layout, size, libver)
                broken.write_bytes(sound.read_bytes())
                intact = damage(broken, size)
                before = broken.read_bytes()
                status, said = datacheck("scan", broken, "--format", "json")
                report = json.loads(said)
                datacheck("rebuild", broken, copy, "--drop-bad", "--accept-losses")
                assert broken.read_bytes() == before, "the source is never written to"
                if copy.exists():
                    assert datacheck("scan", copy)[0] == 0, f"the copy is not clean: {layout}, {damage.__name__}"
                findings = report["findings"]
                yield Row(
                    f"HDF5 {layout} ({libver})",
                    damage.__name__.replace("_", " "),
                    f"{size} rows",
                    status == 1 or bool(findings),
                    findings[0]["message"] if findings else "",
                    intact,
                    same_rows(sound, copy),
                    rival(broken),
                )
    yield from damage_hdf5_groups.rows(datacheck)
