"""Break one named thing in a LevelDB, and test what a scan says and what a rebuild keeps, by the public functions."""

import struct

import lmdb
import pytest
from building import datum, fingerprint, key, pixels
from leveldb_building import MAGIC, batch, block, edit, flip, internal, sealed, varint, write_log, write_store

import datacheck

DELETED, REPLACED = 45, 50


def value(number, label=None):
    return datum(pixels(number, (1, 8, 8)), number % 10 if label is None else label)


def entries(first, last):
    return [(internal(key(number), number + 1), value(number)) for number in range(first, last)]


TABLES = {5: [entries(0, 10), entries(10, 20), entries(20, 30)], 7: [entries(40, 50), entries(50, 60), entries(60, 70)]}
BATCHES = [
    batch(100, [(key(80), value(80)), (key(81), value(81))]),
    batch(102, [(key(DELETED), None), (key(82), value(82))]),
    batch(104, [(key(REPLACED), value(REPLACED, 7)), (key(83), value(83))]),
    batch(106, [(key(84), value(84)), (key(85), value(85))]),
]
LOGGED = {number: value(number) for number in range(80, 86)}
RECORDS = {number: value(number) for number in (*range(30), *range(40, 70))} | LOGGED | {REPLACED: value(REPLACED, 7)}
del RECORDS[DELETED]


def write(path, kind=0, raw=None):
    """Write two tables of three blocks, and a log that deletes one record of a table and replaces another."""
    tables = {number: (1, blocks) for number, blocks in TABLES.items()}
    return write_store(path, tables, {8: BATCHES}, kind, raw)


def table_file(path):
    return path / "000005.ldb"


def log_file(path):
    return path / "000008.log"


def second_block(path):
    """Return an offset within the second block of the first table."""
    return len(sealed(block(TABLES[5][0]))) + 30


def overwrite(path, at, content):
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)


def flip_a_bit_in_a_block(path):
    flip(table_file(path), second_block(path))


def flip_a_bit_in_the_index(path):
    flip(table_file(path), table_file(path).stat().st_size - 48 - 20)


def flip_a_bit_in_the_metaindex(path):
    data = table_file(path).read_bytes()
    flip(table_file(path), data.rindex(sealed(block([]))))


def spoil_the_magic_of_a_table(path):
    flip(table_file(path), table_file(path).stat().st_size - 3)


def zero_the_footer(path):
    overwrite(table_file(path), table_file(path).stat().st_size - 48, bytes(48))


def lead_the_footer_behind_the_end(path):
    at = table_file(path).stat().st_size - 48
    handles = (varint(10_000) + varint(20) + varint(10_000) + varint(20)).ljust(40, b"\0")
    overwrite(table_file(path), at, handles)


def cut_a_table_within_its_second_block(path):
    table_file(path).write_bytes(table_file(path).read_bytes()[: second_block(path)])


def cut_the_footer(path):
    table_file(path).write_bytes(table_file(path).read_bytes()[:-48])


def lose_a_table(path):
    table_file(path).unlink()


def empty_a_table(path):
    table_file(path).write_bytes(b"")


def add_bytes_to_a_table(path):
    table_file(path).write_bytes(table_file(path).read_bytes() + b"more")


def leave_a_table_that_is_none(path):
    (path / "000099.ldb").write_bytes(b"not a table at all" * 10)


def flip_a_bit_in_the_second_batch(path):
    flip(log_file(path), len(write_log(BATCHES[:1])) + 20)


def cut_the_log_within_its_last_batch(path):
    log_file(path).write_bytes(log_file(path).read_bytes()[:-20])


def zero_the_second_batch(path):
    start, stop = (len(write_log(BATCHES[:count])) for count in (1, 2))
    overwrite(log_file(path), start, bytes(stop - start))


def give_a_batch_another_count(path):
    wrong = BATCHES[1][:8] + struct.pack("<I", 3) + BATCHES[1][12:]
    log_file(path).write_bytes(write_log([BATCHES[0], wrong, *BATCHES[2:]]))


def give_a_batch_an_unknown_kind(path):
    wrong = BATCHES[1][:12] + b"\x09" + BATCHES[1][13:]
    log_file(path).write_bytes(write_log([BATCHES[0], wrong, *BATCHES[2:]]))


def make_a_batch_too_short(path):
    log_file(path).write_bytes(write_log([BATCHES[0], BATCHES[1][:7], *BATCHES[2:]]))


