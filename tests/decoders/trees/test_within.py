"""Test payloads inside records: what bytes and base64 texts hold is judged by its path, within bounds."""

import base64
import gzip
import io
import json
import pickle
import zlib

import decoding_together
import msgpack
import numpy as np
import pytest
from building import key, npy, pictures, write_lmdb

from datacheck import scan
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees import within
from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder

COUNT = 40
BROKEN = 17


def npz(array):
    out = io.BytesIO()
    np.savez_compressed(out, x=array)
    return out.getvalue()


def letters(raw):
    return base64.b64encode(raw).decode()


def array(number, value=0.5):
    values = np.random.default_rng(number).normal(size=(5, 3)).astype("f4")
    values[1, 2] = value
    return values


CONTAINERS = {
    "pickle": lambda x, label: pickle.dumps({"x": x, "label": label}),
    "msgpack": lambda x, label: msgpack.packb({"x": x, "label": label}),
    "json": lambda x, label: json.dumps({"x": letters(x), "label": label}).encode(),
    "json of nested objects": lambda x, label: json.dumps({"x": letters(x), "label": label, "box": [1, 2]}).encode(),
    "json of a data uri": lambda x, label: json.dumps({"x": f"data:a/b;base64,{letters(x)}", "label": label}).encode(),
}
CONTENTS = {
    "npy": (npy, "x"),
    "npz": (npz, "x/x"),
    "pickle": (lambda x: pickle.dumps({"a": x}), "x/a"),
    "zlib of npy": (lambda x: zlib.compress(npy(x)), "x"),
    "gzip of msgpack": (lambda x: gzip.compress(msgpack.packb({"v": x.tolist()})), "x/v"),
    "pickle of zlib of pickle": (lambda x: pickle.dumps([zlib.compress(pickle.dumps(x))]), "x[0]"),
}
NO_MAGIC = {("json", "zlib of npy"), ("json of nested objects", "zlib of npy"), ("json of a data uri", "zlib of npy")}
"""Pairs where nothing tells base64 from a word: zlib begins with two bytes only."""
PAIRS = [(outer, inner) for outer in CONTAINERS for inner in CONTENTS if (outer, inner) not in NO_MAGIC]


def found_in(path):
    return [(it.key, it.field, it.code) for it in scan(path, workers=1, labels=10).findings]


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_what_a_payload_in_a_record_holds_is_judged(outer, inner, tmp_path):
    pack, (content, path) = CONTAINERS[outer], CONTENTS[inner]
    values = {key(it): pack(content(array(it)), it % 10) for it in range(COUNT)}
    values[key(BROKEN)] = pack(content(array(BROKEN, np.nan)), 3)
    values[key(BROKEN + 1)] = pack(content(np.zeros((6, 3), "f4") + 0.1 * np.arange(3, dtype="f4")), 3)
    assert found_in(write_lmdb(tmp_path / "env", values)) == [
        (f"{BROKEN:08}", path, "nan"),
        (f"{BROKEN + 1:08}", path, "shape"),
    ]


@pytest.mark.parametrize("outer", ["pickle", "msgpack"])
@pytest.mark.parametrize("inner", ["npz", "pickle", "gzip of msgpack"])
def test_a_payload_that_is_damaged_in_a_record_is_named(outer, inner, tmp_path):
    pack, (content, _) = CONTAINERS[outer], CONTENTS[inner]
    values = {key(it): pack(content(array(it)), it % 10) for it in range(COUNT)}
    whole = content(array(BROKEN))
    values[key(BROKEN)] = pack(whole[:-9], 3)
    values[key(BROKEN + 1)] = pack(bytes(len(whole)), 3)
    assert found_in(write_lmdb(tmp_path / "env", values)) == [
        (f"{BROKEN:08}", "x", "truncated"),
        (f"{BROKEN + 1:08}", "x", "undecodable"),
    ]


def test_a_picture_that_is_cut_in_base64_is_named(tmp_path):
    raws = {it: pictures()[it % len(pictures())] for it in range(COUNT)}
    raws[BROKEN] = raws[BROKEN][:-200]
    values = {key(it): json.dumps({"image": letters(raw), "label": 1}).encode() for it, raw in raws.items()}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings if it.code != "constant"] == [
        (f"{BROKEN:08}", "image", "truncated")
    ]


