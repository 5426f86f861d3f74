"""The loops that people write today, in one process: `python benchmarks/loops.py KIND PATH` reads a whole store.

Each is written as a competent user would write it, with the store's own library, protobuf or Pillow for the payload,
and NumPy's `isfinite`, `min` and `max` for the values. `jpeg-only SHARE SHARES` is not a loop but the limit of one: it
only decodes the pictures of an LMDB with simplejpeg, strictly and at 1/8 scale. `tables-only SHARE SHARES` is the limit
for a LevelDB of large values: it only reads the tables into a reused buffer and computes their CRC32C.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = (("channels", 5), ("height", 5), ("width", 5), ("data", 12), ("label", 5), ("float_data", 2), ("encoded", 8))
"""Names and protobuf types of the fields of Caffe's Datum, in the order of their field numbers."""


def datum_class() -> type:
    """Return the message class of Caffe's Datum."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="datum.proto", package="caffe", syntax="proto2")
    message = file.message_type.add(name="Datum")
    for number, (name, kind) in enumerate(FIELDS, 1):
        message.field.add(name=name, number=number, type=kind, label=3 if name == "float_data" else 1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.Datum"))


def lmdb_values(path: str) -> Iterator[bytes]:
    import lmdb

    with lmdb.open(path, readonly=True, lock=False) as environment, environment.begin() as transaction:
        for _, value in transaction.cursor():
            yield value


def leveldb_values(path: str, **options: bool) -> Iterator[bytes]:
    import plyvel

    store = plyvel.DB(path)
    with store.iterator(**options) as records:
        for _, value in records:
            yield value
    store.close()


def look(values: np.ndarray) -> bool:
    return not np.isfinite(values).all() or values.min() > values.max()


def raw(values: Iterator[bytes]) -> int:
    message = datum_class()()
    bad = 0
    for value in values:
        message.ParseFromString(value)
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.channels, message.height, message.width)
        bad += look(pixels)
    return bad


def floating(values: Iterator[bytes]) -> int:
    message = datum_class()()
    bad = 0
    for value in values:
        message.ParseFromString(value)
        numbers = np.array(message.float_data, np.float32).reshape(message.channels, message.height, message.width)
        bad += look(numbers)
    return bad


def pictures(values: Iterator[bytes]) -> int:
    from PIL import Image

    message = datum_class()()
    bad = 0
    for value in values:
        message.ParseFromString(value)
        bad += look(np.asarray(Image.open(io.BytesIO(message.data))))
    return bad


def arrays(unpack: Callable[[bytes], Mapping[str, Any]], names: tuple[str, ...]) -> Callable[[Iterator[bytes]], int]:
    """Return a loop over records that `unpack` turns into mappings with arrays of these names."""

    def loop(values: Iterator[bytes]) -> int:
        bad = 0
        for value in values:
            record = unpack(value)
            for name in names:
                bad += look(np.asarray(record[name]))
        return bad

    return loop


def with_pickle(path: str) -> int:
    import pickle

    return arrays(pickle.loads, ("x",))(lmdb_values(path))


def with_json(path: str) -> int:
    import json

    return arrays(json.loads, ("x", "pos"))(lmdb_values(path))


def with_msgpack(path: str) -> int:
    import msgspec

    return arrays(msgspec.msgpack.decode, ("x", "pos"))(lmdb_values(path))


def with_npz(path: str) -> int:
    return arrays(lambda value: np.load(io.BytesIO(value)), ("x",))(lmdb_values(path))


def with_msgpack_numpy(path: str) -> int:
    import msgspec

    def unpack(value: bytes) -> Mapping[str, Any]:
        return {name: as_array(it) for name, it in msgspec.msgpack.decode(value).items()}

    return arrays(unpack, ("x",))(lmdb_values(path))


def as_array(said: Any) -> Any:
    """Return the array that msgpack-numpy wrote as a map, as its own hook does, or anything else unchanged."""
    if isinstance(said, dict) and said.get(b"nd") is True:
        return np.ndarray(buffer=said[b"data"], dtype=np.dtype(said[b"type"]), shape=said[b"shape"])
    return said


def with_raw_arrays(path: str) -> int:
    return sum(not np.isfinite(np.frombuffer(value, np.float32)).all() for value in lmdb_values(path))


def with_numbers(values: Iterator[bytes]) -> int:
    """Check JSON objects of numbers, as an application stores them."""
    import json
    import math

    bad = 0
    for value in values:
        bad += not all(map(math.isfinite, json.loads(value).values()))
    return bad


def digests(path: str) -> int:
    """Write the key of every record and a digest of its value to a file."""
    import tempfile

    import lmdb
    import xxhash

    with (
        tempfile.TemporaryFile() as file,
        lmdb.open(path, readonly=True, lock=False) as environment,
        environment.begin(buffers=True) as transaction,
    ):
        for name, value in transaction.cursor():
            file.write(bytes(name) + xxhash.xxh3_128_digest(value))
    return 0


def digests_seen(path: str) -> int:
    """Count the values that repeat an earlier one, keeping all digests in a set."""
    import xxhash

    seen: set[bytes] = set()
    again = 0
    for value in lmdb_values(path):
        digest = xxhash.xxh3_128_digest(value)
        again += digest in seen
        seen.add(digest)
    return again


def slabs(path: str) -> int:
    import h5py

    bad = 0
    with h5py.File(path, "r") as file:
        for dataset in file.values():
            for start in range(0, len(dataset), 64):
                bad += look(dataset[start : start + 64])
    return bad


def every_dataset(path: str) -> int:
    import h5py

    bad = 0

    def visit(_: str, opened: object) -> None:
        nonlocal bad
        if isinstance(opened, h5py.Dataset):
            bad += look(opened[...])

    for name in sorted(Path(path).iterdir()) if Path(path).is_dir() else [path]:
        with h5py.File(name, "r") as file:
            file.visititems(visit)
    return bad


def jpeg_only(path: str, share: str, shares: str) -> int:
    import lmdb
    import simplejpeg

    from datacheck.decoders.datum.message import parse

    with lmdb.open(path, readonly=True, lock=False) as environment, environment.begin(buffers=True) as transaction:
        keys = [bytes(key) for key in transaction.cursor().iternext(keys=True, values=False)][int(share) :: int(shares)]
        for key in keys:
            data = bytes(parse(transaction.get(key))[0].data)
            simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8)
    return 0


def tables_only(path: str, share: str, shares: str) -> int:
    import os

    import google_crc32c

    piece = memoryview(bytearray(1 << 20))
    octets = np.frombuffer(piece.toreadonly(), np.uint8)
    tables = sorted(Path(path).glob("*.ldb"))
    places = [(table, start) for table in tables for start in range(0, table.stat().st_size, len(piece))]
    first, last = (len(places) * number // int(shares) for number in (int(share), int(share) + 1))
    opened: dict[Path, int] = {}
    for table, start in places[first:last]:
        if table not in opened:
            opened[table] = os.open(table, os.O_RDONLY)
        google_crc32c.value(octets[: os.preadv(opened[table], [piece], start)])
    return 0


LOOPS: dict[str, Callable[..., int]] = {
    "digests": digests,
    "digests-seen": digests_seen,
    "lmdb-raw": lambda path: raw(lmdb_values(path)),
    "lmdb-float": lambda path: floating(lmdb_values(path)),
    "lmdb-jpeg": lambda path: pictures(lmdb_values(path)),
    "leveldb-raw": lambda path: raw(leveldb_values(path)),
    "leveldb-json": lambda path: with_numbers(leveldb_values(path, verify_checksums=True)),
    "hdf5": slabs,
    "hdf5-every": every_dataset,
    "pickle": with_pickle,
    "json": with_json,
    "msgpack": with_msgpack,
    "msgpack-numpy": with_msgpack_numpy,
    "npz": with_npz,
    "raw-arrays": with_raw_arrays,
    "jpeg-only": jpeg_only,
    "tables-only": tables_only,
}

if __name__ == "__main__":
    LOOPS[sys.argv[1]](*sys.argv[2:])
