"""Test LevelDB stores that lost tables or the files that name them: no deleted record comes back unmarked."""

import os
import random
from pathlib import Path

import pytest
from building import fingerprint, key
from covering import seeds
from leveldb_building import (
    BLOCKS,
    LOGGED,
    SOUND,
    Entry,
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

import datacheck
from datacheck.backends import open_store
from datacheck.backends.leveldb import block_search
from datacheck.backends.leveldb import reading as backend
from datacheck.errors import SourceUnknown


@pytest.fixture
def store(tmp_path):
    return write_two_tables(tmp_path / "db")


def lose_manifest(path: Path) -> Path:
    for name in ("CURRENT", "MANIFEST-000002"):
        (path / name).unlink()
    return path


def codes(findings):
    return sorted(((it.code, it.key) for it in findings), key=str)


# Recovery from the tables and logs, without a MANIFEST


def test_by_sequence_number_deletions_stay_deleted_and_older_versions_hidden(tmp_path):
    old = [[(internal(b"a", 1), b"old"), (internal(b"b", 2), b"old"), (internal(b"c", 3), b"kept")]]
    new = [[(internal(b"a", 5), b"new"), (internal(b"b", 6, 0), b"")]]
    path = write_store(tmp_path / "db", {9: (2, old), 5: (0, new)}, {8: [batch(7, [(b"d", b"log"), (b"a", None)])]})
    (finding,), found, left = scanned(lose_manifest(path))
    assert (finding.code, found, left) == ("damaged-store", [], {b"c": b"kept", b"d": b"log"})


def test_a_table_that_a_compaction_has_replaced_brings_nothing_back(tmp_path):
    inputs = [[(internal(b"%02d" % n, n + 1), b"v") for n in range(30)]]
    output = [[(internal(b"%02d" % n, n + 1), b"v") for n in range(30) if n not in (7, 8)]]
    path = write_store(tmp_path / "db", {5: (1, inputs), 9: (2, output)})
    _, found, left = scanned(lose_manifest(path))
    assert (found, left) == ([], {b"%02d" % n: b"v" for n in range(30) if n not in (7, 8)})


def test_where_a_compaction_cannot_have_looked_a_record_is_suspicious(tmp_path):
    inputs = [[(internal(b"%02d" % n, n + 1), b"v") for n in range(30)]]
    output = [[(internal(b"%02d" % n, n + 1), b"v") for n in range(5, 20)]]
    path = write_store(tmp_path / "db", {5: (1, inputs), 9: (2, output)})
    _, found, left = scanned(lose_manifest(path))
    assert left == {b"%02d" % n: b"v" for n in range(30)}
    assert codes(found) == [("orphan", f"{n:02d}") for n in [*range(5), *range(20, 30)]]
    assert {it.verdict for it in found} == {"suspicious"}


def test_the_first_part_of_an_unfinished_compaction_hides_nothing_behind_it(tmp_path):
    """The last key in a table's index may follow the table's last key (table/table_builder.cc: FindShortSuccessor)."""
    inputs = [[(internal(b"%02d" % n, n + 1), b"v") for n in range(30)]]
    output = [[(internal(b"%02d" % n, n + 1), b"v") for n in range(20)]]
    path = write_store(tmp_path / "db", {5: (1, inputs), 9: (2, output)})
    data = (path / "000009.ldb").read_bytes()
    body = sealed(block(output[0]))
    index = sealed(block([(internal(b"3", 1 << 50), varint(0) + varint(len(body) - 5))], 1))
    meta = sealed(block([]))
    handles = varint(len(body)) + varint(len(meta) - 5) + varint(len(body + meta)) + varint(len(index) - 5)
    (path / "000009.ldb").write_bytes(body + meta + index + handles.ljust(40, b"\0") + data[-8:])
    _, found, left = scanned(lose_manifest(path))
    assert left == {b"%02d" % n: b"v" for n in range(30)}
    assert codes(found) == [("orphan", f"{n:02d}") for n in range(20, 30)]


def test_what_a_replaced_table_still_has_of_a_damaged_block_is_suspicious(tmp_path):
    inputs = [run(0, 10), run(10, 20), run(20, 30)]
    path = write_store(tmp_path / "db", {5: (1, inputs), 9: (2, inputs)})
    flip(path / "000009.ldb", len(sealed(block(inputs[0]))) + 20)
    _, found, left = scanned(lose_manifest(path))
    assert left == pairs((0, 30))
    assert codes(it for it in found if it.key is not None) == [("orphan", f"{n:08d}") for n in range(10, 20)]


def test_tables_that_only_overlap_are_both_live(tmp_path):
    path = write_store(tmp_path / "db", {5: (2, [run(0, 30, 1)]), 9: (1, [run(5, 15, 2)])})
    _, found, left = scanned(lose_manifest(path))
    assert (found, left) == ([], pairs((0, 30)))


def test_a_manifest_that_lacks_its_last_edits_is_not_believed(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, {8: [batch(100, list(LOGGED.items()))]})
    (path / "MANIFEST-000002").write_bytes(write_log([edit(None, 3)]))
    (finding,), found, left = scanned(path)
    assert (finding.code, found, left) == ("truncated-store", [], pairs((0, 30)) | LOGGED)
    assert "does not name a table that is there" in finding.message


def test_a_table_that_no_manifest_names_beside_a_sound_one_is_not_read(store):
    (store / "000099.ldb").write_bytes(table([run(200, 210)]))
    assert scanned(store) == ([], [], SOUND)


@pytest.mark.parametrize("damage", ["cut", "index", "first block"])
def test_a_damaged_table_without_a_manifest(tmp_path, damage):
    path = lose_manifest(write_two_tables(tmp_path / "db"))
    file = path / "000005.ldb"
    data = bytearray(file.read_bytes())
    if damage == "cut":
        del data[-150:]
    elif damage == "index":
        data[-60] ^= 1
    else:
        data[20] ^= 1
        data[-60] ^= 1
    file.write_bytes(data)
    opened, found, left = scanned(path)
    assert left == (
        SOUND if damage != "first block" else {at: it for at, it in SOUND.items() if not b"0" <= at < key(10)}
    )
    assert any(it.details.get("file") == "000005.ldb" for it in opened)
    assert codes(found) == ([("checksum", None), ("stale", "00000010")] if damage == "first block" else [])


def test_tables_that_begin_like_tables_are_a_store(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, kind=1)
    os.truncate(path / "000005.ldb", (path / "000005.ldb").stat().st_size - 48)
    (path / "000003.log").unlink()
    opened, found, left = scanned(lose_manifest(path))
    assert open_store(path).backend == "leveldb"
    assert (len(opened), found, left) == (2, [], pairs((0, 30)))


def test_a_second_file_of_a_table_is_not_read(store):
    lose_manifest(store)
    (store / "000005.sst").write_bytes(table([run(200, 210)]))
    (store / "5.ldb").write_bytes(table([run(200, 210)]))
    assert scanned(store)[1:] == ([], SOUND)


# Walking a table


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("part", ["flip", "zero", "crc", "length"])
def test_a_damaged_block_of_a_table_without_an_index_costs_itself_alone(tmp_path, kind, number, part):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, kind=kind)
    file = path / "000005.ldb"
    data = bytearray(file.read_bytes())
    sizes = [len(sealed(block(it), kind)) for it in BLOCKS]
    start, size = sum(sizes[:number]), sizes[number]
    if part == "flip":
        data[start + 20] ^= 4
    elif part == "zero":
        data[start : start + size] = bytes(size)
    elif part == "crc":
        data[start + size - 1] ^= 1
    else:
        data[start : start + 3] = b"\xff\xff\xff"
    data[-60] ^= 1
    file.write_bytes(data)
    (broken,), (finding, *doubts), left = scanned(path)
    assert "broken index" in broken.message
    # it may be an older write, if the newest one was at the end of the lost block
    assert codes(doubts) == ([("stale", f"{10 * number + 10:08d}")] if number < 2 else [])
    assert "2 blocks were found" in broken.message
    assert finding.details["offset"] == start
    assert left == {at: it for at, it in pairs((0, 30)).items() if not 10 * number <= int(at) < 10 * number + 10}
    low, high = max(0, 10 * number - 1), min(29, 10 * number + 10)
    assert (finding.details["first_key"], finding.details["last_key"]) == (f"{low:08d}", f"{high:08d}")


