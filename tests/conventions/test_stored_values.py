"""Values beside records are read and written in the form they have, and nothing is unpickled."""

import json
import pickle
import struct
import subprocess
import sys
import zlib

import msgspec
import numpy as np
import pytest

from datacheck.conventions.values.pickled_keys import PICKLED_KEYS
from datacheck.conventions.values.stored_values import FORMS, TEXTS, stored, stored_count

VALUES = [60, ["a", "b"], [b"a", b"b"], {"train": ["a", "b"], "val": ["c"]}, list(range(300))]


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_pickles(value, protocol):
    raw = pickle.dumps(value, protocol)
    said = stored(raw)
    assert said.value == value
    assert said.written(value) == raw
    assert said.form == f"pickle {protocol}"


def test_numbers_of_numpy():
    assert stored(pickle.dumps(np.int64(60))).value == 60


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_msgpack(value):
    raw = msgspec.msgpack.encode(value)
    said = stored(raw)
    assert (said.value, said.form, said.written(value)) == (value, "msgpack", raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"60", 60),
        (b"4000 4 16 16", [4000, 4, 16, 16]),
        (b"4000,4", [4000, 4]),
        (b"4000, 4", [4000, 4]),
        (b"(4000, 4)", [4000, 4]),
        (b"(4000,)", [4000]),
        (b'["a", "b"]', ["a", "b"]),
        (zlib.compress(b"[1, 2]"), [1, 2]),
        (b"a.png (8,8,3) 1\n", ["a.png (8,8,3) 1"]),
    ],
)
def test_texts(raw, value):
    said = stored(raw)
    assert said.value == value
    assert stored(said.written(value if said.form != "meta-info" else said.value)).value == value


@pytest.mark.parametrize("number", range(48, 58))
@pytest.mark.parametrize("form", ["<i", ">i", "<q", ">q"])
def test_a_whole_number_is_no_digit_in_another_encoding(number, form):
    raw = struct.pack(form, number)
    said = stored_count(raw)
    assert (said.value, said.written(number)) == (number, raw)


class Reduced:
    def __reduce__(self):
        import os

        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"abc",
        pickle.dumps(Reduced()),
        pickle.dumps([Reduced()]),
        pickle.dumps(60)[:-1],
        pickle.dumps({"a": [np.zeros(3)]}),
        pickle.dumps([[[[[[[1]]]]]]]),
        zlib.compress(b"[1]")[:-3],
        b"[" * 100_000,
        json.dumps(None).encode(),
    ],
)
def test_what_is_no_value(raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert stored(raw) is None
    assert list(tmp_path.iterdir()) == []


def test_every_form_reads_what_it_writes():
    for form in FORMS.values():
        name = form.name.rpartition("+")[2]
        several = name.startswith("decimals") or name == "tuple"
        texts = form in TEXTS or name == "printed"
        value = None if name == "meta-info" else ["a", "b"] if texts else [1, 2] if several else 7
        if name.startswith(PICKLED_KEYS):
            value = [pickle.dumps(it, int(name[-1])) for it in ("a", b"b", 3)]
        if value is not None:
            assert form.read(form.write(value)) == value


def test_a_value_that_is_neither_a_pickle_nor_msgpack_loads_no_decoder_for_them():
    """Records of any size are tried as lists of keys before a scan begins."""
    script = (
        "import sys\n"
        "from datacheck.conventions.values.stored_values import stored\n"
        "assert stored(bytes.fromhex('0803104018402203') + bytes(3)) is None  # protobuf: a Datum's first fields\n"
        "assert stored(b'\\xff\\xd8\\xff\\xe0' + bytes(9)) is None  # a JPEG\n"
        "print(sorted(it for it in sys.modules if it.startswith('datacheck.decoders.pickles')))\n"
        "assert stored(b'(lp0\\nI1\\na.') is not None\n"
        "print('datacheck.decoders.pickles.machine' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["[]", "True", ""]
