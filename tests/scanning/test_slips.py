"""Test that a bug in datacheck is never blamed on the data, unlike what a library or a third party raises."""

import contextlib
import errno
import os
import struct
from dataclasses import dataclass

import h5py
import msgspec
import numpy as np
import pytest
from building import pictures, raw_records, write_lmdb
from leveldb_building import write_log_store
from patching import command, slipping

from datacheck.backends.hdf5.structure.superblock import Beyond
from datacheck.backends.leveldb.block import Damaged
from datacheck.backends.lmdb.format import PageDamaged
from datacheck.decoders.npy import NpyDecoder
from datacheck.model.slips import is_slip, of_machine
from datacheck.reporting.document import Document
from datacheck.scanning.blame import Blamed, blaming

RECORDS = raw_records(60)


def store(folder, kind):
    if kind == "lmdb":
        return write_lmdb(folder / "env", RECORDS)
    if kind == "leveldb":
        return write_log_store(folder / "level", RECORDS.items())
    with h5py.File(folder / "rows.h5", "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(60, 8))
        file["label"] = np.arange(60) % 10
    return folder / "rows.h5"


SLIPS = {
    "leveldb survey": ("leveldb", "backends/leveldb/survey.py", "__init__", "raise IndexError('a slip')"),
    "lmdb metas": ("lmdb", "backends/lmdb/metas.py", "read_metas", "raise IndexError('a slip')"),
    "lmdb page": ("lmdb", "backends/lmdb/pages.py", "page", "raise TypeError('a slip')"),
    "lmdb exit": ("lmdb", "backends/lmdb/pages.py", "__exit__", "raise KeyError('a slip')"),
    "lmdb stack": ("lmdb", "backends/lmdb/page_arrays.py", "field", "[][1]"),
    "hdf5 name": ("hdf5", "backends/hdf5/values/hindrances.py", "findings", "assert not 'a slip'"),
    "hdf5 kills": ("hdf5", "backends/hdf5/tree_walk.py", "_kills", "raise TypeError('a slip')"),
    "hdf5 dataset": ("hdf5", "backends/hdf5/tree_walk.py", "_dataset", "None.a_slip"),
    "hdf5 superblock": ("hdf5", "backends/hdf5/structure/superblock.py", "damaged", "raise IndexError('a slip')"),
    "opening a file": ("lmdb", "files/regular.py", "open_descriptor", "raise IndexError('a slip')"),
    "recognising": ("lmdb", "decoders/pictures/decoder.py", "knows", "raise AssertionError('a slip')"),
    "a value error": ("lmdb", "decoders/datum/decoder.py", "decode", "raise ValueError('a slip')"),
}


@pytest.mark.parametrize("where", SLIPS)
def test_a_slip_in_opening_or_recognising_is_not_the_datas(tmp_path, where):
    kind, file, function, statement = SLIPS[where]
    path = store(tmp_path, kind)
    report = tmp_path / "report.json"
    done = command(slipping(tmp_path, file, function, statement), "scan", path, "--report", report)
    if where == "opening a file":  # the command itself runs into it, before any worker does
        assert done.returncode == 2
        assert done.stderr.startswith("datacheck: internal error: ")
        return
    assert (done.returncode, done.stderr) == (3, ""), done.stdout
    document = msgspec.json.decode(report.read_bytes(), type=Document)
    assert document.bad == 0
    assert {it.code for it in document.findings if it.verdict == "unverifiable"} <= {
        "internal-error",
        "unknown-payload",
    }
    assert "internal-error" in {it.code for it in document.findings}


MACHINE = {
    "groups": ("backends/hdf5/tree_walk.py", "_member", errno.ENOMEM),
    "too large": ("backends/hdf5/values/hindrances.py", "_size_findings", errno.ESTALE),
    "kernels": ("files/regular.py", "_kernels", errno.EIO),
    "superblock": ("backends/hdf5/structure/superblock.py", "damaged", errno.EMFILE),
}


@pytest.mark.parametrize("where", MACHINE)
def test_an_error_of_the_machine_leaves_an_hdf5_file_undecided(tmp_path, where):
    file, function, number = MACHINE[where]
    path = store(tmp_path, "hdf5")
    report = tmp_path / "report.json"
    lib = slipping(tmp_path, file, function, f"raise OSError({number}, {os.strerror(number)!r})")
    done = command(lib, "scan", path, "--backend", "hdf5", "--report", report)
    if done.returncode == 2:  # the command itself ran into it
        assert os.strerror(number) in done.stderr
        return
    assert (done.returncode, done.stderr) == (3, ""), done.stdout
    document = msgspec.json.decode(report.read_bytes(), type=Document)
    assert (document.bad, document.complete) == (0, False)
    assert {it.verdict for it in document.findings} == {"unverifiable"}


def test_a_number_that_a_lost_range_begins_at_is_no_error_of_the_system():
    assert not of_machine(Beyond(errno.EIO, 100, 50))
    assert of_machine(OSError(errno.EIO, "Input/output error"))
    assert not of_machine(OSError("a library's words"))


def raised_by(function, *args):
    with pytest.raises((Exception,)) as caught:
        function(*args)
    return caught.value


def as_ours(source, **names):
    """Return the function `f` of a module that looks like one of datacheck's."""
    space = {"__name__": "datacheck.decoders.made_up", "np": np, "struct": struct, **names}
    exec(compile(source, "made_up.py", "exec"), space)
    return space["f"]


@pytest.mark.parametrize(
    "statement",
    [
        "raise AssertionError",
        "assert not 'so'",
        "[][1]",
        "{}[1]",
        "None.nothing",
        "1 + None",
        "f(1, 2)",
        "len(None)",
        "next(iter(()), *[1, 2])",
        "raise ValueError('no class of our own')",
        "a, b = ()",
        "1 // 0",
        "f()",
        "unheard_of",
        "import unheard_of",
        "raise NotImplementedError",
    ],
)
def test_what_a_line_of_ours_brings_about_is_a_slip(statement):
    error = raised_by(as_ours(f"def f():\n    {statement}"))
    assert is_slip(error)
    with pytest.raises(type(error)), blaming("unreadable"):
        raise error


def outside(error):
    raise error


@pytest.mark.parametrize(
    "statement",
    [
        "raise PageDamaged('page 7 has another number')",
        "raise Damaged('truncated', 'cut')",
        "struct.unpack('<I', b'')",
        "np.frombuffer(b'abc', np.float32)",
        "np.zeros(3).reshape(2)",
        "b'\\xff'.decode()",
        "raise OSError(5, 'Input/output error')",
        "raise MemoryError",
        *(
            f"outside({kind}('hostile'))"
            for kind in ("AssertionError", "IndexError", "TypeError", "KeyError", "Exception")
        ),
    ],
)
def test_what_a_library_or_a_parser_says_of_bytes_is_the_records(statement):
    function = as_ours(f"def f():\n    {statement}", PageDamaged=PageDamaged, Damaged=Damaged, outside=outside)
    assert not is_slip(raised_by(function))
    with pytest.raises(Blamed) as caught, blaming("unreadable"):
        function()
    assert caught.value.code == "unreadable"


@dataclass(frozen=True)
class Hostile:
    """A third party's decoder that raises at some bytes."""

    def knows(self, value):
        return self.decode(value)

    def decode(self, value):
        return {}[bytes(value)]


def test_whatever_a_third_partys_decoder_raises_on_hostile_bytes_is_the_records():
    with pytest.raises(Blamed) as caught, blaming("undecodable"):
        Hostile().knows(b"\xff")
    assert isinstance(caught.value.error, KeyError)


def test_a_real_decoder_blames_hostile_bytes_and_never_itself():
    from datacheck.decoders import DECODERS, decoder
    from datacheck.model.blocks import Block

    rng = np.random.default_rng(3)
    sound = [next(iter(RECORDS.values())), *pictures(), b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'shape': (2,)}"]
    for name, row in DECODERS.items():
        if row.rows:
            continue
        for value in sound:
            for _ in range(40):
                raw = bytearray(value)
                for at in rng.integers(0, min(len(raw), 120), 4):
                    raw[at] = rng.integers(256)
                with contextlib.suppress(Blamed), blaming("undecodable"):  # a bug of ours would not be caught
                    decoder(name).knows(bytes(raw))
                    list(decoder(name).decode(Block([b"k"], [bytes(raw)]), [0], None, pixels=True))


def test_the_decoder_of_npy_knows_a_header_that_no_type_has():
    raw = (
        b"\x93NUMPY\x01\x00v\x00{'descr': [('a', 'nothing')], 'fortran_order': False, 'shape': (2,), }".ljust(127)
        + b"\n"
    )
    assert NpyDecoder().knows(raw)