def lose_the_log(path):
    log_file(path).unlink()


def lose_current(path):
    (path / "CURRENT").unlink()


def empty_current(path):
    (path / "CURRENT").write_bytes(b"")


def strip_the_newline_of_current(path):
    (path / "CURRENT").write_bytes((path / "CURRENT").read_bytes().strip())


def name_another_manifest(path):
    (path / "CURRENT").write_bytes(b"MANIFEST-000077\n")


def flip_a_bit_in_the_manifest(path):
    flip(path / "MANIFEST-000002", (path / "MANIFEST-000002").stat().st_size - 20)


def cut_the_manifest(path):
    (path / "MANIFEST-000002").write_bytes((path / "MANIFEST-000002").read_bytes()[:-20])


def empty_the_manifest(path):
    (path / "MANIFEST-000002").write_bytes(b"")


def lose_the_manifest(path):
    (path / "MANIFEST-000002").unlink()


def lose_manifest_and_current(path):
    lose_the_manifest(path)
    lose_current(path)


def put_an_unknown_tag_into_the_manifest(path):
    edits = [edit(None, 8), b"\x63\x01"]
    (path / "MANIFEST-000002").write_bytes(write_log(edits))


ALL = "; which tables are live is decided by what they hold"
LOST = "2 writes are lost, and what they replaced or deleted may be read"
FIRST, SECOND = range(30), range(10, 20)
# damage: the codes of the findings, the numbers of the lost records, whether the deleted one is back, words
DAMAGES = {
    flip_a_bit_in_a_block: (
        ["checksum"], SECOND, False,
        [
            "000005.ldb, at byte 900 (895 bytes) CRC32C is",
            "the records between the keys 00000009 and 00000019 are lost",
        ],
    ),
    flip_a_bit_in_the_index: (
        ["damaged-store"], (), False, ["000005.ldb, at byte 2,713 (84 bytes) has a broken index: CRC32C is",
        "3 blocks were found without the index"],
    ),
    spoil_the_magic_of_a_table: (
        ["damaged-store"], (), False,
        ["000005.ldb, at byte 2,802 (48 bytes) does not end in a table's footer; 3 blocks were found"],
    ),
    zero_the_footer: (["damaged-store"], (), False, ["does not end in a table's footer; 3 blocks were found"]),
    lead_the_footer_behind_the_end: (
        ["damaged-store"], (), False,
        ["000005.ldb, at byte 10,000 (20 bytes) has a broken index: lies beyond the end of the file; 3 blocks"],
    ),
    cut_a_table_within_its_second_block: (
        ["truncated-store"] * 2, range(10, 30), False,
        [
            "000005.ldb has 930 bytes, expected 2,850; 1 block was found without the index",
            "at byte 900 (30 bytes) is cut off here; the records between the keys 00000009 and 00000029 are lost",
        ],
    ),
    cut_the_footer: (
        ["truncated-store"], (), False,
        ["000005.ldb has 2,802 bytes, expected 2,850; 3 blocks were found without the index"],
    ),
    lose_a_table: (
        ["truncated-store"], FIRST, False,
        ["000005.ldb is missing; the records between the keys 00000000 and 00000029 are lost"],
    ),
    empty_a_table: (
        ["truncated-store"], FIRST, False,
        ["000005.ldb is an empty file; the records between the keys 00000000 and 00000029 are lost"],
    ),
    flip_a_bit_in_the_second_batch: (
        ["checksum"], [82], True,
        [f"000008.log, at byte 193 (116 bytes): the CRC32C does not match; {LOST}"],
    ),
    cut_the_log_within_its_last_batch: (
        ["truncated-store"], [84, 85], False,
        ["000008.log, at byte 502 (173 bytes): it ends in the middle of a record; what was written there is lost"],
    ),
    zero_the_second_batch: (["checksum"], [82], True, ["at byte 193 (116 bytes): the CRC32C does not match"]),
    give_a_batch_another_count: (
        ["damaged-store"], (), False,
        ["000008.log, at byte 193: a batch passes its CRC32C, but its count says 3, and it holds 2; all that"],
    ),
    give_a_batch_an_unknown_kind: (
        ["damaged-store"], [82], True,
        ["000008.log, at byte 193: a batch passes its CRC32C, but a write has the unknown type 9"],
    ),
    make_a_batch_too_short: (
        ["damaged-store"], [82], True,
        [f"000008.log, at byte 193: a batch passes its CRC32C, but it is too short for its header; {LOST}"],
    ),
    lose_current: (["damaged-store"], (), False, ["CURRENT is missing; MANIFEST-000002 is there, and was taken"]),
    empty_current: (
        ["damaged-store"], (), False,
        ["CURRENT does not name a MANIFEST; MANIFEST-000002 is there, and was taken"],
    ),
    strip_the_newline_of_current: (
        ["damaged-store"], (), False,
        ["CURRENT does not end with a newline, and LevelDB refuses to open the store; "
         "MANIFEST-000002 is there, and was taken"],
    ),
    name_another_manifest: (
        ["damaged-store"], (), False, [f"MANIFEST-000077, which CURRENT names, is missing{ALL}"],
    ),
    flip_a_bit_in_the_manifest: (
        ["checksum"], (), False, [f"MANIFEST-000002, at byte 45 (91 bytes): the CRC32C does not match{ALL}"],
    ),
    cut_the_manifest: (
        ["truncated-store"], (), False,
        [f"MANIFEST-000002, at byte 45 (71 bytes): it ends in the middle of a record{ALL}"],
    ),
    empty_the_manifest: (
        ["damaged-store"], (), False, [f"MANIFEST-000002 holds no edit that can be read{ALL}"],
    ),
    lose_the_manifest: (
        ["damaged-store"], (), False, [f"MANIFEST-000002, which CURRENT names, is missing{ALL}"],
    ),
    lose_manifest_and_current: (["damaged-store"], (), False, [f"CURRENT is missing{ALL}"]),
    put_an_unknown_tag_into_the_manifest: (
        ["damaged-store"], (), False, [f"MANIFEST-000002, at byte 45: an edit has the unknown tag 99{ALL}"],
    ),
}  # fmt: skip