def test_keys_that_look_like_the_name_of_a_filter_end_no_walk(tmp_path):
    rows = [[(internal(b"filter.%d" % n, n + 1), b"\x00\x05")] for n in range(9)]
    path = write_store(tmp_path / "db", {5: (1, rows)})
    flip(path / "000005.ldb", (path / "000005.ldb").stat().st_size - 60)
    _, found, left = scanned(path)
    assert (found, left) == ([], {b"filter.%d" % n: b"\x00\x05" for n in range(9)})


def test_an_index_that_only_the_footer_has_lost_is_found(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, raw={5: {1: sealed(b"nothing that makes sense")}})
    file = path / "000005.ldb"
    file.write_bytes(file.read_bytes()[:-48] + b"\xff" * 48)
    (broken,), (finding,), left = scanned(path)
    assert "footer" in broken.message
    assert (finding.details["first_key"], finding.details["last_key"]) == ("00000009", "00000019")
    assert left == pairs((0, 10), (20, 30))


@pytest.mark.parametrize("window", [64, 300, 1 << 20])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_large_and_odd_blocks_are_walked(tmp_path, monkeypatch, kind, window):
    monkeypatch.setattr(block_search, "WINDOW", window)
    chance = random.Random(window + kind)
    number, blocks = 0, []
    for _ in range(30):
        rows = []
        for _ in range(chance.choice([1, 2, 40])):
            number += 1
            size = chance.choice([0, 1, 100, 130, 5000])
            rows.append((internal(b"%06d" % number + bytes(chance.choice([0, 200])), number), chance.randbytes(size)))
        blocks.append(rows)
    path = write_store(tmp_path / "db", {5: (1, blocks)}, kind=kind)
    truth = scanned(path)[2]
    file = path / "000005.ldb"
    file.write_bytes(file.read_bytes()[:-60] + b"\xff" * 60)
    (broken,), found, left = scanned(path)
    assert ("30 blocks were found" in broken.message, found) == (True, [])
    assert left == truth


