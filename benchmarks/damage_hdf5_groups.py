"""Measure what datacheck recovers from damaged HDF5 files with a group per demonstration or a dataset per sample.

A sample is intact if its values and the headers that describe them lie before the cut or were not touched; its name may
be lost. `rows` yields a Row for each case.
"""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from damage_row import Row

MEMBERS = ("actions", "obs/pos", "rewards")
BEHIND = 2048
"""Within this many bytes after a sample's values, or after the start of its last header, all of its headers end."""
SIZES = (50, 400)


def demonstrations(path: Path, count: int, libver: str) -> None:
    """Write demonstrations as robomimic does, with the attributes of their parent group last."""
    made = np.random.default_rng(count)
    with h5py.File(path, "w", libver=libver) as file:
        data = file.create_group("data")
        for number in range(count):
            demo = data.create_group(f"demo_{number}")
            steps = 20 + number % 5
            demo["actions"] = np.round(made.normal(size=(steps, 7)), 2)
            demo["obs/pos"] = np.round(made.normal(size=(steps, 3)), 2)
            demo["rewards"] = np.round(made.normal(size=steps), 2)
            demo.attrs["num_samples"] = steps
            demo.attrs["model_file"] = "<xml>" + "x" * 300
        data.attrs["total"] = count
        data.attrs["env_args"] = json.dumps({"env": "a" * 500})


def samples(path: Path, count: int, libver: str) -> None:
    """Write a dataset per sample, of different lengths."""
    made = np.random.default_rng(count)
    with h5py.File(path, "w", libver=libver) as file:
        for number in range(count):
            file[f"protein_{number}"] = np.round(made.normal(size=(5 + number % 40, 16)), 2)


def whole_samples(path: Path) -> list[tuple[bytes, int]]:
    """Return the values of each sample under any name, and the offset where they end or its last header begins."""
    found: list[tuple[bytes, int]] = []

    def end(it: Any) -> int:
        header = h5py.h5o.get_info(it.id).addr
        return int(max(header, (it.id.get_offset() or 0) + it.id.get_storage_size()))

    def visit(name: str, it: Any) -> None:
        if isinstance(it, h5py.Group) and all(member in it for member in MEMBERS):
            held = [it[member] for member in MEMBERS]
            found.append((b"".join(one[()].tobytes() for one in held), max(map(end, held))))
        elif isinstance(it, h5py.Dataset) and it.ndim == 2 and it.shape[1] == 16:
            found.append((it[()].tobytes(), end(it)))

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def cut(share: float) -> Callable[[Path, str], int]:
    def damage(path: Path, libver: str) -> int:
        size = int(path.stat().st_size * share)
        intact = sum(end + BEHIND <= size for _, end in whole_samples(path))
        with path.open("r+b") as file:
            file.truncate(size)
        return intact

    damage.__name__ = f"cut at {share:.1%}"
    return damage


def zeroed(path: Path, at: int, size: int = 8) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(size))


def places(path: Path, sign: bytes) -> list[int]:
    raw, found, at = path.read_bytes(), [], -1
    while (at := raw.find(sign, at + 1)) >= 0:
        found.append(at)
    return found


def zeroed_node(path: Path, libver: str) -> int:
    """Zero the symbol table node with the most links; their names are lost, but the objects are intact."""
    raw, intact = path.read_bytes(), len(whole_samples(path))
    zeroed(path, max(places(path, b"SNOD"), key=lambda at: raw[at + 6]))
    return intact


def zeroed_root_node(path: Path, libver: str) -> int:
    intact = len(whole_samples(path))
    zeroed(path, places(path, b"SNOD")[0])
    return intact


def zeroed_tree(path: Path, libver: str) -> int:
    """Zero the group B-tree node with the most entries."""
    raw, intact = path.read_bytes(), len(whole_samples(path))
    zeroed(path, max((at for at in places(path, b"TREE\0")), key=lambda at: raw[at + 6]))
    return intact


def zeroed_count(path: Path, libver: str) -> int:
    """Zero the number of entries of the group B-tree node that has the most among those of the highest level."""
    raw, intact = path.read_bytes(), len(whole_samples(path))
    level = max(raw[at + 5] for at in places(path, b"TREE\0"))
    zeroed(path, max((at for at in places(path, b"TREE\0") if raw[at + 5] == level), key=lambda at: raw[at + 6]) + 6, 2)
    return intact