def in_copy(target):
    with lmdb.open(str(target), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return dict(transaction.cursor())


def judge(path, codes, lost, back, words):
    """Scan and rebuild a store, and compare both with what is expected."""
    before = fingerprint(path)
    report = datacheck.scan(path, workers=1)
    assert [(it.code, it.key) for it in report.findings] == [(code, None) for code in codes]
    said = "\n".join(it.message for it in report.findings)
    assert [it for it in words if it not in said] == []
    assert (report.status, report.complete) == (bool(codes), True)
    left = {key(number): value for number, value in RECORDS.items() if number not in lost}
    if back:
        left[key(DELETED)] = value(DELETED)
    assert report.checked == len(left)
    target = path.parent / "copy"
    receipt = datacheck.rebuild(path, target, drop_bad=True, to="lmdb", workers=1)
    assert in_copy(target) == left
    assert (receipt.written, receipt.records, receipt.kept, receipt.dropped) == (True, len(left), len(left), 0)
    assert [finding.code for finding in receipt.lost] == codes
    assert fingerprint(path) == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda it: it.__name__)
def test_a_store_of_which_one_thing_is_broken(tmp_path, damage):
    path = write(tmp_path / "db")
    damage(path)
    judge(path, *DAMAGES[damage])


@pytest.mark.parametrize(
    "harmless",
    [add_bytes_to_a_table, leave_a_table_that_is_none, flip_a_bit_in_the_metaindex, lambda path: None],
    ids=["bytes behind a table", "a file that is no table", "a metaindex that names nothing", "nothing"],
)
def test_what_leveldb_never_reads_is_no_damage(tmp_path, harmless):
    path = write(tmp_path / "db")
    harmless(path)
    judge(path, [], (), False, [])


def test_a_log_that_is_missing_is_not_known_to_have_held_anything(tmp_path):
    path = write(tmp_path / "db")
    lose_the_log(path)
    report = datacheck.scan(path, workers=1)
    (finding,) = report.findings
    assert (finding.code, finding.verdict, report.status, report.checked) == ("truncated-store", "unverifiable", 3, 60)
    assert finding.message == ("the log 000008.log is missing; what was last written to it is lost, if anything was")


