"""Test pictures, arrays and rows of numbers that are compressed in a field of a record."""

import gzip
import io
import json
import lzma
import pickle
import zlib

import cramjam
import numpy as np
import pytest
from building import key, write_lmdb
from PIL import Image

from datacheck import scan
from datacheck.decoders.datum.message import encode
from datacheck.decoders.trees import within

COUNT = 24
WRAPPERS = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": lambda it: bytes(cramjam.zstd.compress(it))}


def findings(folder, values, **options):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1, **options)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def saved(write, *args, **options):
    with io.BytesIO() as file:
        write(file, *args, **options)
        return file.getvalue()


def jpeg(number):
    pixels = np.random.default_rng(number).integers(0, 255, (16, 16, 3)).astype("u1")
    return saved(Image.fromarray(pixels).save, "JPEG")


def array(number, value=0.5):
    return np.array([number, value, -1.5], "f4")


@pytest.mark.parametrize("name", WRAPPERS)
def test_compressed_pictures_in_a_field_are_decoded(name, tmp_path):
    wrap = WRAPPERS[name]
    values = [pickle.dumps({"image": wrap(jpeg(it)), "label": it % 10}) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[3] = pickle.dumps({"image": wrap(jpeg(3)[:-60]), "label": 3})
    values[5] = pickle.dumps({"image": wrap(jpeg(5))[:-20], "label": 5})
    assert [(at, field, verdict) for at, field, _, verdict in findings(tmp_path / "bad", values)] == [
        ("00000003", "image", "bad"),
        ("00000005", "image", "bad"),
    ]


def test_compressed_rows_of_numbers_in_a_field_are_judged(tmp_path):
    def record(number, word="0.25"):
        return pickle.dumps({"rows": gzip.compress(f"{number},1.5\n2.5,{word}\n".encode()), "label": number % 10})

    values = [record(it) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[3], values[5] = record(3, "nan"), record(5, "-inf")
    assert findings(tmp_path / "bad", values) == [
        ("00000003", "rows", "nan", "bad"),
        ("00000005", "rows", "inf", "bad"),
    ]


@pytest.mark.parametrize(("last", "codes"), [(b"0.5", []), (b"nan", ["too-large"])])
def test_very_long_rows_in_a_wrapper_are_not_judged(last, codes, monkeypatch):
    monkeypatch.setattr(within, "LONGEST_TEXT", 100)
    _, found = within.read_within("rows", gzip.compress(b"1 2.5 " * 40 + last))
    assert [it.code for it in found] == codes


def test_bytes_as_a_single_item_of_npz_are_read(tmp_path):
    def record(number, value=0.5):
        content = zlib.compress(saved(np.save, array(number, value)))
        return saved(np.savez, x=np.void(content + b"\0" * (160 - len(content))), label=number % 10)

    values = [record(it) for it in range(COUNT)]
    assert {it[1:] for it in findings(tmp_path / "padded", values)} == {("x", "trailing-data", "suspicious")}
    values[3] = record(3, np.nan)
    assert ("00000003", "x", "nan", "bad") in findings(tmp_path / "bad", values)


def test_a_datum_without_a_shape_may_hold_a_compressed_array(tmp_path):
    def record(number, value=0.5):
        return encode(gzip.compress(saved(np.save, array(number, value))), number % 10)

    values = [record(it) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values, labels=10) == []
    values[3] = record(3, np.nan)
    values[5] = encode(gzip.compress(saved(np.save, array(5)))[:-9], 5)
    assert findings(tmp_path / "bad", values, labels=10) == [
        ("00000003", "data", "nan", "bad"),
        ("00000005", "data", "truncated", "bad"),
    ]


def test_a_datum_without_a_shape_is_bad_among_others(tmp_path):
    values = [encode(np.arange(it, it + 48, dtype="u1").reshape(3, 4, 4), it % 10) for it in range(COUNT)]
    values[3], values[5] = encode(bytes(48), 3), encode(jpeg(5), 5)
    assert findings(tmp_path / "bad", values) == [
        ("00000003", "data", "size-mismatch", "bad"),
        ("00000005", "data", "size-mismatch", "bad"),
    ]


def test_bytes_behind_a_header_of_json_are_not_bad(tmp_path):
    values = [json.dumps({"shape": [3]}).encode() + b"\n" + array(it).tobytes() for it in range(1, COUNT)]
    assert {it[2:] for it in findings(tmp_path / "env", values)} == {("unknown-payload", "unverifiable")}


def test_a_byte_that_is_no_text_in_a_line_of_json_is_bad(tmp_path):
    values = [b'{"x": 1}\n{"x": %d}\n' % it for it in range(10, 10 + COUNT)]
    values[3] = b'{"x": 1}\n{"x": \xff3}\n'
    assert findings(tmp_path / "env", values) == [("00000003", None, "undecodable", "bad")]