@pytest.mark.parametrize("kind", [0, 1])
def test_a_walk_that_leads_nowhere_ends(tmp_path, monkeypatch, kind):
    """Each offset looks like the start of a long block; without a bound the walk takes quadratic time."""
    monkeypatch.setattr(block_search, "STEPS", 20_000)
    record = b"\x00\x08\x00" + bytes(8) if kind == 0 else b"\xff\xff\x03\x28\x00\x08" + b"\x01\x01" * 4
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)})
    sound = (path / "000005.ldb").read_bytes()
    (path / "000005.ldb").write_bytes(sound[: len(sealed(block(BLOCKS[0])))] + record * 40_000)
    (broken, *_), found, left = scanned(lose_manifest(path))
    assert "broken index" in broken.message or "footer" in broken.message or "CURRENT" in broken.message
    assert left == pairs((0, 10))
    assert found


# Records whose newest write may be lost


def test_records_of_a_lower_level_than_a_missing_table_are_suspicious(tmp_path):
    path = write_store(tmp_path / "db", {5: (2, BLOCKS), 9: (1, [run(8, 12, 50)]), 11: (0, [run(10, 14, 60)])})
    (path / "000009.ldb").unlink()
    (missing,), found, left = scanned(path)
    assert (missing.details["first_key"], missing.details["last_key"]) == ("00000008", "00000011")
    assert left == pairs((0, 30))
    assert codes(found) == [("stale", f"{n:08d}") for n in (8, 9)]


def test_what_lies_above_a_missing_table_is_in_no_doubt(tmp_path):
    path = write_store(tmp_path / "db", {5: (2, BLOCKS), 9: (1, [run(0, 30, 50)])})
    (path / "000005.ldb").unlink()
    assert scanned(path)[1:] == ([], pairs((0, 30)))


# Random damage of all kinds


