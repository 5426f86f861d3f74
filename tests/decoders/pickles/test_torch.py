"""Test tensors in plain pickles, by storage, offset, size and strides; the bytes are those that torch 2 writes."""

import pickle
import struct

import numpy as np
import pytest

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.leaves import leaves
from datacheck.decoders.trees.storages import Storage, tensor, widened
from datacheck.decoders.trees.tree import Widened

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")


def stream(kind, raw, count):
    """Return what the older format of `torch.save` writes for one storage."""
    parts = [
        b"\x80\x02M\xe9\x03.",
        pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2),
    ]
    parts.append(
        b"\x80\x02(X\x07\0\0\0storagectorch\n"
        + kind.encode()
        + b"\nX\x04\0\0\x001234X\x03\0\0\0cpuK"
        + bytes([count])
        + b"NtQ."
    )
    parts.append(pickle.dumps(["1234"], 2))
    return MAGIC + b"".join(parts) + struct.pack("<q", count) + raw


def numbers(items):
    return b"(" + b"".join(b"K" + bytes([it]) for it in items) + b"t"


def pickled(kind, raw, count, offset, size, stride):
    """Return the pickle of {"x": a tensor, "y": 1}."""
    stored = stream(kind, raw, count)
    return (
        b"\x80\x04}(\x8c\x01xctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\nB"
        + struct.pack("<I", len(stored))
        + stored
        + b"\x85RK"
        + bytes([offset])
        + numbers(size)
        + numbers(stride)
        + b"\x89ccollections\nOrderedDict\n)RtR\x8c\x01yK\x01u."
    )


def read(raw):
    parsed = PickleDecoder().parse(raw)
    assert not parsed.findings
    walked = leaves(parsed.tree)
    return {it.path: it for it in walked.leaves}, walked.findings, parsed.classes


FLOATS = np.arange(12, dtype="<f4")


@pytest.mark.parametrize(
    ("offset", "size", "stride", "expected"),
    [
        (0, (3, 4), (4, 1), FLOATS.reshape(3, 4)),
        (0, (4, 3), (1, 4), FLOATS.reshape(3, 4).T),
        (5, (2,), (3,), FLOATS[[5, 8]]),
        (2, (3, 2), (0, 1), np.stack([FLOATS[2:4]] * 3)),
        (3, (), (), FLOATS[3]),
        (0, (0, 4), (4, 1), np.empty((0, 4), "f4")),
    ],
)
def test_a_tensor_is_a_view_of_its_storage(offset, size, stride, expected):
    fields, findings, classes = read(pickled("FloatStorage", FLOATS.tobytes(), 12, offset, size, stride))
    assert not findings
    assert np.array_equal(fields["x"].values, expected)
    assert fields["x"].values.dtype == np.float32
    assert fields["y"].values == 1
    assert not classes


@pytest.mark.parametrize("kind", ["Double", "Half", "Long", "Int", "Short", "Char", "Byte", "Bool", "ComplexFloat"])
def test_every_kind_of_storage(kind):
    dtype = {"Double": "f8", "Half": "f2", "Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1"}.get(
        kind, {"Bool": "?", "ComplexFloat": "c8"}.get(kind)
    )
    values = np.array([1, 0, 1], dtype)
    fields, _, _ = read(pickled(f"{kind}Storage", values.tobytes(), 3, 0, (3,), (1,)))
    assert fields["x"].values.dtype == values.dtype
    assert np.array_equal(fields["x"].values, values)


def test_bfloat16_is_judged():
    raw = np.array([0x3F80, 0x7FC0, 0xFF80], "<u2").tobytes()
    fields, _, _ = read(pickled("BFloat16Storage", raw, 3, 0, (3,), (1,)))
    assert fields["x"].kind == "bfloat16"
    assert fields["x"].values.tolist()[0] == 1
    assert np.isnan(fields["x"].values[1])
    assert fields["x"].values[2] == -np.inf


def test_a_tensor_beyond_its_storage_is_named():
    fields, findings, _ = read(pickled("FloatStorage", FLOATS.tobytes(), 12, 1, (3, 4), (4, 1)))
    assert [(it.code, it.field) for it in findings] == [("size-mismatch", "x")]
    assert "y" in fields


def test_a_storage_that_is_cut_is_named():
    fields, findings, _ = read(pickled("FloatStorage", FLOATS.tobytes()[:-1], 12, 0, (3, 4), (4, 1)))
    assert [(it.code, it.field) for it in findings] == [("truncated", "x")]
    assert "y" in fields


def test_what_is_not_known_of_a_tensor_is_not_guessed():
    assert tensor(Storage("torch.storage", "quint8", b"1234"), 0, [4], [1]).code == "unknown-payload"
    assert tensor(Storage("torch.storage", "float32", None), 0, [4], [1]).code == "unknown-payload"
    assert tensor(Storage("torch.storage", "float32", bytes(16)), 0, [4], [1, 1]).code == "undecodable"
    assert tensor(Storage("torch.storage", "float32", bytes(16)), -1, [4], [1]).code == "undecodable"


def test_a_tensor_that_repeats_its_storage_endlessly_costs_no_more_than_the_storage():
    made = tensor(Storage("torch.storage", "float32", bytes(16)), 0, [1 << 40, 4], [0, 1])
    assert made.shape == (1, 4)
    overlapping = tensor(Storage("torch.storage", "float32", bytes(1 << 14)), 0, [1 << 11, 1 << 11], [1, 1])
    assert overlapping.size < 1 << 13


def test_a_storage_of_the_other_byte_order():
    made = tensor(
        Storage("torch.storage", "float32", np.arange(3, dtype=">f4").tobytes(), big_endian=True), 0, [3], [1]
    )
    assert made.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_numbers_of_8_bits(name):
    values = widened(np.arange(256, dtype="u1"), name).values
    assert values[0] == 0
    assert np.array_equal(-values[:128][np.isfinite(values[:128])], values[128:][np.isfinite(values[128:])])
    assert np.isfinite(values[:128][:-1]).sum() == (127 if name == "float8_e4m3fn" else 124)


def test_a_record_in_the_older_format_of_torch():
    stored = stream("FloatStorage", FLOATS.tobytes(), 12)
    tree = b"\x80\x02}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n("
    identity = stored[len(MAGIC) :].split(b".", 1)[1]
    start = identity.index(b"(X\x07")
    end = identity.index(b"tQ.") + 2
    whole = stored.replace(
        identity[start - 2 : end + 1], tree + identity[start:end] + b"K\0K\x0c\x85K\x01\x85\x89NtRs."
    )
    fields, findings, _ = read(whole)
    assert not findings
    assert fields["x"].values.tolist() == FLOATS.tolist()
    assert [it.code for it in PickleDecoder().parse(whole[:-3]).findings] or leaves(
        PickleDecoder().parse(whole[:-3]).tree
    ).findings


def test_widened_arrays_keep_their_name():
    made = tensor(Storage("torch.storage", "uint8", bytes(8)), 0, [4], [1], "bfloat16")
    assert isinstance(made, Widened)
    assert made.dtype == "bfloat16"
