"""Test Arrow streams, whose messages are walked with or without pyarrow."""

import random
import struct

import pytest
from message_building import ARROW_END, arrow_message, arrow_stream

from datacheck.decoders import decoder

SCHEMA, DICTIONARY, BATCH, TENSOR = (arrow_message(kind, bytes(8 * kind)) for kind in (1, 2, 3, 4))
STREAM = SCHEMA + BATCH + BATCH + ARROW_END


def codes(value):
    return [it.code for it in decoder("arrow").read(value, None).findings]


@pytest.mark.usefixtures("no_pyarrow")
def test_without_pyarrow_a_stream_is_named_with_the_package_that_reads_it():
    for value in (STREAM, STREAM[:-8], TENSOR, memoryview(STREAM)):
        assert decoder("arrow").knows(value)
        (finding,) = decoder("arrow").read(value, None).findings
        assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")
        assert "pyarrow" in finding.message


@pytest.mark.usefixtures("no_pyarrow")
def test_without_pyarrow_a_stream_that_is_cut_is_bad_all_the_same():
    borders = {len(SCHEMA + BATCH), len(SCHEMA + BATCH + BATCH)}
    for at in set(range(5, len(STREAM))) - borders:
        assert codes(STREAM[:at]) == (["empty"] if at == len(SCHEMA) else ["truncated"]), at
    for at in range(5, len(TENSOR)):
        assert codes(TENSOR[:at]) == ["truncated"]


@pytest.mark.usefixtures("no_pyarrow")
def test_bytes_behind_the_end_and_streams_of_nothing():
    assert codes(STREAM + b"abc") == ["trailing-data", "unknown-payload"]
    assert codes(SCHEMA + ARROW_END) == ["empty"]
    assert codes(SCHEMA + DICTIONARY + ARROW_END) == ["empty"]
    assert codes(ARROW_END) == ["undecodable"]


def test_what_pyarrow_serialize_wrote_is_recognised_and_explained():
    for counts in ((1, 0, 3), (1, 0, 3, 4), (0, 0, 0, 0, 0, 2)):
        value = struct.pack(f"<{len(counts)}i", *counts) + STREAM
        assert decoder("arrow").knows(value)
        (finding,) = decoder("arrow").read(value, None).findings
        assert finding.code == "unknown-payload"
        assert "pyarrow.serialize" in finding.message
    assert not decoder("arrow").knows(struct.pack("<4i", -1, 0, 0, 0) + STREAM)
    assert not decoder("arrow").knows(bytes(16) + b"\xff" * 60)


@pytest.mark.usefixtures("no_pyarrow")
def test_flipped_and_random_bytes_raise_nothing():
    chance = random.Random(14)
    for _ in range(2000):
        changed = bytearray(STREAM)
        for _ in range(chance.randrange(1, 5)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        decoder("arrow").knows(bytes(changed))
        codes(bytes(changed))
        value = b"\xff\xff\xff\xff" + chance.randbytes(chance.randrange(60))
        decoder("arrow").knows(value)
        codes(value)
    assert not decoder("arrow").knows(b"\xff" * 60)


def test_columns_are_fields():
    pytest.importorskip("pyarrow", reason="pyarrow, which reads Arrow streams, is not installed")
    value = arrow_stream(x=[1.5, float("nan"), None], i=[1, None, 3], rows=[[1, 2], [3], None], s=["a", "b", None])
    reading = decoder("arrow").read(value, None)
    assert list(reading.findings) == []
    assert {it.name: it.values.size for it in reading.fields} == {"x": 2, "i": 2, "rows": 3, "s": 0}
