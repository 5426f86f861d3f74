"""Lists of keys in compressed pickles and JSON are compared, and true in a copy."""

import bz2
import gzip
import json
import lzma
import pickle
import zlib

import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.conventions.values.wrappings import unwrapped

WAYS = {
    "gzip pickle": (lambda it: gzip.compress(pickle.dumps(it)), lambda it: pickle.loads(gzip.decompress(it))),
    "zlib pickle": (lambda it: zlib.compress(pickle.dumps(it)), lambda it: pickle.loads(zlib.decompress(it))),
    "bz2 JSON": (
        lambda it: bz2.compress(json.dumps([key.decode() for key in it]).encode()),
        lambda it: [key.encode() for key in json.loads(bz2.decompress(it))],
    ),
    "xz pickle": (lambda it: lzma.compress(pickle.dumps(it, 2)), lambda it: pickle.loads(lzma.decompress(it))),
}
KEYS = [b"%05d" % at for at in range(40)]


def records(cut=None):
    made = {key: picture(at) for at, key in enumerate(KEYS)}
    return {key: value[: len(value) // (1 + (key == cut))] for key, value in made.items()}


@pytest.mark.parametrize("name", [b"__keys__", b"train"])
@pytest.mark.parametrize("way", WAYS)
def test_a_compressed_list_is_compared_and_true_in_a_copy(tmp_path, way, name):
    dumps, loads = WAYS[way]
    assert datacheck.scan(write(tmp_path / "sound", records() | {name: dumps(KEYS)})).clean
    source = write(tmp_path / "store", records(cut=KEYS[3]) | {name: dumps(KEYS)})
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True).unkept == []
    assert loads(read(tmp_path / "copy")[name]) == KEYS[:3] + KEYS[4:]


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_leads_nowhere_is_found_in_a_compressed_list(tmp_path, way):
    store = records() | {b"__keys__": WAYS[way][0]([*KEYS, b"00099"])}
    report = datacheck.scan(write(tmp_path / "store", store))
    assert [(it.code, it.verdict, it.details["first"]) for it in report.findings] == [("dangling", "bad", ["00099"])]


def test_a_compressed_list_that_is_cut_stops_a_rebuild(tmp_path):
    raw = gzip.compress(pickle.dumps(KEYS))[:-20]
    source = write(tmp_path / "store", records(cut=KEYS[3]) | {b"__keys__": raw})
    with pytest.raises(datacheck.DatacheckError, match="cannot be read"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)


def test_a_list_whose_header_asks_for_a_gigabyte_is_not_read():
    assert unwrapped(lzma.compress(b"[1]", preset=9), 100) == ("xz", b"[1]")
    forged = bytearray(lzma.compress(b"[1]", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]))
    assert forged[12:20] == bytes([2, 0, lzma.FILTER_LZMA2, 1, 0, 0, 0, 0])  # the block's header; byte 4 is the size
    forged[16] = 36  # of a dictionary of 1 GiB
    forged[20:24] = zlib.crc32(forged[12:20]).to_bytes(4, "little")
    assert lzma.decompress(forged) == b"[1]"
    assert unwrapped(bytes(forged), 100) is None
