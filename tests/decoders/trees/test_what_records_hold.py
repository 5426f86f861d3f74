"""Containers and contents that projects write: sound ones have no finding, and each fault is found at its field."""

import array
import base64
import bz2
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import gzip
import io
import json
import lzma
import pathlib
import pickle
import types
import uuid
import zipfile
import zlib

import cloudpickle
import lmdb
import msgpack
import numpy as np
import pytest
from building import key, npy, write_lmdb
from commanding import datacheck
from PIL import Image

from datacheck import scan
from datacheck.decoders import decoder, kind
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block

COUNT = 30


@dataclasses.dataclass
class Sample:
    x: object
    y: int


class Slots:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Split(enum.Enum):
    TRAIN = 1


Pair = collections.namedtuple("Pair", "x y")


def npz(**arrays):
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def zipped(x, y):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("x.npy", npy(x))
        file.writestr("y.npy", npy(np.array(y)))
    return out.getvalue()


def letters(raw):
    return base64.b64encode(raw).decode()


def as_numpy(x):
    return {b"nd": True, b"type": x.dtype.str, b"kind": b"", b"shape": x.shape, b"data": x.tobytes()}


def pickled(**parts):
    return pickle.dumps(parts)


def packed(**parts):
    return msgpack.packb(parts)


def dumped(**parts):
    return json.dumps(parts).encode()


COMBINATIONS = {
    "pickle of array.array": (lambda x, y: pickled(x=array.array("f", x.ravel().tolist()), y=y), "x"),
    "pickle of a masked array": (lambda x, y: pickled(x=np.ma.masked_array(x, mask=np.zeros(x.shape, bool)), y=y), "x"),
    "pickle of a record array": (lambda x, y: pickle.dumps(np.rec.fromarrays([x[:, 0], x[:, 1]], names="a,b")), "b"),
    "pickle of a deque": (lambda x, y: pickled(x=collections.deque(list(x)), y=y), "x[2]"),
    "pickle with a date": (lambda x, y: pickled(t=datetime.datetime(2020, 1, 1), x=x), "x"),
    "pickle with a decimal": (lambda x, y: pickled(d=decimal.Decimal("1.5"), x=x), "x"),
    "pickle of a dataclass": (lambda x, y: pickle.dumps(Sample(x, y)), "x"),
    "pickle of slots": (lambda x, y: pickle.dumps(Slots(x, y)), "x"),
    "pickle with an enum": (lambda x, y: pickled(s=Split.TRAIN, x=x), "x"),
    "pickle with a UUID": (lambda x, y: pickled(u=uuid.UUID(int=y), x=x), "x"),
    "pickle of a named tuple": (lambda x, y: pickle.dumps(Pair(x, y)), "[0]"),
    "pickle of a namespace": (lambda x, y: pickle.dumps(types.SimpleNamespace(x=x, y=y)), "x"),
    "pickle with a fraction": (lambda x, y: pickled(f=fractions.Fraction(1, 3), x=x), "x"),
    "pickle with a path": (lambda x, y: pickled(f=pathlib.PurePosixPath("/a/b"), x=x), "x"),
    "pickle of a defaultdict": (lambda x, y: pickle.dumps(collections.defaultdict(list, {"x": [x], "y": y})), "x[0]"),
    "pickle with a counter": (lambda x, y: pickled(c=collections.Counter("abca"), x=x), "x"),
    "pickle of Fortran's order": (lambda x, y: pickled(x=np.asfortranarray(x), y=y), "x"),
    "pickle of every other row": (lambda x, y: pickled(x=np.repeat(x, 2, axis=0)[::2], y=y), "x"),
    "pickle of a bytearray of npy": (lambda x, y: pickled(x=bytearray(npy(x)), y=y), "x"),
    "pickle of a BytesIO of npy": (lambda x, y: pickled(x=io.BytesIO(npy(x)), y=y), "x[0][0]"),
    "pickle of an array of objects": (lambda x, y: pickled(x=np.array([x, None, x[:2]], dtype=object)), "x[0]"),
    "pickle with an array of texts": (lambda x, y: pickled(n=np.array(["ab", "cde"]), x=x), "x"),
    "pickle with times": (lambda x, y: pickled(t=np.array(["2020-01-01"], "M8[D]"), x=x), "x"),
    "pickle of complex numbers": (lambda x, y: pickled(x=x + 0j, y=y), "x"),
    "pickle of bytes, shape, dtype": (lambda x, y: pickle.dumps((x.tobytes(), x.shape, str(x.dtype), y)), "[0]"),
    "pickle of bytes, dtype, shape": (lambda x, y: pickled(x=(x.tobytes(), x.dtype, x.shape), y=y), "x[0]"),
    "pickle of npz in a list": (lambda x, y: pickle.dumps([npz(a=x), y]), "[0]/a"),
    "pickle of steps": (lambda x, y: pickled(steps=[{"x": x}, {"x": x * 2}]), "steps[0]/x"),
    "pickle of gzip of JSON": (lambda x, y: pickled(x=gzip.compress(dumped(v=x.tolist()))), "x/v"),
    "pickle of a hexadecimal pickle": (lambda x, y: pickled(x=pickle.dumps(x).hex(), y=y), "x"),
    "pickle of msgpack": (lambda x, y: pickled(x=packed(v=x.tolist()), y=y), "x/v"),
    "cloudpickle": (lambda x, y: cloudpickle.dumps(Sample(x, y)), "x"),
    "bz2 of a pickle": (lambda x, y: bz2.compress(pickled(x=x, y=y)), "x"),
    "xz of npz": (lambda x, y: lzma.compress(npz(x=x, y=y)), "x"),
    "gzip of npy": (lambda x, y: gzip.compress(npy(x)), "data"),
    "npz of a mapping": (lambda x, y: npz(d=np.array({"x": x, "y": y}, dtype=object)), "d/x"),
    "zip of npy": (zipped, "x"),
    "msgpack of rows": (lambda x, y: msgpack.packb([x.tolist(), y]), "[0]"),
    "msgpack of bytes, shape, dtype": (lambda x, y: msgpack.packb([x.tobytes(), x.shape, str(x.dtype), y]), "[0]"),
    "msgpack of msgpack": (lambda x, y: packed(x=msgpack.packb(as_numpy(x)), y=msgpack.packb(y)), "x"),
    "msgpack of npy in a list": (lambda x, y: msgpack.packb([npy(x), npy(x * 2), y]), "[0]"),
    "JSON lines": (lambda x, y: b"".join(dumped(v=it) + b"\n" for it in x.tolist()), "[2]/v"),
    "JSON of base64 of npz": (lambda x, y: dumped(x=letters(npz(a=x)), y=y), "x/a"),
    "JSON of a list of base64": (lambda x, y: dumped(x=[letters(npy(x)), letters(npy(x * 2))], y=y), "x[0]"),
    "JSON of hexadecimal npy": (lambda x, y: dumped(x=npy(x).hex(), y=y), "x"),
    "JSON of base64 with a dtype": (
        lambda x, y: dumped(x=letters(x.tobytes()), x_dtype=str(x.dtype), x_shape=x.shape), "x",
    ),
    "zlib of base64 of npy": (lambda x, y: zlib.compress(base64.b64encode(npy(x))), "data"),
}  # fmt: skip


