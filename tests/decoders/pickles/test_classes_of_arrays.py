"""Test `numpy.memmap` in pickles: the class of an array is harmless, and a call of it opens a file."""

import pickle

import numpy as np
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.pickles.decoder import PickleDecoder

COUNT = 20


def codes(value):
    return [it.code for it in PickleDecoder().read(value, None).findings]


def test_part_of_a_memmap_is_an_array_like_any_other(tmp_path):
    array = np.memmap(tmp_path / "x.dat", "f4", "w+", shape=(COUNT, 6))
    array[:] = np.random.default_rng(0).normal(size=array.shape)
    array[7, 2] = np.nan
    values = {key(at): pickle.dumps({"x": array[at], "again": array[at, :2]}) for at in range(COUNT)}
    findings = scan(write_lmdb(tmp_path / "env", values), workers=1).findings
    assert [(it.key, it.field, it.code) for it in findings] == [("00000007", "x", "nan")]


def test_a_call_of_memmap_is_unsafe():
    assert codes(b"cnumpy\nmemmap\n(S'/etc/passwd'\ntR.") == ["unsafe-pickle"]
    assert codes(b"\x80\x02cnumpy\nmemmap\nU\x0b/etc/passwd\x85\x81.") == ["unsafe-pickle"]


def test_memmap_that_is_passed_on_is_unsafe():
    assert codes(b"cbuiltins\nmap\n(cnumpy\nmemmap\n(lS'/etc/passwd'\natR.") == ["unsafe-pickle"]
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmemmap\np0\n(I0\ntS'b'\ntR0"
    assert codes(made + b"cbuiltins\nmap\n(g0\n(lS'/etc/passwd'\natR.") == ["unsafe-pickle"]