def random_store(path: Path, chance: random.Random) -> dict[bytes, list[bytes | None]]:
    """Write a store of overwritten and deleted records in three levels and two logs; return all values of each key."""
    history: dict[bytes, list[bytes | None]] = {}
    sequence = 0

    def writes(count: int) -> list[tuple[bytes, int, bytes | None]]:
        nonlocal sequence
        made = []
        for _ in range(count):
            sequence += 1
            at = b"%03d" % chance.randrange(60)
            value = None if chance.random() < 0.25 else b"%d:" % sequence + bytes(chance.choice([0, 3, 60]))
            history.setdefault(at, []).append(value)
            made.append((at, sequence, value))
        return made

    def blocks(made: list[tuple[bytes, int, bytes | None]]) -> list[list[Entry]]:
        rows = sorted(made, key=lambda it: (it[0], -it[1]))
        entries = [(internal(at, seq, int(value is not None)), value or b"") for at, seq, value in rows]
        return [entries[at : at + 7] for at in range(0, len(entries), 7)]

    tables = {6: (2, blocks(writes(60))), 9: (1, blocks(writes(30)))}
    tables |= {11: (0, blocks(writes(20))), 13: (0, blocks(writes(20)))}
    logs = {}
    for number in (14, 15):
        logs[number] = []
        for _ in range(5):
            first = sequence + 1
            logs[number].append(batch(first, [(at, value) for at, _, value in writes(3)]))
    write_store(path, tables, logs, kind=chance.randrange(3))
    return history


def damage(path: Path, chance: random.Random) -> None:
    file = chance.choice(sorted(path.iterdir()))
    data = bytearray(file.read_bytes())
    how = chance.random()
    if how < 0.1:
        file.unlink()
        return
    if how < 0.3:
        del data[chance.randrange(len(data)) :]
    elif how < 0.4:
        at, size = chance.randrange(len(data)), chance.randrange(1, 300)
        data[at : at + size] = bytes(len(data[at : at + size]))
    elif how < 0.5:
        at = chance.randrange(len(data))
        data[at:at] = chance.randbytes(chance.randrange(1, 20))
    else:
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def said_of(history, gone, opened, found, left):
    """Compare what a scan says about a damaged store with all that was ever written to it.

    Nothing shows that a log is gone or was cut at the end of a record, nor that a table is gone once the MANIFEST is.
    """
    suspicious = {it.key.encode() for it in found if it.key is not None}
    rebuilt = any("decided by what they hold" in it.message for it in opened)
    unknown = any("replaced or deleted may be read" in it.message for it in opened)
    silent = any(name.endswith(".log") or (name.endswith(".ldb") and rebuilt) for name in gone)
    truth = {at: values[-1] for at, values in history.items() if values[-1] is not None}
    for at, value in left.items():
        assert value in history[at]
        assert value == truth.get(at) or at in suspicious or unknown or silent
    assert opened or found or left == truth or silent


@pytest.mark.parametrize("seed", seeds(8))
def test_random_corruption_never_raises_and_nothing_wrong_passes_in_silence(tmp_path, seed):
    chance = random.Random(seed)
    path = tmp_path / "sound"
    history = random_store(path, chance)
    truth = {at: values[-1] for at, values in history.items() if values[-1] is not None}
    assert scanned(path) == ([], [], truth)
    sound = contents(path)
    for number in range(50):
        path = path.rename(tmp_path / f"db{number}")  # a new name, so that no cache knows the files
        for _ in range(chance.choice([1, 1, 2, 4])):
            if any(path.iterdir()):
                damage(path, chance)
        before = contents(path)
        try:
            open_store(path)
        except SourceUnknown:
            pass
        else:
            gone = [name for name in sound if name not in before]
            gone += [name for name in before if name.endswith(".log") and len(before[name]) < len(sound[name])]
            said_of(history, gone, *scanned(path))
        assert contents(path) == before
        for name, data in sound.items():
            if before.get(name) != data:
                (path / name).write_bytes(data)


def contents(path: Path) -> dict[str, bytes]:
    return {it.name: it.read_bytes() for it in path.iterdir()}


