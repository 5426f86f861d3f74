"""Build the stores that the benchmarks read, from seeds, with the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from datacheck.decoders.datum.message import encode

DIFFERENT = 64
"""Number of different records, which are written in turn. This makes building quick, and no reader can tell."""


def lmdb_store(path: Path, values: Iterable[bytes]) -> None:
    lmdb_pairs(path, [((b"%08d" % number, value) for number, value in enumerate(values))])


def lmdb_pairs(path: Path, pairs: Iterable[Iterable[tuple[bytes, bytes]]]) -> None:
    """Write keys and values, one iterable of them after the other, in the order of the keys."""
    from datacheck.backends.lmdb.library import LmdbWriter

    with LmdbWriter(path, {"": 0}) as writer:
        batch: list[tuple[bytes, bytes]] = []
        for pair in chain.from_iterable(pairs):
            batch.append(pair)
            if len(batch) == 1000:
                writer.put("", batch)
                batch = []
        writer.put("", batch)
        writer.finish()


def counted_pairs(path: Path, count: int, bad: int = 0) -> None:
    """Write `count` records as pairs of a JSON and a text, numbered from 1, and the number of pairs.

    If `bad` is not 0, the JSON of every `bad`-th pair is empty.
    """
    random = np.random.default_rng(7)
    some = [in_json(random, number % 10) for number in range(DIFFERENT)]
    pairs = range(1, count // 2 + 1)
    first = ((b"data-%09d" % it, b"" if bad and it % bad == 0 else some[it % DIFFERENT]) for it in pairs)
    second = ((b"text-%09d" % it, b"the text of %d" % (it % 97)) for it in pairs)
    lmdb_pairs(path, [first, [(b"num-samples", b"%d" % len(pairs))], second])


def counted_numbers(path: Path, count: int) -> None:
    """Write JSON with numbers without leading zeros as keys, in the order of the keys, and their count."""
    random = np.random.default_rng(8)
    some = [in_json(random, number % 10) for number in range(DIFFERENT)]
    keys = sorted(b"%d" % number for number in range(count))
    lmdb_pairs(path, [((key, some[int(key) % DIFFERENT]) for key in keys), [(b"length", b"%d" % count)]])


def different(count: int) -> Iterator[bytes]:
    """Yield Datum records of 1x10x10 pixels that all differ."""
    random = np.random.default_rng(6)
    for _ in range(-(-count // 1000)):
        for pixels in random.integers(0, 256, (min(1000, count), 1, 10, 10), dtype=np.uint8):
            yield encode(pixels, 3)


def leveldb_store(path: Path, values: Iterable[bytes]) -> None:
    """Write with Caffe's options, so that all records are in tables."""
    import plyvel

    store = plyvel.DB(str(path), create_if_missing=True, write_buffer_size=64 << 20, block_size=65536, compression=None)
    for number, value in enumerate(values):
        store.put(b"%08d" % number, value)
    store.compact_range()
    store.close()


def small_leveldb(path: Path, count: int) -> None:
    """Write compressed JSON objects of two numbers, as an application stores them."""
    import plyvel

    store = plyvel.DB(str(path), create_if_missing=True)
    with store.write_batch() as batch:
        for number in range(count):
            batch.put(b"!entry!%08x" % (number * 2654435761 % (1 << 32)), b'{"n":%8d,"t":1}' % number)
    store.compact_range()
    store.close()


def hdf5_store(path: Path, count: int, **options: object) -> None:
    import h5py

    random = np.random.default_rng(3)
    rows = random.standard_normal((256, 3, 64, 64)).astype(np.float32)
    if options:  # compresses like pictures; noise would not compress
        rows = np.round(rows * 16) / 16
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (count, 3, 64, 64), np.float32, **options)
        for start in range(0, count, 256):
            data[start : start + 256] = rows[: min(256, count - start)]
        file["label"] = (np.arange(count) % 10).astype(np.float32)


def hdf5_datasets(path: Path, count: int) -> None:
    """Write a dataset per sample, of several lengths, as protein embeddings are stored."""
    import h5py

    random = np.random.default_rng(4)
    with h5py.File(path, "w") as file:
        for number in range(count):
            file[f"P{7 * number + 3:06}"] = random.standard_normal((40 + number % 7, 64)).astype(np.float32)


FEW = (("actions", 7), ("obs/joints", 7), ("obs/object", 10), ("rewards", 1))
MANY = (*FEW, ("states", 12), ("dones", 1), ("next_obs/joints", 7), ("next_obs/object", 10))
"""The members of an episode, and how many numbers each has per step."""


