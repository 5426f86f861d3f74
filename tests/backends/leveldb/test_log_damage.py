"""Test LevelDB logs with one thing broken at a time: what is lost is named, and everything else is read."""

import os
import random

import pytest
from building import key
from leveldb_building import (
    BLOCKS,
    SOUND,
    batch,
    flip,
    pairs,
    scanned,
    varint,
    write_log,
    write_log_store,
    write_store,
    write_two_tables,
)

from datacheck.backends.leveldb import log as leveldb_log


@pytest.fixture
def store(tmp_path):
    return write_two_tables(tmp_path / "db")


def test_a_flipped_bit_in_the_log_costs_that_batch_alone(store):
    offset = (store / "000008.log").read_bytes().index(batch(104, [(key(94), b"w" * 50)])[:8]) - 7
    flip(store / "000008.log", offset + 40)
    (finding,), found, left = scanned(store)
    assert (finding.code, finding.details["file"], finding.details["offset"]) == ("checksum", "000008.log", offset)
    assert finding.details["lost"] == 2
    assert "2 writes are lost, and what they replaced or deleted may be read" in finding.message
    assert (found, left) == ([], {at: it for at, it in SOUND.items() if at not in (key(94), key(95))})


@pytest.mark.parametrize(("trials", "lost"), [(100_000, 1), (0, 31)])
@pytest.mark.parametrize("bit", [0x10, 0x80])
def test_behind_a_length_that_cannot_be_trusted_the_next_record_is_looked_for(tmp_path, monkeypatch, trials, lost, bit):
    monkeypatch.setattr(leveldb_log, "TRIALS", trials)
    path = write_log_store(tmp_path / "db", [(key(number), bytes(1000)) for number in range(100)])
    second = (path / "000003.log").read_bytes().index(batch(2, [(key(1), bytes(1000))])[:20]) - 7
    flip(path / "000003.log", second + 5, bit)
    (finding,), _, left = scanned(path)
    assert (finding.code, finding.details["offset"], finding.details["lost"]) == ("checksum", second, lost)
    assert list(left) == [key(number) for number in range(100) if not 1 <= number <= lost]


@pytest.mark.parametrize("lost", [1, 30, 3000])
def test_a_log_that_ends_in_the_middle_of_a_record(tmp_path, lost):
    path = write_log_store(tmp_path / "db", [(key(number), b"x" * 1000) for number in range(100)])
    log = path / "000003.log"
    os.truncate(log, log.stat().st_size - lost)
    (finding,), _, left = scanned(path)
    assert (finding.code, finding.details["file"]) == ("truncated-store", "000003.log")
    assert finding.details["offset"] + finding.details["size"] == log.stat().st_size
    assert len(left) == 99 - lost // 1030


def test_a_log_that_is_cut_between_the_fragments_of_a_record(tmp_path):
    path = write_log_store(tmp_path / "db", [(b"a", b"1"), (b"b", bytes(100_000))])
    os.truncate(path / "000003.log", 65536)
    (finding,), _, left = scanned(path)
    assert (finding.code, left) == ("truncated-store", {b"a": b"1"})


@pytest.mark.parametrize("padding", [3, 100, 32768, 200_000])
def test_zero_padding_at_the_end_of_a_log_is_sound(store, padding):
    with (store / "000008.log").open("ab") as file:
        file.write(bytes(padding))
    assert scanned(store) == ([], [], SOUND)


def test_a_log_of_zero_bytes_only_costs_no_more_than_its_own_records(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)})
    (path / "000003.log").write_bytes(bytes(65536))
    (finding,), _, left = scanned(path)
    assert (finding.code, left) == ("damaged-store", pairs((0, 30)))


def test_a_hole_of_zero_bytes_in_a_log_is_damage(tmp_path):
    path = write_log_store(tmp_path / "db", [(key(number), b"x" * 1000) for number in range(200)])
    with (path / "000003.log").open("r+b") as file:
        file.seek(65536)
        file.write(bytes(65536))
    findings, _, left = scanned(path)
    assert {it.code for it in findings} == {"damaged-store"}
    assert sum(it.details.get("lost", 0) for it in findings) == 200 - len(left) > 50


