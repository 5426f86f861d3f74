"""Test lz4 blocks behind their size, and raw snappy, whose content is a pickle, an array, JSON or msgpack."""

import io
import json
import pickle
import random
import struct

import cramjam
import msgpack
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders import kind
from datacheck.decoders.wrappers.lz4_blocks import peel_lz4_block

COUNT = 40


def npy(record):
    out = io.BytesIO()
    np.save(out, record["x"])
    return out.getvalue()


PACK = {
    "lz4-block": lambda raw: bytes(cramjam.lz4.compress_block(raw)),
    "snappy": lambda raw: bytes(cramjam.snappy.compress_raw(raw)),
}
CONTENTS = {
    "json": lambda record: json.dumps({"x": record["x"].tolist(), "label": 1}).encode(),
    "msgpack": lambda record: msgpack.packb({"x": record["x"].tolist(), "label": 1}),
    "pickle": pickle.dumps,
    "npy": npy,
}


def record(number, value=0.5):
    values = np.random.default_rng(number).normal(size=(5, 3))
    values[1, 2] = value
    return {"x": values, "label": 1}


@pytest.mark.parametrize("wrapper", PACK)
@pytest.mark.parametrize("inner", CONTENTS)
def test_what_they_hold_is_judged(wrapper, inner, tmp_path):
    pack, content = PACK[wrapper], CONTENTS[inner]
    values = {key(it): pack(content(record(it))) for it in range(COUNT)}
    values[key(7)] = pack(content(record(7, np.nan)))
    values[key(9)] = values[key(9)][:-20]
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert report.profile.families["#"].decoder == f"{wrapper}+{inner}"
    assert [(it.key, it.code) for it in report.findings if it.verdict == "bad"] == [
        ("00000007", "nan"),
        ("00000009", "truncated"),
    ]


def test_bytes_by_chance_are_no_blocks():
    draw = random.Random(3)
    heads = [b"", struct.pack("<I", 100), struct.pack("<I", 40) + b'\xf0{"a": ', b'\x20\xf0{"label": 1']
    assert {kind(head + draw.randbytes(90)) for head in heads for _ in range(200)} <= {None, "datum"}


def test_framed_snappy_of_what_is_not_known_is_snappy():
    assert kind(bytes(cramjam.snappy.compress(bytes(range(200))))) == "snappy+unknown"


def test_a_block_that_declares_more_than_it_can_hold():
    assert peel_lz4_block(struct.pack("<I", 1 << 31) + bytes(50), 1 << 28).finding.verdict == "unverifiable"
    assert peel_lz4_block(struct.pack("<I", 1 << 27) + bytes(50), 1 << 28).finding.code == "undecodable"
    assert peel_lz4_block(b"\1\0", 1 << 28).finding.code == "truncated"


def test_a_block_with_bytes_changed_holds_no_more_than_declared():
    whole = bytearray(cramjam.lz4.compress_block(b"some text again and again, some text again and again" * 9))
    draw = random.Random(1)
    for _ in range(300):
        changed = bytearray(whole)
        changed[draw.randrange(4, len(whole))] = draw.randrange(256)
        peeled = peel_lz4_block(bytes(changed), 1 << 20)
        assert peeled.finding is not None or len(peeled.value) == 52 * 9
