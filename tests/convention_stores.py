"""Build stores as well-known projects write them, and read them with the logic of the projects' loaders."""

import functools
import io
import json
import zlib

import lmdb
import numpy as np
from PIL import Image


@functools.lru_cache(2048)
def picture(number, size=(24, 16)):
    """Return a small grey JPEG of noise that differs for each number.

    A store of more than 64 pages is profiled from 64 places, which takes five times as long as reading all of it.
    """
    return noise(number, (size[1], size[0]), quality=50, optimize=True)


def colour_picture(number):
    """Return a JPEG of coloured noise that differs for each number."""
    return noise(number, (16, 24, 3), quality=90)


def noise(number, shape, **options):
    """Return a JPEG of noise that differs for each number."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, shape, np.uint8)).save(out, "JPEG", **options)
    return out.getvalue()


def write(path, records, **options):
    with lmdb.open(str(path), map_size=1 << 28, sync=False, **options) as env, env.begin(write=True) as transaction:
        for key, value in records.items():
            transaction.put(key, value)
    return path


def read(path):
    with lmdb.open(str(path), readonly=True, lock=False, subdir=path.is_dir()) as env, env.begin() as transaction:
        return {bytes(key): bytes(value) for key, value in transaction.cursor()}


def word_pictures(count=60, make=picture):
    """Return records as clovaai's create_lmdb_dataset.py writes them: pictures and texts from 1, and their count."""
    records = {}
    for number in range(1, count + 1):
        records[b"image-%09d" % number] = make(number)
        records[b"label-%09d" % number] = b"word%d" % number
    return records | {b"num-samples": b"%d" % count}


def load_words(path):
    """Read as clovaai's LmdbDataset does and return pictures by text; raises KeyError and ValueError as it does."""
    store = read(path)
    samples = {}
    for number in range(1, int(store[b"num-samples"]) + 1):
        text = store[b"label-%09d" % number].decode()
        Image.open(io.BytesIO(store[b"image-%09d" % number])).load()
        samples[text] = store[b"image-%09d" % number]
    return samples


def sizes(count=40, every=(16, 32)):
    """Return records as rosinality's prepare_data.py writes them: pictures in several sizes from 0, and their count."""
    records = {b"%d-%05d" % (size, number): picture(number, (size, size)) for size in every for number in range(count)}
    return records | {b"length": b"%d" % count}


def load_sizes(path, every=(16, 32)):
    """Read as rosinality's MultiResolutionDataset does; return the samples, each a picture in every size."""
    store = read(path)
    return [tuple(store[b"%d-%05d" % (size, number)] for size in every) for number in range(int(store[b"length"]))]


def latents(count=40):
    """Return records as Self-Forcing's scripts write them: numbered arrays and texts, and the shapes of both."""
    records = {}
    for number in range(count):
        records[b"latents_%d_data" % number] = np.random.default_rng(number).random((2, 8), np.float32).tobytes()
        records[b"prompts_%d_data" % number] = b"a picture of number %d" % number
    return records | {b"latents_shape": b"%d 2 8" % count, b"prompts_shape": b"%d" % count}


def load_latents(path):
    """Read as Self-Forcing's ShardingLMDBDataset does, taking the number of samples from the shapes."""
    store = read(path)
    count, *shape = map(int, store[b"latents_shape"].split())
    assert count == int(store[b"prompts_shape"])
    return {
        store[b"prompts_%d_data" % number].decode(): np.frombuffer(
            store[b"latents_%d_data" % number], np.float32
        ).reshape(shape)
        for number in range(count)
    }


def atoms(count=40, deleted=()):
    """Return records as ASE's LMDB backend writes them: compressed JSON rows from 1, the next id, and deleted ids."""
    packed = {number: zlib.compress(json.dumps({"energy": -number}).encode()) for number in range(1, count + 1)}
    records = {b"%d" % number: value for number, value in packed.items() if number not in deleted}
    beside = {b"nextid": count + 1, b"deleted_ids": list(deleted), b"metadata": {}}
    return records | {key: zlib.compress(json.dumps(value).encode()) for key, value in beside.items()}


def load_atoms(path):
    """Read as ASE's LMDBDatabase does: all ids below the next id, except the deleted ones."""
    store = read(path)

    def unpacked(key):
        return json.loads(zlib.decompress(store[key]))

    deleted = unpacked(b"deleted_ids") if b"deleted_ids" in store else []
    return {number: unpacked(b"%d" % number) for number in range(1, unpacked(b"nextid")) if number not in deleted}


def write_databases(path, databases):
    """Write an environment of named databases; "" is the main database."""
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=len(databases), sync=False) as environment:
        for name, records in databases.items():
            database = environment.open_db(name.encode() if name else None)
            with environment.begin(write=True, db=database) as transaction:
                for key, value in records.items():
                    transaction.put(key, value)
    return path


def read_database(path, name=""):
    """Return the records of a database; those of the main one include the entries of the named databases."""
    with lmdb.open(str(path), max_dbs=1, readonly=True, lock=False, subdir=path.is_dir()) as environment:
        database = environment.open_db(name.encode(), create=False) if name else None
        with environment.begin(db=database) as transaction:
            return dict(transaction.cursor())


def wrong(report):
    """Return the database, code and verdict of each finding."""
    return [(it.database, it.code, it.verdict) for it in report.findings]
