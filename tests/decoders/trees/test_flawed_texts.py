"""Test texts within records that are JSON with NaN, or stand for something that was not stored."""

import base64
import io
import json
import pickle

import msgpack
import numpy as np
import pytest
from decoding_together import compared

from datacheck.checks.validators import Finite
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block

FORMATS = {
    "json": (JsonDecoder(), lambda it: json.dumps(it).encode()),
    "pickle": (PickleDecoder(), pickle.dumps),
    "msgpack": (MsgpackDecoder(), msgpack.packb),
}
STAND_INS = (
    "[object Object]",
    "<Sample object at 0x7f33aa001234>",
    '<HDF5 dataset "data": shape (10, 3), type "<f4">',
    "b'a cat'",
    str(np.arange(3000.0)),
    str(np.arange(3000).reshape(-1, 2)),
    repr(np.full((50, 60), np.nan)),
)
SOUND = (
    '{"x": "NaN"}', "[NaN, see below", "[1, 2, 3] and more ...", "<b>meet at 0x10</b> and", "[INST] wait ... [/INST]",
    "b'a' or b", "array([1, 2, 3])", "tensor products", '{"v": 1e300}', "{x} is NaN", "[[1, 2, 3]]",
    "[the red dog ... runs on]", '<HDF5 is a format>', str(np.arange(10).reshape(-1, 2)),
)  # fmt: skip


def judged(name, *records):
    """Return the fields and codes of all findings in these records, which may be decoded together."""
    decoder, pack = FORMATS[name]
    block = Block([b""] * len(records), [pack(it) for it in records])
    results = []
    for it in decoder.decode(block, range(len(records)), None):
        found = [(it.rows[at], finding) for at, finding in Finite()(it)] if isinstance(it, Batch) else [it]
        results += [(row, finding.field, finding.code) for row, finding in found]
    return results


@pytest.mark.parametrize("name", FORMATS)
def test_nan_in_json_that_a_text_holds_is_named_where_it_is(name):
    sound = {"id": 1, "meta": '{"x": [0.5, 1.0], "label": 3}', "texts": ["[1.0]", "a"]}
    within = {**sound, "meta": '{"x": [0.5, NaN], "label": 3}'}
    deeper = {**sound, "meta": json.dumps({"y": json.dumps({"z": float("inf")})})}
    listed = {**sound, "texts": ["[NaN]", "a"]}
    assert sorted(judged(name, *[sound] * 6, within, deeper, listed)) == [
        (6, "meta/x", "nan"),
        (7, "meta/y/z", "inf"),
        (8, "texts[0]", "nan"),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_texts_that_stand_for_what_was_not_stored(name):
    sound = [{"text": "a" * len(it), "n": 1} for it in STAND_INS for _ in range(4)]
    records = [*sound, *({"text": it, "n": 1} for it in STAND_INS)]
    expected = [(row, "text", "odd-text") for row in range(len(sound), len(records))]
    assert sorted(judged(name, *records)) == expected
    many = {"texts": [*["a"] * 80, STAND_INS[0], *STAND_INS[:2]]}
    assert {field for _, field, _ in judged(name, many)} == {f"texts[{at}]" for at in (80, 81, 82)}


@pytest.mark.parametrize("name", FORMATS)
def test_texts_that_look_like_those_are_sound(name):
    assert judged(name, *({"text": it, "n": 1} for it in SOUND for _ in range(4))) == []


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [1, 5000])
def test_records_are_decoded_together_but_for_flawed_ones(name, size):
    decoder, pack = FORMATS[name]
    sound = {"text": "x" * 15, "more": "y" * size}
    records = [
        *[sound] * 9,
        *({**sound, "text": it} for it in ("[object Object]", "[a, b, NaN, 12]", "[12, -Infinity]")),
    ]
    assert compared(decoder, [pack(it) for it in records]) == 9


@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_payload_in_json_that_a_text_holds_is_found(name):
    array = io.BytesIO()
    np.save(array, np.arange(40.0))
    sound, cut = (
        {"meta": json.dumps({"x": base64.b64encode(raw).decode()}), "n": 1}
        for raw in (array.getvalue(), array.getvalue()[:-8])
    )
    assert judged(name, sound, sound, cut, sound) == [(2, "meta/x", "truncated")]
