"""Test several arrays behind each other in one value, as `numpy.save` writes them to one stream."""

import io
import pickle

import numpy as np
import pytest
from building import write_lmdb
from PIL import Image

import datacheck
from datacheck.decoders.npy import NpyDecoder
from datacheck.decoders.npy_bytes import SERIES


def saved(*arrays):
    stream = io.BytesIO()
    for it in arrays:
        np.save(stream, it, allow_pickle=True)
    return stream.getvalue()


def findings(folder, broken, sound, **options):
    records = {b"%04d" % at: sound(at) for at in range(200)} | {b"%04d" % at: it for at, it in enumerate(broken, 3)}
    report = datacheck.scan(write_lmdb(folder, records), workers=1, **options)
    return [(it.field, it.code, it.verdict) for it in report.findings]


FIRST, NAN = np.eye(2), np.array([0.0, np.nan, 2.0, 3.0])
BROKEN = [
    (saved(FIRST, NAN), ("[1]", "nan", "bad")),
    (saved(FIRST, np.arange(4.0))[:-8], ("[1]", "truncated", "bad")),
    (saved(FIRST), ("[1]", "fields", "suspicious")),
    (saved(FIRST, np.arange(4.0)) + b"more", ("[1]", "trailing-data", "suspicious")),
]


def test_each_of_two_arrays_is_judged(tmp_path):
    values, expected = map(list, zip(*BROKEN, strict=True))
    other_shape = saved(FIRST, np.arange(5.0))
    sound = [saved(FIRST / (at + 1), np.arange(4.0)) for at in range(200)]
    assert findings(tmp_path / "bare", [*values, other_shape], sound.__getitem__) == [
        *expected,
        ("[1]", "shape", "bad"),
    ]
    held = [pickle.dumps({"x": it, "n": 7}) for it in values]
    within = findings(tmp_path / "within", held, lambda at: pickle.dumps({"x": sound[at], "n": at}))
    assert within == [(f"x{field}", code, verdict) for field, code, verdict in expected]


def test_the_second_of_an_array_and_a_number_is_the_label(tmp_path):
    broken = [saved(FIRST, 9)]
    assert findings(tmp_path, broken, lambda at: saved(FIRST * at, at % 5), labels=5) == [("[1]", "label", "bad")]


def test_a_second_array_that_others_do_not_have_is_not_read_by_a_loader(tmp_path):
    expected = [("data", "trailing-data", "suspicious")]
    assert findings(tmp_path, [saved(FIRST, NAN)], lambda at: saved(FIRST / (at + 1))) == expected


def test_pictures_in_some_of_the_arrays_are_decoded(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)).save(stream, "JPEG")
    whole, cut = (np.frombuffer(it, np.uint8) for it in (stream.getvalue(), stream.getvalue()[:-100]))
    sound = [saved(whole, at % 5) for at in range(200)]
    assert findings(tmp_path / "bare", [saved(cut, 3)], sound.__getitem__) == [("[0]", "truncated", "bad")]
    held = pickle.dumps({"x": saved(cut, 3), "n": 3})
    within = findings(tmp_path / "within", [held], lambda at: pickle.dumps({"x": sound[at], "n": at}))
    assert within == [("x[0]", "truncated", "bad")]


def test_more_arrays_than_are_read_are_not_judged():
    value = saved(*[np.float32(1)] * (SERIES + 1))
    [finding] = NpyDecoder().read(value, None).findings
    assert (finding.field, finding.code, finding.verdict) == ("[1024]", "too-large", "unverifiable")


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (lambda at: saved(FIRST * at, at % 5), [("[1]", "label", "bad")]),
        (lambda at: saved(FIRST * at, [at % 5]), [("[1]", "label", "bad")]),
        (lambda at: saved(FIRST * at, at, FIRST), [("[1]", "fields", "suspicious"), ("[2]", "fields", "suspicious")]),
        (lambda at: saved(np.float32(at), at), [("[1]", "fields", "suspicious")]),
    ],
)
def test_only_the_number_that_follows_an_array_is_missed_as_a_label(tmp_path, sound, expected):
    first = io.BytesIO(sound(1))
    assert findings(tmp_path, [saved(np.load(first))], sound) == expected