def zeroed_heap(path: Path, libver: str) -> int:
    """Zero the header of the largest local heap: all names of the group with the most links, and no others."""
    raw, intact = path.read_bytes(), len(whole_samples(path))
    zeroed(path, max(places(path, b"HEAP\0"), key=lambda at: int.from_bytes(raw[at + 8 : at + 16], "little")))
    return intact


def zeroed_header(path: Path, libver: str) -> int:
    """Zero the header of the group that all samples are in."""
    intact = len(whole_samples(path))
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["data"].id).addr
    zeroed(path, at, 16)
    return intact


def zeroed_continuation(path: Path, libver: str) -> int:
    """Zero the continuation of the header of the group that all samples are in."""
    raw, intact = path.read_bytes(), len(whole_samples(path))
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["data"].id).addr
    message = struct.pack("<HH", 16, 16) if libver == "earliest" else struct.pack("<BH", 16, 16)
    where, size = struct.unpack_from("<QQ", raw, raw.index(message, at) + (8 if libver == "earliest" else 4))
    assert where + size <= len(raw)
    zeroed(path, where, size)
    return intact


def zeroed_link_heap(path: Path, libver: str) -> int:
    intact = len(whole_samples(path))
    zeroed(path, places(path, b"FRHP")[0])
    return intact


def flipped_address(path: Path, libver: str) -> int:
    """Point a link to another sample; nothing tells any more which of the two names each sample had."""
    intact = len(whole_samples(path))
    with h5py.File(path) as file:
        above = file.get("data", file)
        one, other = (h5py.h5o.get_info(above[name].id).addr for name in list(above)[3:5])
    raw = bytearray(path.read_bytes())
    node = next(at for at in places(path, struct.pack("<Q", one)) if raw[at - 8 : at] != bytes(8))
    struct.pack_into("<Q", raw, node, other)
    path.write_bytes(raw)
    return intact


Build = Callable[[Path, int, str], None]
CASES: list[tuple[str, Build, Callable[[Path, str], int], str]] = [
    *(
        (name, build, cut(share), libver)
        for name, build in (("demonstrations", demonstrations), ("a dataset a sample", samples))
        for libver in ("earliest", "latest")
        for share in (0.3, 0.6, 0.95, 0.999)
    ),
    *(
        ("demonstrations", demonstrations, damage, "earliest")
        for damage in (zeroed_node, zeroed_root_node, zeroed_tree, zeroed_heap, zeroed_header, flipped_address)
    ),
    ("demonstrations", demonstrations, zeroed_continuation, "earliest"),
    ("demonstrations", demonstrations, zeroed_continuation, "latest"),
    ("demonstrations", demonstrations, zeroed_header, "latest"),
    ("demonstrations", demonstrations, zeroed_link_heap, "latest"),
    *(
        ("a dataset a sample", samples, damage, "earliest")
        for damage in (zeroed_node, zeroed_tree, zeroed_count, zeroed_heap, flipped_address)
    ),
    ("demonstrations", demonstrations, zeroed_count, "earliest"),
]


def rows(datacheck: Callable[..., tuple[int, str]]) -> Iterator[Row]:
    """Yield a row for each case; `datacheck` runs the command."""
    for name, build, damage, libver in CASES:
        for size in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                sound, broken, copy = (Path(folder) / f"{it}.h5" for it in ("sound", "broken", "copy"))
                build(sound, size, libver)
                broken.write_bytes(sound.read_bytes())
                intact = damage(broken, libver)
                status, said = datacheck("scan", broken, "--format", "json")
                findings = json.loads(said)["findings"]
                datacheck("rebuild", broken, copy, "--drop-bad", "--accept-losses")
                wanted = {held for held, _ in whole_samples(sound)}
                recovered = {held for held, _ in whole_samples(copy)} & wanted if copy.exists() else set()
                yield Row(
                    f"HDF5 {name} ({libver})",
                    damage.__name__.replace("_", " "),
                    f"{size} samples",
                    status == 1 or bool(findings),
                    findings[0]["message"] if findings else "",
                    intact,
                    len(recovered),
                    by_h5py(broken),
                )


def by_h5py(path: Path) -> str:
    """Return what h5py makes of a file, read sample by sample with failing samples skipped."""
    try:
        with h5py.File(path) as file:
            above = file.get("data", file)
            whole = 0
            for name in above:
                try:
                    it = above[name]
                    held = it[()] if isinstance(it, h5py.Dataset) else [it[member][()] for member in MEMBERS]
                except (OSError, KeyError, RuntimeError):
                    continue
                whole += len(held) > 0
            return f"{whole} samples"
    except OSError:
        return "refuses the file"
    except (KeyError, RuntimeError):
        return "fails"
