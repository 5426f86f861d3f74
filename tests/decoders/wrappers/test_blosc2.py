"""Test payloads in Blosc2 chunks, as `blosc2.pack_array` and `blosc2.compress2` write them.

The chunks here are stored ones, whose content is not compressed. tests/payloads has those of the real package.
"""

import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders import decoder, kind
from datacheck.decoders.foreign import known_format
from datacheck.decoders.wrappers.blosc import peel_blosc2
from datacheck.model.blocks import Block

STORED = 7


def chunk(plain):
    sizes = (len(plain), max(len(plain), 1), 32 + len(plain))
    return bytes([5, 1, STORED, 2]) + b"".join(it.to_bytes(4, "little") for it in sizes) + bytes(16) + plain


def packed(number, value=0.5):
    values = np.random.default_rng(number).normal(size=(5, 3)).astype("f2")
    values[1, 2] = value
    return chunk(pickle.dumps(values))


@pytest.fixture
def installed(monkeypatch):
    def decompress(value):
        if value[-1:] == b"!":
            raise RuntimeError("Cannot decompress")
        return value[32:]

    monkeypatch.setitem(sys.modules, "blosc2", SimpleNamespace(decompress=decompress))


def codes(values):
    name = kind(values[0])
    items = [*decoder(name).decode(Block([b""] * len(values), values), range(len(values)), None)]
    return name, [(it[0], it[1].code) for it in items if isinstance(it, tuple)], items


@pytest.mark.usefixtures("installed")
def test_arrays_in_blosc2_are_read():
    name, findings, items = codes([packed(it) for it in range(4)])
    assert (name, findings) == ("blosc2+pickle", [])
    (batch,) = items
    assert (batch.field, batch.values.shape, batch.values.dtype) == ("data", (4, 5, 3), np.float16)


@pytest.mark.usefixtures("installed")
def test_a_broken_chunk_among_others_is_named():
    whole = packed(1)
    longer = whole[:4] + (len(whole)).to_bytes(4, "little") + whole[8:]
    _, findings, _ = codes(
        [whole, whole[:-9], whole[:20], whole[:-1] + b"!", longer, whole + b"\0", b"\x07" + whole[1:]]
    )
    assert findings == [
        (1, "truncated"), (2, "truncated"), (3, "undecodable"), (4, "undecodable"), (5, "trailing-data"),
        (6, "undecodable"),
    ]  # fmt: skip


@pytest.mark.usefixtures("installed")
def test_what_only_begins_like_a_chunk_is_none():
    whole = packed(1)
    assert known_format(whole) == "Blosc2"
    assert known_format(whole[:-1]) is None
    numbers = np.array([5, 1, 7, 2, 9], "u1").tobytes() + bytes(60)
    assert kind(numbers) is None


@pytest.mark.usefixtures("installed")
def test_chunks_in_records_are_read():
    name, findings, items = codes([pickle.dumps({"e": packed(it), "y": it}) for it in range(4)])
    assert (name, findings, [it.field for it in items]) == ("pickle", [], ["e", "y"])


def test_a_chunk_is_bounded_and_its_package_named(monkeypatch):
    assert peel_blosc2(packed(1), 100).finding.code == "too-large"
    monkeypatch.setitem(sys.modules, "blosc2", None)
    finding = peel_blosc2(packed(1), 1 << 20).finding
    assert (finding.code, finding.message) == (
        "unknown-payload",
        "compressed with blosc2, which the package blosc2 unpacks: install it",
    )


def test_a_cut_chunk_is_found_without_the_package(tmp_path):
    values = {key(it): packed(it) for it in range(20)}
    values[key(7)] = values[key(7)][:-9]
    found = {it.key: it.code for it in scan(write_lmdb(tmp_path / "env", values), workers=1).findings}
    assert found.pop("00000007") == "truncated"
    assert set(found.values()) == {"unknown-payload"}