def _episode(group: object, number: int, random: np.random.Generator, members: Iterable[tuple[str, int]] = FEW) -> None:
    steps = 60 + number % 9
    for name, width in members:
        group[name] = random.standard_normal((steps, width)).astype(np.float32)  # type: ignore[index]


def hdf5_episodes(path: Path, count: int) -> None:
    import h5py

    random = np.random.default_rng(5)
    with h5py.File(path, "w") as file:
        for number in range(count):
            group = file.create_group(f"data/demo_{number}")
            group.attrs["num_samples"] = 60 + number % 9
            _episode(group, number, random, MANY)


def hdf5_files(path: Path, count: int, *, alike: bool = True) -> None:
    """Write a file per episode; unless `alike`, each has another text, so that not only bytes of values differ."""
    import h5py

    random = np.random.default_rng(6)
    path.mkdir()
    for number in range(count):
        with h5py.File(path / f"episode_{number}.hdf5", "w") as file:
            _episode(file, number, random)
            if not alike:
                file.attrs["task"] = f"pick up number {number}"


def in_turn(make: Callable[[np.random.Generator, int], bytes], count: int) -> Iterator[bytes]:
    """Return an iterator over `count` values that repeats at most DIFFERENT different ones in turn."""
    random = np.random.default_rng(1)
    made = [make(random, number % 10) for number in range(min(count, DIFFERENT))]
    return (made[number % len(made)] for number in range(count))


def pixels(*shape: int) -> Callable[[np.random.Generator, int], bytes]:
    return lambda random, label: encode(random.integers(0, 256, shape, dtype=np.uint8), label)


def floats(*shape: int) -> Callable[[np.random.Generator, int], bytes]:
    def make(random: np.random.Generator, label: int) -> bytes:
        pairs = np.empty(int(np.prod(shape)), [("tag", "u1"), ("value", "<f4")])
        pairs["tag"], pairs["value"] = 0x35, random.standard_normal(pairs.size)
        head = encode(np.empty(shape, np.uint8), None).split(b"\x22")[0]
        return head + b"\x28" + bytes([label]) + pairs.tobytes() + b"\x38\x00"

    return make


def jpegs(side: int) -> Callable[[np.random.Generator, int], bytes]:
    """Return a maker of JPEGs that mix noise of four scales to resemble photographs, about 15 kB at 256 x 256."""

    def make(random: np.random.Generator, label: int) -> bytes:
        from PIL import Image

        layers = [random.integers(0, 256, (size, size, 3), dtype=np.uint8) for size in (4, 16, 64, side)]
        grown = [np.asarray(Image.fromarray(it).resize((side, side), Image.Resampling.BICUBIC), float) for it in layers]
        mixed = sum(weight * layer for weight, layer in zip((0.5, 0.3, 0.14, 0.06), grown, strict=True))
        out = io.BytesIO()
        Image.fromarray(mixed.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
        return encode(out.getvalue(), label, encoded=True)

    return make


def pickled(*shape: int) -> Callable[[np.random.Generator, int], bytes]:
    import pickle

    return lambda random, label: pickle.dumps({"x": random.standard_normal(shape).astype(np.float32), "y": label})


def npz(*shape: int) -> Callable[[np.random.Generator, int], bytes]:
    def make(random: np.random.Generator, label: int) -> bytes:
        out = io.BytesIO()
        np.savez(out, x=random.standard_normal(shape).astype(np.float32), y=label)
        return out.getvalue()

    return make


def lists(random: np.random.Generator, label: int) -> dict[str, object]:
    """Return a record with two lists of numbers, like those of molecules and recordings."""
    return {"x": random.standard_normal(64).tolist(), "pos": random.standard_normal((20, 3)).tolist(), "y": label}


def in_json(random: np.random.Generator, label: int) -> bytes:
    import json

    return json.dumps(lists(random, label)).encode()


def in_msgpack(random: np.random.Generator, label: int) -> bytes:
    import msgspec

    return msgspec.msgpack.encode(lists(random, label))


def msgpack_numpy(*shape: int) -> Callable[[np.random.Generator, int], bytes]:
    """Return a maker of arrays as msgpack-numpy writes them, in maps whose keys are bytes."""
    import msgspec

    def make(random: np.random.Generator, label: int) -> bytes:
        data = random.standard_normal(shape).astype(np.float32).tobytes()
        array = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": shape, b"data": data}
        return msgspec.msgpack.encode({"x": array, "y": label})

    return make


def bare(*shape: int) -> Callable[[np.random.Generator, int], bytes]:
    return lambda random, label: random.standard_normal(shape).astype(np.float32).tobytes()
