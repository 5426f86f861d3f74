"""Stores as projects write them, and the logic of the loaders that train on them."""

import functools
import io
import json
import zlib

import lmdb
import numpy as np
from PIL import Image


@functools.lru_cache(2048)
def picture(number, size=(24, 16)):
    """Return a JPEG of noise; no two are alike."""
    out = io.BytesIO()
    noise = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(out, "JPEG", quality=90)
    return out.getvalue()


def write(path, records, **options):
    with lmdb.open(str(path), map_size=1 << 28, sync=False, **options) as env, env.begin(write=True) as transaction:
        for key, value in records.items():
            transaction.put(key, value)
    return path


def read(path):
    with lmdb.open(str(path), readonly=True, lock=False, subdir=path.is_dir()) as env, env.begin() as transaction:
        return {bytes(key): bytes(value) for key, value in transaction.cursor()}


def word_pictures(count=60, **texts):
    """Return what clovaai's create_lmdb_dataset.py writes: pictures and texts from 1 on, and their number."""
    records = {}
    for number in range(1, count + 1):
        records[b"image-%09d" % number] = picture(number)
        records[b"label-%09d" % number] = b"word%d" % number
    return records | {b"num-samples": b"%d" % count}


def load_words(path):
    """Read as its LmdbDataset does; return each text with its picture. Raises KeyError and ValueError as that does."""
    store = read(path)
    samples = {}
    for number in range(1, int(store[b"num-samples"]) + 1):
        text = store[b"label-%09d" % number].decode()
        Image.open(io.BytesIO(store[b"image-%09d" % number])).load()
        samples[text] = store[b"image-%09d" % number]
    return samples


def sizes(count=40, every=(16, 32)):
    """Return what rosinality's prepare_data.py writes: each picture in several sizes from 0 on, and their number."""
    records = {b"%d-%05d" % (size, number): picture(number, (size, size)) for size in every for number in range(count)}
    return records | {b"length": b"%d" % count}


def load_sizes(path, every=(16, 32)):
    """Read as its MultiResolutionDataset does; return the samples, each a picture in every size."""
    store = read(path)
    return [tuple(store[b"%d-%05d" % (size, number)] for size in every) for number in range(int(store[b"length"]))]


def latents(count=40):
    """Return what Self-Forcing's scripts write: arrays and texts under numbered names, and the shapes of all."""
    records = {}
    for number in range(count):
        records[b"latents_%d_data" % number] = np.random.default_rng(number).random((2, 8), np.float32).tobytes()
        records[b"prompts_%d_data" % number] = b"a picture of number %d" % number
    return records | {b"latents_shape": b"%d 2 8" % count, b"prompts_shape": b"%d" % count}


def load_latents(path):
    """Read as its ShardingLMDBDataset does: the shapes say how many there are."""
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
    """Return what ASE's LMDB backend writes: rows of compressed JSON from 1 on, the next id and the deleted ones."""
    packed = {number: zlib.compress(json.dumps({"energy": -number}).encode()) for number in range(1, count + 1)}
    records = {b"%d" % number: value for number, value in packed.items() if number not in deleted}
    beside = {b"nextid": count + 1, b"deleted_ids": list(deleted), b"metadata": {}}
    return records | {key: zlib.compress(json.dumps(value).encode()) for key, value in beside.items()}


def load_atoms(path):
    """Read as ASE's LMDBDatabase does: every id below the next one that is not deleted."""
    store = read(path)

    def unpacked(key):
        return json.loads(zlib.decompress(store[key]))

    deleted = unpacked(b"deleted_ids") if b"deleted_ids" in store else []
    return {number: unpacked(b"%d" % number) for number in range(1, unpacked(b"nextid")) if number not in deleted}


def write_databases(path, databases):
    """Write an environment of named databases; "" is the main one."""
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=len(databases), sync=False) as environment:
        for name, records in databases.items():
            database = environment.open_db(name.encode() if name else None)
            with environment.begin(write=True, db=database) as transaction:
                for key, value in records.items():
                    transaction.put(key, value)
    return path


def read_database(path, name=""):
    """Return the records of a named database; those of the main one come with the names of the others."""
    with lmdb.open(str(path), max_dbs=1, readonly=True, lock=False, subdir=path.is_dir()) as environment:
        database = environment.open_db(name.encode(), create=False) if name else None
        with environment.begin(db=database) as transaction:
            return dict(transaction.cursor())


def wrong(report):
    """Return database, code and verdict of each finding."""
    return [(it.database, it.code, it.verdict) for it in report.findings]
