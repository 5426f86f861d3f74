"""Test LevelDB stores with one thing broken at a time: what is lost is named, and everything else is read."""

import os
import random
import shutil
import struct
from pathlib import Path

import pytest
from building import SHARED, fingerprint, key
from leveldb_building import (
    BLOCKS,
    LOGGED,
    MAGIC,
    SOUND,
    batch,
    block,
    edit,
    flip,
    internal,
    pairs,
    run,
    scanned,
    sealed,
    table,
    varint,
    write_log,
    write_store,
    write_two_tables,
)

from datacheck.backends import open_store
from datacheck.backends.leveldb import block as leveldb_block
from datacheck.backends.leveldb import merge
from datacheck.backends.leveldb import reading as backend
from datacheck.backends.leveldb.block import Damaged, parse_block
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.errors import SourceUnknown
from datacheck.model.blocks import Position, Shard
from datacheck.model.codes import CODES


@pytest.fixture
def store(tmp_path):
    return write_two_tables(tmp_path / "db")


def test_a_sound_store(store):
    before = fingerprint(store)
    assert scanned(store) == ([], [], SOUND)
    assert fingerprint(store) == before


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_every_compression(tmp_path, kind):
    long = [[(internal(b"%03d" % number), b"long" * number) for number in range(200)]]
    path = write_store(tmp_path / "db", {5: (0, long)}, kind=kind)
    assert scanned(path) == ([], [], {b"%03d" % number: b"long" * number for number in range(200)})


def test_the_newest_write_counts_wherever_it_is(tmp_path):
    old = [[(internal(b"a", 9), b"table"), (internal(b"a", 3), b"old"), (internal(b"b", 2), b"table")]]
    new = [[(internal(b"b", 11, 0), b""), (internal(b"c", 12), b"table")]]
    writes = [batch(20, [(b"c", None), (b"d", b"log"), (b"d", b"later")])]
    path = write_store(tmp_path / "db", {5: (1, old), 6: (0, new)}, {8: writes})
    assert scanned(path) == ([], [], {b"a": b"table", b"d": b"later"})


def test_versions_of_one_key_may_span_blocks(tmp_path):
    first = [(internal(b"a", 5), b"1"), (internal(b"k", 9), b"new")]
    second = [(internal(b"k", 8), b"old"), (internal(b"k", 7), b"older")]
    third = [(internal(b"k", 6), b"oldest"), (internal(b"z", 9), b"2")]
    path = write_store(tmp_path / "db", {5: (1, [first, second, third])})
    assert scanned(path) == ([], [], {b"a": b"1", b"k": b"new", b"z": b"2"})


@pytest.mark.parametrize("shard_bytes", [1 << 24, 300, 40])
@pytest.mark.parametrize(("number", "low", "high"), [(0, 0, 9), (1, 9, 19), (2, 19, 29)])
def test_a_flipped_bit_in_a_block_costs_that_block_alone(store, monkeypatch, shard_bytes, number, low, high):
    monkeypatch.setattr(backend, "SHARD_BYTES", shard_bytes)
    content = sealed(block(BLOCKS[number]))
    offset = (store / "000005.ldb").read_bytes().index(content)
    flip(store / "000005.ldb", offset + 30)
    opened, found, left = scanned(store)
    assert not opened
    (finding,) = found
    assert (finding.code, finding.key) == ("checksum", None)
    assert finding.details == {
        "file": "000005.ldb",
        "offset": offset,
        "size": len(content) - 5,
        "first_key": f"{low:08d}",
        "last_key": f"{high:08d}",
    }
    assert f"000005.ldb, at byte {offset:,} ({len(content) - 5:,} bytes)" in finding.message
    assert left == {at: value for at, value in SOUND.items() if not number * 10 <= int(at) < number * 10 + 10}