def test_base64_with_a_letter_that_is_none_is_named(tmp_path):
    texts = {it: letters(npy(array(it))) for it in range(COUNT)}
    texts[BROKEN] = texts[BROKEN][:50] + "!" + texts[BROKEN][51:]
    values = {key(it): json.dumps({"x": text, "label": it % 10}).encode() for it, text in texts.items()}
    assert found_in(write_lmdb(tmp_path / "env", values)) == [(f"{BROKEN:08}", "x", "undecodable")]


def test_words_and_bytes_that_only_look_encoded_are_sound(tmp_path):
    draw = np.random.default_rng(1)
    letters_of_proteins = np.array(list("ACDEFGHIKLMNPQRSTVWY"))

    def record(number):
        sequence = "".join(draw.choice(letters_of_proteins, 96))
        return {"sequence": sequence, "digest": draw.bytes(32).hex(), "id": b"x\x9c" + draw.bytes(14), "label": 1}

    values = {key(it): pickle.dumps(record(it)) for it in range(COUNT)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert (report.status, report.counts.keys() - {"constant"}) == (0, set())


@pytest.mark.parametrize(
    ("decoder", "pack"),
    [
        (PickleDecoder(), CONTAINERS["pickle"]),
        (MsgpackDecoder(), CONTAINERS["msgpack"]),
        (JsonDecoder(), CONTAINERS["json"]),
        (JsonDecoder(), CONTAINERS["json of nested objects"]),
    ],
)
def test_records_decoded_together_give_what_each_gives(decoder, pack):
    values = [pack(npy(array(it)), it % 10) for it in range(12)]
    decoding_together.compared(decoder, values)


@pytest.mark.parametrize("decoder", [JsonDecoder(), PickleDecoder(), MsgpackDecoder()])
def test_texts_beside_a_word_of_the_same_length_are_read(decoder):
    packs = {"json": lambda it: json.dumps(it).encode(), "pickle": pickle.dumps, "msgpack": msgpack.packb}
    texts = [letters(npy(array(it))) for it in range(8)]
    values = [packs[decoder.name]({"x": text, "n": [1, 2]}) for text in ["A" * len(texts[0]), *texts]]
    fields = [decoder.read(it, None).fields[0].values.shape for it in values]
    assert fields == [(0,), *[(5, 3)] * 8]


class Gadget:
    """Unpickles by a call that must never happen."""

    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was executed')",)


def test_a_pickle_in_a_pickle_runs_nothing(tmp_path):
    values = {key(it): pickle.dumps({"x": pickle.dumps(array(it)), "label": 1}) for it in range(COUNT)}
    values[key(BROKEN)] = pickle.dumps({"x": pickle.dumps([Gadget(), array(BROKEN)]), "label": 1})
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    unsafe = [it for it in report.findings if it.code == "unsafe-pickle"]
    assert [(it.key, it.field) for it in unsafe] == [(f"{BROKEN:08}", "x")]


def test_payloads_in_payloads_are_bounded():
    inner = npy(array(1, np.nan))
    for _ in range(6):
        inner = pickle.dumps([inner])
    reading = PickleDecoder().read(inner, None)
    assert [(it.code, it.verdict) for it in reading.findings] == [("too-large", "unverifiable")]


def test_the_bytes_that_a_record_unpacks_to_are_bounded(monkeypatch):
    monkeypatch.setattr(within, "UNPACKED", 1 << 20)
    zeros = zlib.compress(npy(np.zeros(1 << 16, "f4")))
    record = pickle.dumps([zeros + bytes([it]) for it in range(60)])  # equal bytes would be seen as one
    reading = PickleDecoder().read(record, None)
    assert len(reading.fields) == 2
    assert {(it.code, it.verdict) for it in reading.findings} == {
        ("too-large", "unverifiable"),
        ("trailing-data", "suspicious"),
    }
    assert PickleDecoder().read(pickle.dumps([zeros]), None).findings == []  # the next record starts anew


def test_names_inside_do_not_meet_those_outside():
    reading = PickleDecoder().read(pickle.dumps({"data": npz(array(1)), "x": 3, "data/x": 4}), None)
    assert [it.name for it in reading.fields] == ["data/x", "x", '"data/x"']