# Rebuilding a damaged store


DAMAGES = {
    "block": lambda path: flip(path / "000005.ldb", 30),
    "index": lambda path: flip(path / "000005.ldb", (path / "000005.ldb").stat().st_size - 60),
    "cut table": lambda path: os.truncate(path / "000005.ldb", 300),
    "missing table": lambda path: (path / "000005.ldb").unlink(),
    "missing CURRENT": lambda path: (path / "CURRENT").unlink(),
    "missing MANIFEST": lambda path: (path / "MANIFEST-000002").unlink(),
    "log": lambda path: flip(path / "000008.log", 40),
    "cut log": lambda path: os.truncate(path / "000008.log", 200),
    "missing log": lambda path: (path / "000008.log").unlink(),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_left_is_rebuilt_into_a_sound_store(store, tmp_path, name):
    DAMAGES[name](store)
    before = fingerprint(store)
    opened, found, left = scanned(store)
    report = datacheck.scan(store, workers=1)
    assert not report.clean
    assert [it.message for it in report.findings if it.key is None][: len(opened)] == [it.message for it in opened]
    receipt = datacheck.rebuild(store, tmp_path / "copy", drop_bad=True, to="lmdb", workers=1)
    assert receipt.written
    assert [it.message for it in receipt.lost] == [it.message for it in opened + found if it.verdict == "bad"]
    copy = open_store(tmp_path / "copy")
    got = {
        at: bytes(value)
        for shard in copy.layout().shards
        for it in copy.blocks(shard)
        for at, value in zip(it.keys, it.values, strict=True)
    }
    assert got == left
    assert fingerprint(store) == before


def test_the_report_is_the_same_whatever_the_number_of_workers(tmp_path, monkeypatch):
    chance = random.Random(1)
    random_store(tmp_path / "db", chance)
    for _ in range(3):
        damage(tmp_path / "db", chance)
    said = []
    for shard_bytes in (1 << 30, 900, 100):
        monkeypatch.setattr(backend, "SHARD_BYTES", shard_bytes)
        opened, found, left = scanned(tmp_path / "db")
        said.append((opened, sorted(found, key=lambda it: (it.message, it.key or "")), left))
    assert said[0] == said[1] == said[2]
    assert said[0][1]


# Folders that are not stores


STAND_INS = {
    "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "an HTML page": b"\n<!DOCTYPE html>\n<html><head><title>404</title></head></html>",
    "an empty file": b"",
}


@pytest.mark.parametrize("what", STAND_INS)
@pytest.mark.parametrize("names", ["*.ldb", "*"])
def test_files_that_only_stand_for_others_are_no_store(store, what, names):
    (store / "000008.log").write_bytes(b"")
    for file in store.glob(names):
        file.write_bytes(STAND_INS[what])
    with pytest.raises(SourceUnknown, match=f"LevelDB directory without its data: 00000[57].ldb is {what}"):
        open_store(store)


def test_files_that_are_still_in_the_cloud_are_no_store(store):
    for file in list(store.iterdir()):
        file.unlink()
        (store / f".{file.name}.icloud").write_bytes(b"bplist00")
    with pytest.raises(SourceUnknown, match=r"000005.ldb is still in the cloud \(.000005.ldb.icloud stands for it\)"):
        open_store(store)


@pytest.mark.parametrize("what", STAND_INS)
def test_one_file_that_stands_for_another_is_damage(store, what):
    (store / "000005.ldb").write_bytes(STAND_INS[what])
    (finding,), found, left = scanned(store)
    assert (finding.code, what in finding.message, found) == ("truncated-store", True, [])
    assert left == pairs((50, 80)) | LOGGED
    assert (finding.details["first_key"], finding.details["last_key"]) == ("00000000", "00000029")


def test_one_table_that_is_still_in_the_cloud_is_damage(store):
    (store / "000005.ldb").rename(store / ".000005.ldb.icloud")
    (finding,), _, left = scanned(store)
    assert (finding.code, "still in the cloud" in finding.message) == ("truncated-store", True)
    assert left == pairs((50, 80)) | LOGGED