def test_a_record_without_its_beginning(tmp_path):
    path = write_log_store(tmp_path / "db", [(b"a", bytes(40_000)), (b"b", b"1")])
    log = path / "000003.log"
    log.write_bytes(log.read_bytes()[32768:])
    (finding,), _, left = scanned(path)
    assert (finding.code, left) == ("damaged-store", {b"b": b"1"})
    assert "no beginning" in finding.message


def test_a_record_without_its_end(tmp_path):
    path = write_log_store(tmp_path / "db", [(b"a", bytes(40_000))])
    log = path / "000003.log"
    log.write_bytes(log.read_bytes()[:32768] + write_log([batch(5, [(b"b", b"1")])]))
    (finding,), _, left = scanned(path)
    assert (finding.code, left) == ("damaged-store", {b"b": b"1"})
    assert "no end" in finding.message


BATCHES = {
    "too short for its header": b"\0" * 5,
    "its count says 2, and it holds 1; all that it holds was read": batch(2, [(b"c", b"2")])[:8]
    + b"\2"
    + batch(2, [(b"c", b"2")])[9:],
    "its count says 1, and it holds 2; all that it holds was read": batch(2, [(b"c", b"2")]) + b"\0\1x",
    "unknown type 7": batch(2, [(b"c", b"2")])[:8] + b"\2\0\0\0" + batch(2, [(b"c", b"2")])[12:] + b"\7\1x",
    "its last value is cut": batch(2, [(b"c", b"2"), (b"d", b"3456")])[:-2],
    "cannot be that long": batch(2, [(b"c", b"2")])[:8] + b"\2\0\0\0" + b"\1\1c\0012" + b"\1\1d" + varint(1 << 50),
}


@pytest.mark.parametrize("words", BATCHES)
def test_a_batch_that_passes_its_checksum_and_makes_no_sense(tmp_path, words):
    last = batch(9, [(b"z", b"1")])
    path = write_store(tmp_path / "db", logs={3: [batch(1, [(b"a", b"1")]), BATCHES[words], last]})
    (finding,), _, left = scanned(path)
    assert (finding.code, words in finding.message) == ("damaged-store", True)
    assert left == {b"a": b"1", b"z": b"1"} | ({} if "header" in words else {b"c": b"2"})


def test_a_missing_log_leaves_open_whether_anything_is_lost(store):
    (store / "000008.log").unlink()
    (finding,), _, left = scanned(store)
    assert (finding.code, finding.verdict) == ("truncated-store", "unverifiable")
    assert left == pairs((0, 30), (50, 80))


def test_logs_older_than_the_manifest_says_are_not_read(store):
    (store / "000003.log").write_bytes(write_log([batch(900, [(b"stale", b"1")])]))
    assert scanned(store) == ([], [], SOUND)


KEYS = [b"", b"\0", b"a", b"a\0", b"b" * 300, b"k" * 32_750]
SIZES = [None, None, 0, 1, 100, 32_700, 32_761, 32_768, 70_000]


@pytest.mark.parametrize("seed", range(0, 60, 6))
def test_any_batches_in_a_log_are_read_as_written(tmp_path, seed):
    for number in range(seed, seed + 6):
        chance = random.Random(number)
        truth, records, sequence = {}, [], 1
        for _ in range(chance.randint(0, 8)):
            writes = [(chance.choice(KEYS), chance.choice(SIZES)) for _ in range(chance.randint(0, 6))]
            made = [(at, None if size is None else bytes([sequence % 256]) * size) for at, size in writes]
            records.append(batch(sequence, made))
            sequence += len(made)
            truth |= dict(made)
        path = write_store(tmp_path / str(number), logs={3: records})
        assert scanned(path) == ([], [], {at: value for at, value in truth.items() if value is not None})