PACKED = {
    "a block of an unknown type": (sealed(b"", 9, b"words"), "unsupported", "does not know (type 9)"),
    "a Snappy block that is no Snappy": (sealed(b"", 1, b"\x20" + b"\xff" * 40), "damaged-store", "cannot be unpacked"),
    "a Snappy block that declares too much": (
        sealed(b"", 1, varint(1 << 30) + b"\0" * 40),
        "too-large",
        "declares that it unpacks to 1,073,741,824 bytes",
    ),
    "a zstd block that is cut": (
        sealed(b"", 2, bytes.fromhex("28b52ffd2005290000")),
        "damaged-store",
        "cannot be unpacked",
    ),
    "a block without restart points": (sealed(b"\1"), "damaged-store", "is too short for its restart points"),
    "a block whose records do not fit": (
        sealed(b"\0\x09\x09k" + struct.pack("<2I", 0, 1)),
        "damaged-store",
        "its records do not fit in it",
    ),
    "a block of keys without sequence numbers": (
        sealed(block([(b"short", b"v")])),
        "damaged-store",
        "has keys without a sequence number",
    ),
    "a block whose keys are out of order": (
        sealed(block([*entries(15, 18), *entries(11, 13)])),
        "damaged-store",
        "its keys are out of order",
    ),
    "a block of keys of another place": (
        sealed(block(entries(12, 27))),
        "damaged-store",
        "holds keys beyond those in the index",
    ),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_block_that_passes_its_checksum_and_makes_no_sense(tmp_path, name):
    body, code, words = PACKED[name]
    path = write(tmp_path / "db", raw={5: {1: body}})
    report = datacheck.scan(path, workers=1)
    (finding,) = report.findings
    assert (finding.code, finding.key) == (code, None)
    assert words in finding.message
    cost = "not checked" if code == "unsupported" else "lost"
    assert finding.message.endswith(f"the records between the keys 00000009 and 00000019 are {cost}")
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, to="lmdb", workers=1)
    assert in_copy(tmp_path / "copy") == {key(it): value for it, value in RECORDS.items() if it not in SECOND}


@pytest.mark.parametrize("kind", [1, 2])
def test_a_packed_block_of_which_a_bit_is_flipped_costs_itself(tmp_path, kind):
    path = write(tmp_path / "db", kind)
    judge_packed(path, [], ())
    flip(table_file(path), len(sealed(block(TABLES[5][0]), kind)) + 30)
    judge_packed(path, ["checksum"], SECOND)


def judge_packed(path, codes, lost):
    report = datacheck.scan(path, workers=1)
    assert [it.code for it in report.findings] == codes
    target = path.parent / f"copy {len(codes)}"
    datacheck.rebuild(path, target, drop_bad=True, to="lmdb", workers=1)
    assert in_copy(target) == {key(number): value for number, value in RECORDS.items() if number not in lost}


def with_filter(path):
    """Rewrite the first table with a filter of its keys, as LevelDB does if it has a filter policy."""
    body, index = b"", []
    for entries_ in TABLES[5]:
        raw = sealed(block(entries_))
        index.append((entries_[-1][0], varint(len(body)) + varint(len(raw) - 5)))
        body += raw
    bits = sealed(b"\x15\x29\x06" * 9 + struct.pack("<IIB", 0, 27, 11))
    named = sealed(block([(b"filter.leveldb.BuiltinBloomFilter2", varint(len(body)) + varint(len(bits) - 5))]))
    at = len(body) + len(bits)
    indexed = sealed(block(index, 1))
    handles = varint(at) + varint(len(named) - 5) + varint(at + len(named)) + varint(len(indexed) - 5)
    data = body + bits + named + indexed + handles.ljust(40, b"\0") + MAGIC
    table_file(path).write_bytes(data)
    tables = {5: (len(data), TABLES[5][0][0][0], TABLES[5][-1][-1][0], 1)}
    other = path / "000007.ldb"
    tables[7] = (other.stat().st_size, TABLES[7][0][0][0], TABLES[7][-1][-1][0], 1)
    (path / "MANIFEST-000002").write_bytes(write_log([edit(None, 8), edit(tables, None, None)]))
    return len(body)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("footer", [False, True])
def test_a_filter_is_neither_records_nor_needed(tmp_path, flipped, footer):
    path = write(tmp_path / "db")
    filter_at = with_filter(path)
    if flipped:
        flip(table_file(path), filter_at + 5)
    if not footer:
        zero_the_footer(path)
    report = datacheck.scan(path, workers=1)
    assert report.checked == len(RECORDS)
    assert "damaged-store" in report.counts or footer
    assert "checksum" not in report.counts
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, to="lmdb", workers=1)
    assert in_copy(tmp_path / "copy") == {key(number): value for number, value in RECORDS.items()}
