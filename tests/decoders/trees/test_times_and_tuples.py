"""Test times that are none (NaT), and tuples of numbers that are a text of a record."""

import io
import json
import pickle

import numpy as np
import pytest
from building import key, npy, write_lmdb

from datacheck import scan

COUNT = 40


def npz(values):
    with io.BytesIO() as file:
        np.savez(file, when=values, x=np.arange(3.0))
        return file.getvalue()


def times(number, missing=()):
    values = np.datetime64("2026-01-01", "ns") + np.array([it * (number + 1) for it in range(6)], "m8[h]")
    values[list(missing)] = np.datetime64("NaT", "ns")
    return values.reshape(2, 3)


def findings(values, path):
    report = scan(write_lmdb(path, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict, it.message) for it in report.findings]


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda it: pickle.dumps({"when": it, "x": 0.5}), "when"),
        (lambda it: pickle.dumps({"when": it - np.datetime64("2026-01-01", "ns"), "x": 0.5}), "when"),
        (npz, "when"),
        (lambda it: pickle.dumps(np.rec.fromarrays([it.reshape(-1), np.arange(6.0)], names="when,x")), "when"),
    ],
    ids=["array", "durations", "npz", "member"],
)
def test_a_time_that_is_none_is_suspicious(write, name, tmp_path):
    values = [write(times(at)) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    values[7] = write(times(7, [4, 5]))
    place = "[4]" if name == "when" and b"recarray" in values[7] else "[1, 1]"
    message = f"2 of 6 times are NaT, not a time, first at {place}"
    assert findings(values, tmp_path / "missing") == [("00000007", name, "nan", "suspicious", message)]


def test_npy_bytes_of_times_that_are_none_are_suspicious(tmp_path):
    values = [pickle.dumps({"t": npy(times(at)), "x": 0.5}) for at in range(COUNT)]
    values[3] = pickle.dumps({"t": npy(times(3, [0])), "x": 0.5})
    assert [it[:4] for it in findings(values, tmp_path / "env")] == [("00000003", "t", "nan", "suspicious")]


@pytest.mark.parametrize("write", [pickle.dumps, lambda it: json.dumps(it).encode()], ids=["pickle", "json"])
def test_a_tuple_in_a_text_with_nan_is_bad(write, tmp_path):
    values = [write({"point": f"({at}.5, 2.25)", "note": "(see nan, above)"}) for at in range(COUNT)]
    values[2] = write({"point": "(0.5, inf)", "note": "(none)"})  # an open interval
    assert findings(values, tmp_path / "sound") == []
    values[9] = write({"point": "(1.5, nan)", "note": "(none)"})
    assert [it[:4] for it in findings(values, tmp_path / "bad")] == [("00000009", "point", "nan", "bad")]
