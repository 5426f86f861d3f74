"""Test data frames whose texts are pyarrow's, as pandas 3 writes them where pyarrow is installed."""

import copyreg
import io
import pickle

import numpy as np
import pandas
import pytest
from building import key, write_lmdb
from decoders.pickles.test_columns_of_frames import COUNT, frame
from decoders.pickles.test_data_frames import pyarrow as arrow_arrays
from decoders.pickles.test_data_frames import read

from datacheck import scan
from datacheck.decoders.pickles import arrow_arrays as arrow_arrays_module

pyarrow = arrow_arrays


def buffers(texts):
    whole = [it.encode() for it in texts]
    return [None, np.cumsum([0, *map(len, whole)]).astype("i8").tobytes(), b"".join(whole)]


def dumps(table, array):
    """Return the pickle of a table whose texts, and the names of its columns, are pyarrow's."""

    class Pickler(pickle.Pickler):
        def reducer_override(self, it):
            if not type(it).__name__.endswith("StringArray"):
                return NotImplemented
            state = {"_pa_array": array("large_string", len(it), buffers(it))}
            return copyreg._reconstructor, (pandas.arrays.ArrowStringArray, object, None), state

    with io.BytesIO() as file:
        Pickler(file).dump(table)
        return file.getvalue()


def test_columns_are_judged_by_name(pyarrow, tmp_path):
    tables = [frame(at) for at in range(COUNT)]
    tables[6].loc[2, "x"] = np.nan
    tables[8].loc[3, "label"] = 9
    tables[9].loc[1, "name"] = "{'a': nan}"
    assert b"_pa_array" in dumps(tables[0], pyarrow)
    values = {key(at): dumps(it, pyarrow) for at, it in enumerate(tables)}
    findings = scan(write_lmdb(tmp_path / "env", values), workers=1, labels=5).findings
    assert [(it.key, it.field, it.code) for it in findings] == [
        ("00000006", "x", "nan"),
        ("00000008", "label", "label"),
        ("00000009", "name[1]", "nan"),
    ]


def test_texts_are_read_from_their_offset_on(pyarrow):
    fields, findings = read(pyarrow("large_string", 2, buffers(["a", "b", "{'a': nan}"]), offset=1))
    assert (list(fields), findings) == (["x"], [("nan", "x[1]")])
    fields, findings = read(pyarrow("large_string", 1, buffers(["{'é': [nan]}"])))
    assert findings == [("nan", "x[0]")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"length": 9}, "size-mismatch"),
        ({"length": -1}, "size-mismatch"),
        ({"offsets": [0, 4, 2, 3]}, "dangling"),
        ({"offsets": [0, 1, 2, 40]}, "dangling"),
        ({"offsets": [-1, 1, 2, 3]}, "dangling"),
        ({"raw": b"a\xffc"}, "undecodable"),
    ],
)
def test_texts_that_are_not_there_are_a_fault(pyarrow, changes, code):
    offsets = np.array(changes.get("offsets", [0, 1, 2, 3]), "i8").tobytes()
    _, findings = read(pyarrow("large_string", changes.get("length", 3), [None, offsets, changes.get("raw", b"abc")]))
    assert findings == [(code, "x")]


def test_copies_of_texts_are_work_that_is_bounded(pyarrow, monkeypatch):
    monkeypatch.setattr(arrow_arrays_module, "COPIED_BYTES", 1)
    letters = b"a" * (1 << 18)
    offsets = np.array([0, len(letters)], "i8").tobytes()
    fields, findings = read([pyarrow("large_string", 1, [None, offsets, letters]) for _ in range(20)])
    assert (list(fields), findings) == ([], [("too-large", "data")])
