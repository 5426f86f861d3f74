"""Numbers and arrays beside records whose dtypes, headers or pickles are unusual, though a loader reads them."""

import io
import pickle
import time
import zipfile

import numpy as np
import pytest
from convention_stores import read, write

import datacheck
from datacheck.conventions.values.per_record import with_numbers, without_items

COUNT = 300
WHOLE = "{'descr': '<i8', 'fortran_order': False, 'shape': (300,)}"


def vectors(cut=()):
    """Return pickled vectors under plain numbers, of which some are cut off."""
    made = [pickle.dumps(np.arange(6, dtype=np.float32) + number) for number in range(COUNT)]
    return {b"%d" % at: raw[:30] if at in cut else raw for at, raw in enumerate(made)}


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(values, header):
    """Return the .npy bytes of an array, with a header that is spelled in another way."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + values.tobytes()


def archive(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, raw in members.items():
            target.writestr(f"{name}.npy", raw)
    return out.getvalue()


@pytest.mark.parametrize(("said", "wanted"), [(np.int16(300), np.int16), (np.uint8(255), np.int64)])
def test_the_number_in_a_copy_is_true_whatever_its_dtype_holds(tmp_path, said, wanted):
    atoms = np.arange(COUNT) % 7 + 3
    source = write(tmp_path / "in", vectors(cut=[7]) | {b"metadata": npz(num_samples=said, natoms=atoms)})
    datacheck.rebuild(source, tmp_path / "out", drop_bad=True)
    copied = dict(np.load(io.BytesIO(read(tmp_path / "out")[b"metadata"])).items())
    assert (int(copied["num_samples"]), copied["num_samples"].dtype) == (COUNT - 1, wanted)
    assert copied["natoms"].tolist() == [*atoms[:7], *atoms[8:]]


def test_the_number_0_without_a_sign_is_read(tmp_path):
    source = write(tmp_path / "in", vectors() | {b"metadata": npz(length=np.uint8(0), natoms=np.arange(COUNT))})
    assert datacheck.scan(source).complete
    assert with_numbers(npz(length=np.uint8(0)), {"length": (0, -1)}) is not None


@pytest.mark.parametrize("header", [WHOLE + " " * 20_000, WHOLE.replace(",)", "L,)")], ids=["long", "Python 2"])
def test_unusual_headers_are_read_without_a_warning(header, recwarn):
    raw = npy(np.arange(COUNT), header)
    assert np.load(io.BytesIO(without_items(raw, COUNT, range(1, COUNT)))).tolist() == [*range(1, COUNT)]
    members = archive(natoms=raw, other=npy(np.arange(3), header.replace("300", "3")))
    copied = zipfile.ZipFile(io.BytesIO(without_items(members, COUNT, [4])))
    assert np.load(copied.open("natoms.npy")).tolist() == [4]
    assert copied.read("other.npy") == npy(np.arange(3), header.replace("300", "3"))
    assert not recwarn.list


def test_an_array_of_numbers_beside_objects_is_not_written():
    assert without_items(npz(natoms=np.arange(COUNT), other=np.array([None] * COUNT, object)), COUNT, [4]) is None


def test_many_numbers_equal_to_the_length_of_an_array_take_no_long_time():
    lists = [[20] * 20_000, [(20,)] * 2, [(20,) for _ in range(5_000)]]
    raw = pickle.dumps({"natoms": np.arange(20), "lists": lists})
    began = time.process_time()
    copied = pickle.loads(without_items(raw, 20, range(19)))
    assert time.process_time() - began < 3
    assert (copied["natoms"].tolist(), copied["lists"]) == ([*range(19)], lists)