def sample(number, value=None):
    x = np.random.default_rng(number).normal(size=(5, 3)).astype("f4")
    if value is not None:
        x[2, 1] = value
    return x


def decoded(values):
    name = kind(values[0])
    items = [*decoder(name).decode(Block([b""] * len(values), values), range(len(values)), None)]
    batches = [it for it in items if isinstance(it, Batch) and it.values.dtype.kind == "f"]
    odd = {
        (it.field, row)
        for it in batches
        for row, values_of_row in zip(it.rows, it.values, strict=True)
        if not np.isfinite(values_of_row).all()
    }
    return odd, [(it[0], it[1].verdict) for it in items if isinstance(it, tuple)], {it.field for it in batches}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_faults_are_found_where_they_are(name):
    pack, path = COMBINATIONS[name]
    sound = [pack(sample(at), at % 5) for at in range(6)]
    odd, findings, fields = decoded(sound)
    assert (odd, findings) == (set(), [])
    assert path in fields
    for value in (np.nan, np.inf):
        odd, findings, _ = decoded([*sound, pack(sample(7, value), 1)])
        assert {(path, 6)} <= odd
        assert {row for _, row in odd} == {6}
        assert findings == []
    odd, findings, _ = decoded([*sound, sound[1][:-9], sound[2][: len(sound[2]) // 2]])
    assert {(row, verdict) for row, verdict in findings if verdict == "bad"} >= {(6, "bad"), (7, "bad")}
    assert {row for _, row in odd} | {row for row, _ in findings} <= {6, 7}


def test_bytes_in_base64_without_a_dtype_are_not_known(tmp_path):
    values = {key(at): dumped(x=letters(sample(at).tobytes() * 3), y=at % 5) for at in range(COUNT)}
    findings = scan(write_lmdb(tmp_path / "env", values), workers=1).findings
    assert {(it.field, it.code, it.verdict) for it in findings} == {("x", "unknown-payload", "unverifiable")}
    assert len(findings) == COUNT


def test_words_and_ids_are_no_bytes(tmp_path):
    words = {
        "digest": "3q2+7wAAAA" * 8,
        "sequence": "MKVAAGIVGLNFgaqcdhivy" * 9,
        "url": "https://a.b/c-1/D_2/e.jpg?q=" + "x1Y" * 40,
        "caption": "word1Z " * 40,
        "smiles": "CC(=O)N1CCC1" * 12,
    }
    values = {key(at): dumped(**words, y=at % 5) for at in range(COUNT)}
    assert list(scan(write_lmdb(tmp_path / "env", values), workers=1).findings) == []


def jpeg(number):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (16, 20, 3), np.uint8)).save(out, "JPEG")
    return out.getvalue()


def test_a_cut_picture_in_a_list_of_base64_is_dropped_and_all_else_kept(tmp_path):
    values = {key(at): dumped(images=[letters(jpeg(at)), letters(jpeg(at + 1))], text="two") for at in range(COUNT)}
    values[key(7)] = dumped(images=[letters(jpeg(7)), letters(jpeg(8)[:-300])], text="two")
    source = write_lmdb(tmp_path / "env", values)
    assert [(it.key, it.field) for it in scan(source, workers=1).findings] == [("00000007", "images[1]")]
    run = datacheck("rebuild", source, tmp_path / "copy", "--drop-bad")
    assert run.returncode == 0
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False) as env, env.begin() as txn:
        assert dict(txn.cursor()) == {name: value for name, value in values.items() if name != key(7)}