def test_pieces_of_a_shard_tell_of_damage_once_however_it_is_cut(store):
    flip(store / "000005.ldb", 20)
    flip(store / "000005.ldb", len(sealed(block(BLOCKS[0]))) + 20)
    reader = LevelDbReader(store)
    for at in range(31):
        cuts = [Position(key(at)), Position(key(at), 1), Position(key(at + 1))]
        shards = [Shard("", *ends) for ends in zip([None, *cuts], [*cuts, None], strict=True)]
        del shards[1]  # the range of the one record that a worker died of, which is named and not read
        assert sum(len(it.findings) for shard in shards for it in reader.blocks(shard)) == 2


def test_a_damaged_block_in_one_level_leaves_the_others(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS), 6: (0, [run(5, 15, 7)])}, {8: []})
    flip(path / "000006.ldb", 20)
    opened, (finding, *doubts), left = scanned(path)
    assert (finding.code, opened, left) == ("checksum", [], pairs((0, 30)))
    assert [(it.code, it.verdict, it.key) for it in doubts] == [
        ("stale", "suspicious", f"{number:08d}") for number in range(5, 15)
    ]


BROKEN = {
    "cannot be unpacked": (sealed(b"", 1, b"\x50\xff\xff\xff"), "damaged-store"),
    "cannot be right": (sealed(b"", 1, varint(1 << 33) + b"\xff" * 20), "too-large"),
    "does not know (type 9)": (sealed(b"", 9, b"abc"), "unsupported"),
    "does not know (type 2)": (sealed(b"", 2, b"\x78\x9c not zstd"), "unsupported"),
    "does not declare its size": (sealed(b"", 2, b"\x28\xb5\x2f\xfd\x00\x58\x01\x00\x00"), "damaged-store"),
    "too short for its restart points": (sealed(struct.pack("<II", 0, 1 << 30)), "damaged-store"),
    "do not fit in it": (sealed(b"\x00\x60\x60" + struct.pack("<II", 0, 1)), "damaged-store"),
    "runs on beyond 64 bits": (sealed(b"\xff" * 30 + struct.pack("<II", 0, 1)), "damaged-store"),
    "keys are out of order": (sealed(block([BLOCKS[1][5], BLOCKS[1][4]], 1)), "damaged-store"),
    "holds keys beyond those in the index": (sealed(block([(internal(key(40)), b"")])), "damaged-store"),
    "keys without a sequence number": (sealed(block([(b"short", b"")])), "damaged-store"),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_block_that_passes_its_checksum_and_makes_no_sense(tmp_path, words):
    raw, code = BROKEN[words]
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, raw={5: {1: raw}})
    opened, found, left = scanned(path)
    assert [it.code for it in found] == [code]
    assert words in found[0].message
    assert (opened, left) == ([], pairs((0, 10), (20, 30)))


def test_a_missing_table(store):
    (store / "000005.ldb").unlink()
    (finding,), found, left = scanned(store)
    assert (finding.code, found, left) == ("truncated-store", [], pairs((50, 80)) | LOGGED)
    assert finding.details == {"file": "000005.ldb", "first_key": "00000000", "last_key": "00000029"}


def test_a_table_that_was_cut_keeps_its_blocks(store):
    size = (store / "000007.ldb").stat().st_size
    os.truncate(store / "000007.ldb", size - 100)
    (finding,), found, left = scanned(store)
    assert (finding.code, found, left) == ("truncated-store", [], SOUND)
    assert f"has {size - 100:,} bytes, expected {size:,}; 3 blocks were found without the index" in finding.message


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_table_that_was_cut_anywhere(tmp_path, kind, kept):
    ends = [0]
    for it in BLOCKS:
        ends.append(ends[-1] + len(sealed(block(it), kind)))
    for cut in {ends[kept], ends[kept] + 1, ends[min(kept + 1, 3)] - 1}:
        path = write_store(tmp_path / f"db{cut}", {5: (1, BLOCKS), 7: (1, [run(50, 60)])}, kind=kind)
        os.truncate(path / "000005.ldb", cut)
        whole = sum(end <= cut for end in ends[1:])
        opened, found, left = scanned(path)
        assert left == pairs((0, 10 * whole), (50, 60))
        assert {it.code for it in opened} == {"truncated-store"}
        if whole and whole < 3:
            (finding,) = found
            assert (finding.code, finding.details["offset"]) == ("truncated-store", ends[whole])
            assert finding.details["first_key"] == f"{10 * whole - 1:08d}"
            assert finding.details["last_key"] == "00000029"
        else:
            assert not found


