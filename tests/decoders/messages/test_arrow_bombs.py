"""Test compressed Arrow streams: what they declare to unpack to is bounded before pyarrow unpacks it."""

import struct

import pytest
from message_building import ARROW_END, arrow_message

from datacheck.decoders.messages.arrow import walk_messages
from datacheck.decoders.messages.arrow_sizes import unpacked_size


def compressed_batch(sizes):
    """Return the flatbuffer of a message with a batch of compressed buffers, and its body."""
    count = len(sizes)
    body = b"".join(struct.pack("<q", it) + bytes(8) for it in sizes)
    vector = struct.pack("<I", count) + b"".join(struct.pack("<qq", 16 * at, 16) for at in range(count))
    entries = struct.pack("<6H", 12, 12, 0, 0, 4, 8)  # of the batch: its buffers and compression
    root_entries = struct.pack("<6H", 12, 12, 0, 0, 4, 0)  # of the message: its header
    batch = 16 + 12 + 12  # offset of the batch, behind the message and the batch's entries
    message = struct.pack("<I", 16) + root_entries + struct.pack("<iII", 12, batch - 20, 0)
    return message + entries + struct.pack("<iII", 12, 8, 0) + vector, memoryview(body)


def test_what_the_buffers_declare_is_added_up():
    message, body = compressed_batch([1000, -1, 1 << 40])
    assert unpacked_size(message, 3, body) == 1000 + (1 << 40)
    assert unpacked_size(message, 1, body) == 0


def test_broken_messages_declare_nothing():
    message, body = compressed_batch([1000, 2000])
    for at in range(len(message)):
        assert unpacked_size(message[:at], 3, body) in (0, 1000, 3000)
        broken = bytearray(message)
        broken[at] ^= 0xFF
        unpacked_size(bytes(broken), 3, body)


def test_streams_without_compression_are_walked_as_before():
    stream = walk_messages(arrow_message(1, bytes(8)) + arrow_message(3, bytes(24)) + ARROW_END)
    assert (stream.unpacked, stream.finding) == (0, None)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_stream_that_unpacks_to_too_much_is_undecided(codec, monkeypatch):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: make test-payloads brings it")
    from datacheck.decoders import decoder
    from datacheck.decoders.messages import arrow

    monkeypatch.setattr(arrow, "LIMIT", 1 << 16)
    for rows, expected in ((1 << 10, []), (1 << 16, [("too-large", "unverifiable")])):
        table = pa.table({"x": pa.array([0.5] * rows), "s": pa.array(["a", "b"] * (rows // 2)).dictionary_encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as out:
            out.write_table(table)
        findings = decoder("arrow").read(sink.getvalue().to_pybytes(), None).findings
        assert [(it.code, it.verdict) for it in findings] == expected
