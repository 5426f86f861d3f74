"""Test datacheck's own limits: what lies beyond one is not checked, and neither bad nor clean."""

import pytest
from building import key
from leveldb_building import BLOCKS, batch, block, internal, pairs, scanned, sealed, write_store

import datacheck
from datacheck.backends.leveldb import block as leveldb_block
from datacheck.backends.leveldb.block import LIMIT, Damaged, _require_bounded

GIB = 1 << 30


@pytest.mark.parametrize("kind", [1, 2])
def test_a_block_larger_than_is_read_is_not_held_against_the_store(tmp_path, monkeypatch, kind):
    large = [(internal(key(n)), bytes(9_000)) for n in range(10, 20)]
    path = write_store(tmp_path / "db", {5: (1, [BLOCKS[0], large, BLOCKS[2]])}, kind=kind)
    assert scanned(path)[:2] == ([], [])
    monkeypatch.setattr(leveldb_block, "LIMIT", 50_000)
    datacheck.backends.leveldb.table_files._open_table.cache_clear()
    report = datacheck.scan(path, workers=1, backend="leveldb")
    _, (finding,), left = scanned(path)
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")
    assert "datacheck reads no block of more than 50,000; the records between the keys" in finding.message
    assert finding.message.endswith("are not checked")
    assert left == pairs((0, 10), (20, 30))
    assert report.bad == 0


def test_what_no_block_can_unpack_to_is_bad(tmp_path):
    for kind, stored, most in [("snappy", 1000, 32_064), ("zstd", 1000, (1 << 15) * 1000 + 64)]:
        ratio = leveldb_block.SNAPPY_RATIO if kind == "snappy" else leveldb_block.ZSTD_RATIO
        possible = ratio * stored + leveldb_block.SPARE
        assert possible == most
        _require_bounded(possible, possible)
        with pytest.raises(Damaged) as caught:
            _require_bounded(possible + 1, possible)
        assert (caught.value.code, caught.value.verdict) == ("too-large", "bad")


def test_what_a_gibibyte_of_block_could_be_is_not_checked():
    with pytest.raises(Damaged) as caught:
        _require_bounded(LIMIT + 1, 32 * GIB)
    assert (caught.value.code, caught.value.verdict) == ("too-large", "unverifiable")


def test_a_block_of_nearly_nothing_but_zeros_is_dense_and_sound(tmp_path):
    """The densest possible blocks: a value of 64 MiB of zeros in about 3 KiB of zstd, or 3 MiB of snappy."""
    for kind in (1, 2):
        rows = [(internal(key(0)), bytes(64 << 20))]
        path = write_store(tmp_path / f"db{kind}", {5: (1, [rows])}, kind=kind)
        findings, found, left = scanned(path)
        assert (findings, found, left == {key(0): bytes(64 << 20)}) == ([], [], True)


def test_keys_that_repeat_more_than_is_read_are_not_held_against_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(leveldb_block, "KEY_BUDGET", 10_000)
    long = [(internal(b"0" * 3000 + key(n)), b"v") for n in range(9)]
    path = write_store(tmp_path / "db", {5: (1, [long, [(internal(key(20)), b"v20")]])})
    _, (finding,), left = scanned(path)
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")
    assert left == {key(20): b"v20"}


def test_a_key_that_shares_more_than_there_is_stays_bad(tmp_path):
    body = sealed(block([(internal(key(10)), b"v")])[:-8] + b"\x7f\x01\x01ab" + bytes(4) + b"\1\0\0\0")
    path = write_store(tmp_path / "db", {5: (1, BLOCKS)}, raw={5: {1: body}})
    _, (finding,), _ = scanned(path)
    assert (finding.code, finding.verdict) == ("damaged-store", "bad")


COUNTS = {0: 2, 1: 2, 2: 2, 3: 2, 1 << 31: 2}


@pytest.mark.parametrize("count", COUNTS)
def test_of_a_batch_with_a_wrong_count_everything_is_read(tmp_path, count):
    sound = batch(2, [(b"c", b"2"), (b"d", b"3")])
    wrong = sound[:8] + count.to_bytes(4, "little") + sound[12:]
    logs = {3: [batch(1, [(b"a", b"1")]), wrong, batch(4, [(b"a", None)])]}
    path = write_store(tmp_path / "db", logs=logs)
    findings, _, left = scanned(path)
    assert left == {b"c": b"2", b"d": b"3"}
    assert [it.message for it in findings if "lost" in it.message] == []
    assert [it.code for it in findings] == ([] if count == 2 else ["damaged-store"])
    assert "lost" not in {name for it in findings for name in it.details}