def test_a_table_that_is_a_git_lfs_pointer(store):
    (store / "000007.ldb").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (finding,), _, _ = scanned(store)
    assert (finding.code, "git lfs pull" in finding.message) == ("truncated-store", True)


@pytest.mark.parametrize(
    ("from_end", "data", "words"),
    [
        (8, b"\0", "footer"),
        (60, b"\xff", "broken index"),
        (48, b"\xff" * 40, "broken index"),
        (48, b"\0\0\0\0", "broken index"),
        (48, varint(0) + varint(0) + varint(1 << 63) + varint(1 << 63), "broken index"),
    ],
)
def test_a_table_with_a_broken_footer_or_index(store, from_end, data, words):
    with (store / "000005.ldb").open("r+b") as file:
        file.seek(-from_end, 2)
        file.write(data)
    (finding,), found, left = scanned(store)
    assert (finding.code, found, left) == ("damaged-store", [], SOUND)
    assert words in finding.message
    assert "3 blocks were found without the index" in finding.message


def test_a_table_may_be_named_sst(store):
    (store / "000005.ldb").rename(store / "000005.sst")
    assert scanned(store) == ([], [], SOUND)


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-000002"])
@pytest.mark.parametrize("text", [None, b"", b"MANIFEST-000099\n", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_store_without_its_current_or_manifest_is_read_by_what_its_tables_hold(store, name, text):
    (store / name).unlink()
    if text is not None:
        (store / name).write_bytes(text)
    reader = open_store(store)
    assert reader.backend == "leveldb"
    (finding, *more), found, left = scanned(store)
    assert finding.code in ("damaged-store", "checksum", "truncated-store")
    assert name in finding.message or "MANIFEST-000099" in finding.message
    assert (more, found, left) == ([], [], SOUND)
    assert reader.find("00000001") is not None


def test_without_a_current_the_last_manifest_is_taken(store):
    sizes = {5: (len(table(BLOCKS)), BLOCKS[0][0][0], BLOCKS[-1][-1][0], 1)}
    (store / "MANIFEST-000010").write_bytes(write_log([edit(sizes, 8)]))
    (store / "CURRENT").unlink()
    (finding,), found, left = scanned(store)
    assert (finding.code, found, left) == ("damaged-store", [], pairs((0, 30)) | LOGGED)
    assert "MANIFEST-000010 is there, and was taken" in finding.message


def test_a_damaged_edit_is_told_and_the_others_hold(store):
    sound = (store / "MANIFEST-000002").read_bytes()
    more = write_log([edit(None, None, None)])
    (store / "MANIFEST-000002").write_bytes(sound + more[:-1] + bytes([more[-1] ^ 1]))
    (finding,), _, left = scanned(store)
    assert (finding.code, finding.details["file"], left) == ("checksum", "MANIFEST-000002", SOUND)


def test_a_manifest_that_ends_within_an_edit(store):
    manifest = store / "MANIFEST-000002"
    os.truncate(manifest, manifest.stat().st_size - 10)
    (finding,), _, left = scanned(store)
    assert (finding.code, left) == ("truncated-store", SOUND)


@pytest.mark.parametrize("tail", [b"\x21", b"\7\1", b"\7\1\5\5" + varint(3) + b"abc" + varint(3) + b"abd", b"\1\x7fab"])
def test_an_edit_that_passes_its_checksum_and_makes_no_sense(store, tail):
    manifest = store / "MANIFEST-000002"
    manifest.write_bytes(write_log([edit(None, 8)]) + write_log([edit(None, None, None) + tail]))
    (finding,), _, left = scanned(store)
    assert (finding.code, left) == ("damaged-store", SOUND)


def test_tables_an_edit_deletes_are_not_read(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS), 6: (0, [run(40, 50)])})
    sizes = {6: (len(table([run(40, 50)])), run(40, 50)[0][0], run(40, 50)[-1][0], 0)}
    edits = [edit(None, 3), edit({5: (1, internal(b""), internal(b""), 1)} | sizes), edit(deleted=[(1, 5)])]
    (path / "MANIFEST-000002").write_bytes(write_log(edits))
    assert scanned(path) == ([], [], pairs((40, 50)))


