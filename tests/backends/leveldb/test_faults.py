"""Test rare faults of LevelDB stores: unreadable files, blocks that do not unpack, tables that share writes."""

import struct

import pytest
from leveldb_building import BLOCKS, block, internal, pairs, run, scanned, sealed, varint, write_store

import datacheck
from datacheck.backends.leveldb import block as leveldb_block
from datacheck.backends.leveldb import version
from datacheck.backends.leveldb.block import Damaged, handle, parse_block
from datacheck.backends.leveldb.reader import LevelDbReader


def refuse(*args):
    raise PermissionError(13, "Permission denied")


def test_a_manifest_that_may_not_be_read_is_one_finding_of_the_store(tmp_path, monkeypatch):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)})
    monkeypatch.setattr(version, "_read_manifest", refuse)
    layout = LevelDbReader(path).layout()
    assert [(it.code, it.verdict, it.message) for it in layout.findings] == [
        ("unsupported", "unverifiable", "MANIFEST-000002 may not be read: permission denied")
    ]
    assert (layout.shards, layout.probes, layout.records) == ((), (), None)
    assert layout.size == sum(file.stat().st_size for file in path.iterdir())


def in_a_table(tmp_path, body):
    """Return the finding in a table of three blocks whose second is `body`; the other two must be read."""
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, raw={5: {1: body}})
    layout, found, left = scanned(path)
    assert left == pairs((0, 10), (20, 30))
    assert layout == []
    (finding,) = found
    return finding


def test_a_snappy_block_that_declares_gigabytes_is_too_large(tmp_path):
    finding = in_a_table(tmp_path, sealed(b"", 1, varint(0xFFFFFFFF) + b"\0" * 40))
    assert finding.code == "too-large"
    assert "declares that it unpacks to 4,294,967,295 bytes, which cannot be right" in finding.message


def test_a_snappy_block_that_there_is_no_memory_for_is_not_held_against_the_store(tmp_path, monkeypatch):
    def reused(size):
        raise MemoryError(f"cannot allocate {size:,} bytes")

    monkeypatch.setattr(leveldb_block, "reused", reused)
    with pytest.raises(MemoryError, match="cannot allocate 200,000 bytes"):  # the worker turns this into too-large
        in_a_table(tmp_path, sealed(b"", 1, varint(200_000) + b"\0" * 9_000))


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        (sealed(b"", 1, varint(50) + b"\xff" * 9), "damaged-store", "passes its CRC32C but cannot be unpacked"),
        (sealed(b"", 1, b"\x80"), "too-large", "unpacks to 128 bytes"),
        (sealed(b"", 1, b"\xff" * 12), "damaged-store", "a number runs on beyond 64 bits"),
        (sealed(b"", 2, leveldb_block.ZSTD_MAGIC + b"\0\0"), "damaged-store", "does not declare its size"),
        (sealed(b"", 2, b"no frame"), "unsupported", "in a way that datacheck does not know (type 2)"),
        (sealed(b"", 7, b"words"), "unsupported", "in a way that datacheck does not know (type 7)"),
        (sealed(b"", 2, leveldb_block.ZSTD_MAGIC + b"\xc0" + b"\0" + b"\xff" * 8), "too-large", "declares that"),
        (sealed(b"\0\0"), "damaged-store", "is too short for its restart points"),
        (sealed(struct.pack("<I", 9)), "damaged-store", "is too short for its restart points"),
        (sealed(b"\0\1\x05k" + struct.pack("<2I", 0, 1)), "damaged-store", "its records do not fit in it"),
        (sealed(b"\5\1\0k" + struct.pack("<2I", 0, 1)), "damaged-store", "its records do not fit in it"),
    ],
)
def test_a_block_that_passes_its_checksum_and_makes_no_sense_costs_itself(tmp_path, body, code, why):
    finding = in_a_table(tmp_path, body)
    assert finding.code == code
    assert why in finding.message


@pytest.mark.parametrize("kept", range(3))
def test_a_record_that_ends_within_its_numbers_is_damage(kept):
    """The numbers before a record's key are cut; in a whole block the restart points would follow them."""
    with pytest.raises(Damaged, match="passes its CRC32C, but ends within a record"):
        leveldb_block._entry((varint(300) * 3)[: 2 * kept + 1], 0)


@pytest.mark.parametrize("numbers", [(200, 1, 1), (1, 200, 1), (1, 1, 200)])
def test_the_numbers_of_a_record_may_take_several_bytes(numbers):
    shared, fresh, length = numbers
    first = b"k" * 200
    content = varint(0) + varint(200) + varint(1) + first + b"1"
    content += varint(shared) + varint(fresh) + varint(length) + b"m" * fresh + b"v" * length
    data = content + struct.pack("<2I", 0, 1)
    keys, values = parse_block(data, len(data))
    assert keys == [first, first[:shared] + b"m" * fresh]
    assert [bytes(value) for value in values] == [b"1", b"v" * length]


@pytest.mark.parametrize("value", [b"", b"\x80", b"\1", b"\1\x80", b"\xff" * 11, b"\1\2\3"])
def test_what_is_no_handle_of_a_block_is_none(value):
    assert handle(value) is None
    assert handle(varint(300) + varint(70_000)) == (300, 70_000)


def test_tables_that_share_a_write_only_in_their_second_block_are_told_to_be_alike(tmp_path):
    """The older table was compacted into the newer one: a record that the newer one lacks was deleted."""
    old = [[(internal(b"%02d" % n, n + 1), b"old") for n in span] for span in (range(10), range(10, 20))]
    new = [[(internal(b"%02d" % n, n + 51), b"new") for n in range(10)]]
    new += [[(internal(b"%02d" % n, n + 1), b"old") for n in range(10, 20) if n != 15]]
    path = write_store(tmp_path / "db", {5: (1, old), 9: (2, new)})
    for name in ("CURRENT", "MANIFEST-000002"):
        (path / name).unlink()
    _, found, left = scanned(path)
    assert found == []
    assert left == {b"%02d" % n: b"new" if n < 10 else b"old" for n in range(20) if n != 15}


def test_the_sentence_of_a_store_in_another_order_names_it(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, [run(0, 10)])}, comparator=b"mine")
    report = datacheck.scan(path)
    assert [(it.code, it.verdict, it.message, it.details["comparator"]) for it in report.findings] == [
        (
            "unsupported",
            "unverifiable",
            "the store's keys are in the order of 'mine'; only leveldb.BytewiseComparator can be followed",
            "mine",
        )
    ]
    assert report.status == 3


def test_a_block_made_by_hand_is_read_as_it_was_made():
    data = block(run(0, 40), 4)
    keys, values = parse_block(data, len(data))
    assert list(zip(keys, map(bytes, values), strict=True)) == run(0, 40)
