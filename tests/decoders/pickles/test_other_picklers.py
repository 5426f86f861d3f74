"""Test pickles of picklers with their own way to store arrays: joblib puts the values between opcodes, dill uses calls.

Both are written here as the packages write them, so that these need not be installed.
"""

import io
import pickle
import sys
import types

import numpy as np
import pytest
from building import write_lmdb

import datacheck
from datacheck.decoders.pickles.decoder import PickleDecoder

COUNT = 40


def known_as(monkeypatch, module, made):
    """Register a class or a function under the name of another package, which need not be installed."""
    made.__module__ = module
    made.__qualname__ = made.__name__
    parts = module.split(".")
    for size in range(1, len(parts) + 1):
        name = ".".join(parts[:size])
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    setattr(sys.modules[module], made.__name__, made)


@pytest.fixture
def joblib(monkeypatch):
    """Return a function that pickles like joblib's NumpyPickler."""
    return of_joblib(monkeypatch, 16)


@pytest.fixture
def joblib_unpadded(monkeypatch):
    """Return a function that pickles like joblib before 1.2, without padding."""
    return of_joblib(monkeypatch, 0)


def of_joblib(monkeypatch, alignment):

    class NumpyArrayWrapper:
        pass

    known_as(monkeypatch, "joblib.numpy_pickle", NumpyArrayWrapper)

    class Pickler(pickle._Pickler):
        def __init__(self, out, protocol):
            super().__init__(out, protocol)
            self.out = out

        def save(self, it, *options):
            if type(it) is not np.ndarray:
                return super().save(it, *options)
            wrapper = NumpyArrayWrapper()
            order = "F" if it.flags.f_contiguous and not it.flags.c_contiguous else "C"
            wrapper.__dict__ |= {"subclass": np.ndarray, "shape": it.shape, "order": order, "dtype": it.dtype}
            if alignment:
                wrapper.numpy_array_alignment_bytes = alignment
            super().save(wrapper, *options)
            if self.proto >= 4:
                self.framer.commit_frame(force=True)
            if it.dtype.hasobject:
                return self.out.write(pickle.dumps(it, 5))
            if alignment:
                padding = alignment - (self.out.tell() + 1) % alignment
                self.out.write(bytes([padding]) + b"\xff" * padding)
            return self.out.write(it.tobytes(order))

    def dumps(it, protocol=4):
        out = io.BytesIO()
        Pickler(out, protocol).dump(it)
        return out.getvalue()

    return dumps


@pytest.fixture
def dill(monkeypatch):
    """Return a function that pickles arrays like dill."""

    def _create_array(function, arguments, state, attributes=None):
        raise NotImplementedError

    known_as(monkeypatch, "dill._dill", _create_array)

    class Pickler(pickle._Pickler):
        def save(self, it, *options):
            if type(it) is not np.ndarray:
                return super().save(it, *options)
            return self.save_reduce(_create_array, (*it.__reduce__(), None), obj=it)

    def dumps(it, protocol=4):
        out = io.BytesIO()
        Pickler(out, protocol).dump(it)
        return out.getvalue()

    return dumps


def sample(number):
    random = np.random.default_rng(number)
    return {
        "x": random.standard_normal((4, 6), np.float32),
        "turned": np.asfortranarray(random.standard_normal((3, 5))),
        "names": np.array(["a", None, number], object),
        "nothing": np.empty((0, 3), np.int32),
        "y": number % 3,
    }


def fields(value):
    reading = PickleDecoder().read(value, None)
    assert not list(reading.findings)
    return {it.name: it.values for it in reading.fields}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("writer", ["joblib", "joblib_unpadded", "dill"])
def test_arrays_are_what_was_stored(request, writer, protocol):
    dumps, stored = request.getfixturevalue(writer), sample(3)
    read = fields(dumps(stored, protocol))
    for name in ("x", "turned", "nothing"):
        assert read[name].shape == stored[name].shape
        np.testing.assert_array_equal(read[name], stored[name])
    assert read["y"] == 0


@pytest.mark.parametrize("writer", ["joblib", "joblib_unpadded", "dill"])
def test_a_store_of_them(tmp_path, request, writer):
    dumps = request.getfixturevalue(writer)
    records = {b"%04d" % at: dumps(sample(at)) for at in range(COUNT)}
    report = datacheck.scan(write_lmdb(tmp_path / "sound", records))
    assert (report.clean, list(report.findings)) == (True, [])
    spoiled = sample(7)
    spoiled["turned"][2, 1] = np.nan
    whole = records[b"0009"]
    report = datacheck.scan(
        write_lmdb(tmp_path / "bad", records | {b"0007": dumps(spoiled), b"0009": whole[: len(whole) * 2 // 3]})
    )
    found = [(it.key, it.code, it.details.get("first")) for it in report.findings]
    assert found == [("0007", "nan", [2, 1]), ("0009", "truncated", None)]


def test_every_cut_of_joblib_is_called_one(joblib):
    value = joblib({"x": np.arange(40.0), "y": 1})
    for size in range(3, len(value)):
        (finding,) = PickleDecoder().read(value[:size], None).findings
        assert finding.code in ("truncated", "undecodable"), size


def test_an_array_without_a_shape_is_no_array(joblib):
    value = joblib({"x": np.arange(6.0)}, 2).replace(b"X\x05\x00\x00\x00shape", b"X\x05\x00\x00\x00shope")
    (finding,) = PickleDecoder().read(value, None).findings
    assert (finding.code, finding.verdict) == ("undecodable", "bad")


def test_arrays_of_objects_in_each_other_end_somewhere(joblib):
    """Each level is an array of objects, whose pickle continues with another array written as joblib does."""
    head = joblib(np.array([None], object), 2)
    head = head[: head.index(b"\x80\x05", 2)]
    (finding,) = PickleDecoder().read(head * 50 + b"N.", None).findings
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")


def test_a_function_of_the_system_is_told_where_dill_would_call_it(dill):
    value = dill({"x": np.arange(6.0)}, 2)
    at = value.index(b"cnumpy")
    end = value.index(b"_reconstruct\n") + len(b"_reconstruct\n")
    spoiled = value[:at] + b"cposix\nsystem\n" + value[end:]
    said = [it.message for it in PickleDecoder().read(spoiled, None).findings if it.code == "unsafe-pickle"]
    assert said == ["unpickling this would import posix.system"]