def test_a_file_that_may_not_be_read_is_not_held_against_the_store(store, monkeypatch):
    real = os.open

    def denied(path, *rest, **more):
        if str(path).endswith("000005.ldb"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", denied)
    whole, found, left = scanned(store)
    assert {it.verdict for it in [*whole, *found]} == {"unverifiable"}
    assert left == pairs((50, 80)) | LOGGED


def test_a_read_that_fails_costs_that_block(store, monkeypatch):
    real, second = os.pread, len(sealed(block(BLOCKS[0])))
    table = (store / "000005.ldb").stat()

    def failing(file, size, offset):
        if offset <= second < offset + size and os.fstat(file).st_ino == table.st_ino:
            raise OSError(5, "Input/output error")
        return real(file, size, offset)

    monkeypatch.setattr(os, "pread", failing)
    _, found, left = scanned(store)
    assert [it.code for it in found] == ["unreadable"]
    assert left == pairs((0, 10), (20, 30), (50, 80)) | LOGGED


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_few_files_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(merge, "OPEN_FILES", 2)
    tables = {number: (0, [run(0, 8, number), run(8, 16, number)]) for number in range(5, 12)}
    path = write_store(tmp_path / "db", tables)
    before = open_files()
    reader, most = LevelDbReader(path), 0
    for it in reader.blocks(Shard(), limit=3):
        most = max(most, open_files() - before)
        assert list(it.values) == [b"v%d" % int(at) for at in it.keys]
    assert most <= 3
    assert open_files() == before


def test_random_damage_never_raises_and_never_passes_in_silence(tmp_path):
    chance = random.Random(5)
    sound = write_store(
        tmp_path / "db", {5: (1, BLOCKS), 7: (0, [run(5, 25, 9)])}, {8: [batch(50, [(b"l", b"1")])] * 3}, 1
    )
    files = sorted(it for it in sound.iterdir())
    whole = {file: file.read_bytes() for file in files}
    _, _, truth = scanned(sound)
    for _ in range(300):
        file = chance.choice(files)
        data = bytearray(whole[file])
        cut = chance.random() < 0.2
        if cut:
            del data[chance.randrange(len(data) + 1) :]
        for _ in range(0 if cut else chance.randint(1, 3)):
            at = chance.randrange(len(data))
            size = chance.choice([1, 1, 8])
            data[at : at + size] = chance.randbytes(min(size, len(data) - at))
            if chance.random() < 0.3:
                data[at:at] = chance.randbytes(5)
        file.write_bytes(data)
        findings, more, left = scanned(sound)
        assert findings or more or left == truth or cut
        file.write_bytes(whole[file])


def test_the_fast_and_the_plain_path_report_the_same(tmp_path, monkeypatch):
    """Reusing buffers, copying small values and merging many blocks at a time do not change the result."""
    chance = random.Random(7)
    for number in range(60):
        tables = {}
        for file in (5, 6, 7):
            rows = sorted({(b"%04d" % chance.randrange(300), -chance.randrange(1, 900)) for _ in range(90)})
            kinds = [internal(at, -seq, int(chance.random() < 0.8)) for at, seq in rows]
            entries = [(at, chance.randbytes(chance.choice([0, 5, 200, 3000]))) for at in kinds]
            tables[file] = (0, [entries[at : at + 10] for at in range(0, len(entries), 10)])
        path = write_store(tmp_path / f"db{number}", tables, kind=number % 3)
        for _ in range(chance.randrange(4)):
            damaged = path / f"00000{chance.choice([5, 6, 7])}.ldb"
            flip(damaged, chance.randrange(damaged.stat().st_size), 1 << chance.randrange(8))
        said = []
        for large, small, together in [(1 << 17, 1 << 10, 1 << 14), (64, 1, 1), (1 << 30, 1 << 30, 1 << 20)]:
            monkeypatch.setattr(leveldb_block, "LARGE", large)
            monkeypatch.setattr(leveldb_block, "SMALL", small)
            monkeypatch.setattr(merge, "RUN_BYTES", together)
            opened, found, left = scanned(path)
            said.append((opened, sorted(found, key=lambda it: (it.message, it.key)), left))
        assert said[0] == said[1] == said[2]


def fits(content):
    """Check whether the records of an uncompressed block fit in it."""
    try:
        keys, _ = parse_block(bytes(content), len(content))
    except Damaged:
        return False
    return all(len(it) >= 8 for it in keys)


def test_random_nonsense_with_valid_checksums_never_raises_and_is_named(tmp_path):
    chance = random.Random(6)
    broken = 0
    for number in range(150):
        contents = [bytearray(block(it)) for it in BLOCKS]
        for content in contents:
            for _ in range(chance.randint(1, 5)):
                content[chance.randrange(len(content))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        kinds = [chance.randrange(3) for _ in contents]
        raw = {n: sealed(bytes(content), kinds[n]) for n, content in enumerate(contents)}
        writes = bytearray(batch(5, [(b"a", b"1" * 9), (b"b", None), (b"c", b"")]))
        writes[chance.randrange(len(writes))] = chance.randrange(256)
        changes = bytearray(edit({9: (100, internal(b"a"), internal(b"b"), 1)}, None, None))
        changes[chance.randrange(len(changes))] = chance.randrange(256)
        path = write_store(tmp_path / f"db{number}", {5: (1, BLOCKS)}, {8: [bytes(writes)]}, raw={5: raw})
        with (path / "MANIFEST-000002").open("ab") as file:
            file.write(write_log([bytes(changes)]))
        opened, found, left = scanned(path)
        assert {it.code for it in [*opened, *found]} <= set(CODES)
        if not all(map(fits, contents)):
            broken += 1
            assert opened or found
        assert len(left) <= 33
    assert broken > 100


def test_git_lfs_pointers_are_not_a_leveldb():
    path = SHARED / "real" / "not-a-leveldb-lfs-pointers"
    if not path.is_dir():
        pytest.skip("the folder of real stores is not here")
    with pytest.raises(SourceUnknown, match="git lfs pull"):
        open_store(path)


@pytest.mark.parametrize("names", [["000005.ldb"], ["000008.log"], ["CURRENT", "MANIFEST-000002"], ["MANIFEST-000002"]])
def test_any_sound_piece_makes_a_leveldb(store, tmp_path, names):
    (tmp_path / "part").mkdir()
    for name in names:
        shutil.copy(store / name, tmp_path / "part")
    assert open_store(tmp_path / "part").backend == "leveldb"


def test_other_directories_are_not_claimed(tmp_path):
    for name in ("000001.log", "notes.log", "000002.ldb", "CURRENT", "MANIFEST-000001"):
        (tmp_path / name).write_bytes(b"nothing of the kind, but long enough to hold a footer and a header")
    with pytest.raises(SourceUnknown, match="holds no LMDB, LevelDB or HDF5"):
        open_store(tmp_path)
    assert LevelDbReader.recognise(tmp_path / "000001.log", None) is None


@pytest.mark.parametrize("sign", ["options", "magic"])
def test_a_rocksdb_is_named_for_what_it_is(store, sign):
    if sign == "options":
        (store / "OPTIONS-000005").write_bytes(b"[Version]\n")
    else:
        data = (store / "000005.ldb").read_bytes()
        (store / "000005.ldb").rename(store / "000005.sst")
        (store / "000005.sst").write_bytes(data[: -len(MAGIC)] + struct.pack("<Q", 0x88E241B785F4CFF7))
    with pytest.raises(SourceUnknown, match="RocksDB"):
        open_store(store)
