"""Test checksums of a store: what changed since is found, and nothing else."""

from __future__ import annotations

import itertools
from collections import Counter

import h5py
import lmdb
import msgspec
import numpy as np
import pytest
from building import datum, fingerprint, key, pixels, raw_records, write_lmdb
from covering import seeds

import datacheck
from datacheck.compression import zstd
from datacheck.digests import file as checksum_file
from datacheck.digests import gathering
from datacheck.digests.file import ChecksumFile, Index, write
from datacheck.digests.hashing import digest
from datacheck.digests.of_blocks import Part
from datacheck.errors import SourceUnreadable, TargetExists, UsageError
from datacheck.model.finding import found
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally
from datacheck.scanning.earlier.recorded import AgainstChecksums, Made
from datacheck.scanning.settings.make_settings import make

RECORDS = raw_records(3000)


def changed(records):
    """Return the records with one pixel changed, one record removed and one added."""
    others = dict(records)
    value = bytearray(others[key(7)])
    value[40] ^= 1
    others[key(7)] = bytes(value)
    del others[key(100)]
    others[key(3000)] = datum(pixels(4000), 1)
    return others


def of(report):
    return [(it.code, it.name) for it in report.findings]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_flipped_bit_a_lost_record_and_a_new_one_are_told(tmp_path, workers):
    datacheck.checksum(write_lmdb(tmp_path / "a", RECORDS), tmp_path / "sums")
    store = write_lmdb(tmp_path / "b", changed(RECORDS))
    report = datacheck.scan(store, checksums=tmp_path / "sums", workers=workers)
    assert of(report) == [("changed", "00000007"), ("lost", "00000100")]
    assert (report.bad, report.status) == (2, 1)
    found = report.document().checksums
    assert (found.recorded, found.compared, found.changed, found.lost) == (3000, 2999, 1, 1)
    assert (found.new, found.first_new) == (1, ["00003000"])
    assert next(iter(report.findings)).index == 7


def test_a_store_that_did_not_change_is_clean_and_none_is_written_to(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)
    before = fingerprint(store)
    datacheck.checksum(store, tmp_path / "sums")
    report = datacheck.scan(store, checksums=tmp_path / "sums")
    assert report.clean
    assert report.checksums.compared == 3000
    assert fingerprint(store) == before


@pytest.mark.writes_leveldb
def test_the_same_records_in_another_kind_of_store_are_the_same(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)
    datacheck.checksum(store, tmp_path / "sums")
    datacheck.rebuild(store, tmp_path / "copy", to="leveldb")
    assert datacheck.scan(tmp_path / "copy", checksums=tmp_path / "sums").clean


def named_database(path, pairs, **options):
    with lmdb.open(str(path), map_size=1 << 26, max_dbs=2) as environment:
        database = environment.open_db(b"x", **options)
        with environment.begin(write=True, db=database) as transaction:
            for at, value in pairs:
                transaction.put(at, value)
    return path


def test_keys_in_another_order_than_that_of_their_bytes(tmp_path):
    pairs = [(number.to_bytes(4, "little"), datum(pixels(number), 1)) for number in range(2000)]
    store = named_database(tmp_path / "a", pairs, integerkey=True)
    datacheck.checksum(store, tmp_path / "sums")
    assert datacheck.scan(store, checksums=tmp_path / "sums").clean
    pairs[300] = (pairs[300][0], datum(pixels(9999), 1))
    report = datacheck.scan(named_database(tmp_path / "b", pairs[:1999], integerkey=True), checksums=tmp_path / "sums")
    assert sorted(it.code for it in report.findings) == ["changed", "lost"]


def test_several_values_of_a_key(tmp_path):
    pairs = [(key(number), datum(pixels(3 * number + at), 1)) for number in range(30) for at in range(3)]
    store = named_database(tmp_path / "a", pairs, dupsort=True)
    datacheck.checksum(store, tmp_path / "sums")
    assert datacheck.scan(store, checksums=tmp_path / "sums").clean
    del pairs[10]
    report = datacheck.scan(named_database(tmp_path / "b", pairs, dupsort=True), checksums=tmp_path / "sums")
    assert of(report) == [("lost", "x:00000003")]


def test_very_many_values_of_a_long_key(tmp_path, monkeypatch):
    """The keys take more bytes than a block of the file may hold, although they compress to nearly nothing."""
    monkeypatch.setattr(checksum_file, "SAME_KEY_BYTES", 1 << 20)
    monkeypatch.setattr(checksum_file, "SMALL_KEYS", 1 << 21)
    pairs = [(b"k" * 400, number.to_bytes(8, "big") * 5) for number in range(9000)]
    store = named_database(tmp_path / "a", pairs, dupsort=True)
    datacheck.checksum(store, tmp_path / "sums", workers=1)
    report = datacheck.scan(store, checksums=tmp_path / "sums", workers=1)
    assert (report.checksums.compared, report.checksums.changed, report.checksums.lost) == (9000, 0, 0)
    del pairs[4000]
    store = named_database(tmp_path / "b", pairs, dupsort=True)
    report = datacheck.scan(store, checksums=tmp_path / "sums", workers=1)
    assert (report.checksums.changed, report.checksums.lost) == (0, 1)


def rows(path, data, labels, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, **options)
        file["label"] = labels
    return path


def test_rows_are_what_they_hold_however_they_are_stored(tmp_path):
    data = np.random.default_rng(1).normal(size=(300, 3, 4, 4)).astype("f4")
    labels = np.arange(300) % 10
    datacheck.checksum(rows(tmp_path / "a.h5", data, labels), tmp_path / "sums")
    other = rows(tmp_path / "b.h5", data, labels, chunks=(7, 3, 4, 4), compression="gzip", shuffle=True)
    assert datacheck.scan(other, checksums=tmp_path / "sums").clean
    swapped = rows(tmp_path / "c.h5", data.astype(">f4"), labels)
    assert datacheck.scan(swapped, checksums=tmp_path / "sums").clean
    data[5, 0, 0, 0] = np.nextafter(data[5, 0, 0, 0], 9)
    report = datacheck.scan(rows(tmp_path / "d.h5", data[:299], labels[:299]), checksums=tmp_path / "sums")
    assert of(report) == [("changed", "/[5]"), ("lost", "/[299]")]


def test_bytes_and_texts_of_rows_count_too(tmp_path):
    def write(path, texts):
        with h5py.File(path, "w") as file:
            file["data"] = np.arange(90, dtype="f4").reshape(30, 3)
            file.create_dataset("text", data=texts, dtype=h5py.string_dtype())
        return path

    texts = [f"the text number {number}" for number in range(30)]
    datacheck.checksum(write(tmp_path / "a.h5", texts), tmp_path / "sums")
    assert datacheck.scan(write(tmp_path / "b.h5", texts), checksums=tmp_path / "sums").checksums.changed == 0
    texts[9] += "!"
    report = datacheck.scan(write(tmp_path / "c.h5", texts), checksums=tmp_path / "sums")
    assert [it.name for it in report.findings if it.code == "changed"] == ["/[9]"]


def test_files_in_a_folder_are_told_apart(tmp_path):
    for folder, last in (("a", 4.0), ("b", 5.0)):
        (tmp_path / folder).mkdir()
        for name in ("one.h5", "two.h5"):
            data = np.arange(40, dtype="f4").reshape(10, 4)
            data[9, 3] = last if name == "two.h5" else 0
            rows(tmp_path / folder / name, data, np.arange(10) % 2)
    datacheck.checksum(tmp_path / "a", tmp_path / "sums")
    report = datacheck.scan(tmp_path / "b", checksums=tmp_path / "sums")
    assert of(report) == [("changed", "two.h5:/[9]")]


def test_a_record_that_cannot_be_read_has_no_checksum(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)
    with (store / "data.mdb").open("r+b") as file:
        file.truncate(300_000)
    with pytest.raises(SourceUnreadable, match="no checksums were written"):
        datacheck.checksum(store, tmp_path / "sums")
    assert not (tmp_path / "sums").exists()


def test_a_store_that_is_written_to_meanwhile_has_no_checksums(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)

    def write_more(done, total, bad):
        with lmdb.open(str(store), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
            transaction.put(b"more%d" % done, b"x" * 5000)

    with pytest.raises(SourceUnreadable, match="changed while it was read; no checksums were written"):
        datacheck.checksum(store, tmp_path / "sums", workers=2, progress=write_more)
    assert not (tmp_path / "sums").exists()


def test_what_damage_took_away_is_lost(tmp_path):
    """Records that a truncated file no longer has are lost, and the remaining ones are unchanged."""
    datacheck.checksum(write_lmdb(tmp_path / "a", RECORDS), tmp_path / "sums")
    store = write_lmdb(tmp_path / "b", RECORDS)
    with (store / "data.mdb").open("r+b") as file:
        file.truncate(500_000)
    report = datacheck.scan(store, checksums=tmp_path / "sums")
    assert report.checksums.changed == 0
    assert report.checksums.compared + report.checksums.lost == 3000
    assert report.checksums.lost > 100


def test_a_sample_says_nothing_of_what_is_lost(tmp_path):
    datacheck.checksum(write_lmdb(tmp_path / "a", RECORDS), tmp_path / "sums")
    store = write_lmdb(tmp_path / "b", changed(RECORDS))
    report = datacheck.scan(store, checksums=tmp_path / "sums", sample=100)
    assert "lost" not in report.counts
    assert report.checksums.compared == 100 - report.checksums.new


def test_a_file_that_is_there_is_replaced_only_if_asked(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)
    (tmp_path / "sums").write_text("mine")
    with pytest.raises(TargetExists, match="--force"):
        datacheck.checksum(store, tmp_path / "sums")
    assert (tmp_path / "sums").read_text() == "mine"
    assert datacheck.checksum(store, tmp_path / "sums", force=True).records == 3000
    assert [it.name for it in tmp_path.iterdir() if "partial" in it.name] == []


def test_the_file_is_small_and_does_not_depend_on_the_number_of_workers(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)
    for workers in (1, 2):
        datacheck.checksum(store, tmp_path / f"{workers}", workers=workers)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert (tmp_path / "1").stat().st_size < 20 * 3000


@pytest.mark.parametrize("held", [7, 100, 100_000])
def test_digests_are_sorted_in_whatever_order_they_come(tmp_path, monkeypatch, held):
    monkeypatch.setattr(gathering, "HELD", held)
    pairs = [(number.to_bytes(4, "little"), datum(pixels(number), 1)) for number in range(1000)]
    datacheck.checksum(named_database(tmp_path / "a", pairs, integerkey=True), tmp_path / "sums")
    with ChecksumFile(tmp_path / "sums") as file:
        entries = list(file.entries())
    assert [it for _, it, _ in entries] == sorted(it for it, _ in pairs)


def test_every_byte_of_the_file_is_vouched_for(tmp_path):
    store = write_lmdb(tmp_path / "a", raw_records(40))
    datacheck.checksum(store, tmp_path / "sums")
    whole = (tmp_path / "sums").read_bytes()
    for at in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[at] ^= 1 << (at % 8)
        (tmp_path / "broken").write_bytes(broken)
        with pytest.raises(UsageError, match=r"broken: (is|ends)"), ChecksumFile(tmp_path / "broken") as file:
            list(file.entries())
    for size in range(0, len(whole), 11):
        (tmp_path / "broken").write_bytes(whole[:size])
        with pytest.raises(UsageError), ChecksumFile(tmp_path / "broken") as file:
            list(file.entries())


def test_a_damaged_block_ends_a_scan_with_a_sentence(tmp_path):
    store = write_lmdb(tmp_path / "a", RECORDS)
    datacheck.checksum(store, tmp_path / "sums")
    with (tmp_path / "sums").open("r+b") as file:
        file.seek(2000)
        file.write(b"\0" * 9)
    with pytest.raises(UsageError, match="sums: is damaged: the block at byte 16"):
        datacheck.scan(store, checksums=tmp_path / "sums")


def test_several_sources_and_a_rebuild_have_no_checksum_file(tmp_path):
    stores = [write_lmdb(tmp_path / name, RECORDS) for name in "ab"]
    datacheck.checksum(stores[0], tmp_path / "sums")
    with pytest.raises(UsageError, match="one source, and here are 2"):
        datacheck.scan(stores, checksums=tmp_path / "sums")
    with pytest.raises(UsageError, match="rebuild --from-report"):
        datacheck.rebuild(stores[0], tmp_path / "copy", checksums=tmp_path / "sums")


def test_a_copy_without_what_changed(tmp_path):
    datacheck.checksum(write_lmdb(tmp_path / "a", RECORDS), tmp_path / "sums")
    store = write_lmdb(tmp_path / "b", changed(RECORDS))
    datacheck.scan(store, checksums=tmp_path / "sums", reports=[tmp_path / "r.json"])
    receipt = datacheck.rebuild(store, tmp_path / "c", drop_bad=True, from_report=tmp_path / "r.json")
    assert receipt.dropped == 1
    assert datacheck.scan(tmp_path / "c", checksums=tmp_path / "sums").counts == {"lost": 2}


def test_bits_are_marked_one_by_one_and_many_at_once():
    from datacheck.scanning.earlier.recorded import set_bits, unset_bits

    generator = np.random.default_rng(3)
    for _ in range(200):
        count = int(generator.integers(1, 70))
        bits, marked = np.zeros((count + 7) // 8, np.uint8), set()
        for first, behind in itertools.pairwise(sorted(generator.integers(0, count + 1, 6).tolist())):
            if generator.random() < 0.5:
                set_bits(bits, first, behind)
                marked |= set(range(first, behind))
        low, high = sorted(generator.integers(0, count + 1, 2).tolist())
        assert unset_bits(bits, low, high) == [it for it in range(low, high) if it not in marked]


def forged(path, index, entries=()):
    """Write a checksum file with valid seals around any contents."""
    pieces = []
    write(iter(entries), pieces.append, index)
    path.write_bytes(b"".join(pieces))
    return path


def test_names_in_a_file_of_somebody_else_do_not_reach_the_terminal_as_they_are(tmp_path):
    part = Part("evil\x1b[2J", "base\x07", "", rows=False)
    table = Part("zzz", "", "\x1b]0;title\x07", rows=True)
    entries = [(part, b"\x1b[31mred", bytes(16)), (table, b"\xff" * 9, bytes(16))]
    sums = forged(tmp_path / "sums", Index(), entries)
    report = datacheck.scan(write_lmdb(tmp_path / "a", raw_records(30)), checksums=sums)
    assert report.counts == {"lost": 2}
    assert report.checksums.new == 30
    assert "\x1b" not in str(report)
    assert not any("\x1b" in str(it.name) for it in report.findings)


@pytest.mark.parametrize("seed", seeds(8))
def test_an_index_that_leads_nowhere_is_refused(tmp_path, seed):
    """The seals are valid; a number in the index is not, as an attacker would set it."""
    store = write_lmdb(tmp_path / "a", raw_records(40))
    datacheck.checksum(store, tmp_path / "sums")
    generator = np.random.default_rng(seed)
    with ChecksumFile(tmp_path / "sums") as file:
        place, body = file.index.blocks[0], (tmp_path / "sums").read_bytes()
        names = ("part", "records", "at", "packed", "keys", "lengths", "check")
        numbers = (0, -1, -7, 1, 39, 41, 1 << 20, 1 << 40, (1 << 63) - 1)
        name, number = generator.choice(names), int(generator.choice(numbers))
        if getattr(place, name) == number:
            return
        file.index.blocks[0] = msgspec.structs.replace(place, **{str(name): number})
        index = file.index
    end = place.at + place.packed + 16 * place.records
    plain = msgspec.msgpack.encode(index)
    packed = zstd(plain)
    tail = b"".join(it.to_bytes(8, "little") for it in (end, len(packed), len(plain)))
    seal = digest(tail + packed)
    (tmp_path / "forged").write_bytes(body[:end] + packed + tail + seal + b"datacheck sums 1")
    with pytest.raises(UsageError, match="forged: is"), ChecksumFile(tmp_path / "forged") as file:
        list(file.entries())


def test_a_small_file_does_not_unpack_to_gigabytes(tmp_path):
    packed = zstd(bytes(1 << 28))
    tail = b"".join(it.to_bytes(8, "little") for it in (16, len(packed), 1 << 28))
    body = b"datacheck sums 1" + packed + tail + digest(tail + packed) + b"datacheck sums 1"
    (tmp_path / "bomb").write_bytes(body)
    with pytest.raises(UsageError, match="its end does not fit"), ChecksumFile(tmp_path / "bomb"):
        pass


@pytest.mark.parametrize("complete", [True, False])
def test_a_record_that_nobody_could_read_is_not_lost(tmp_path, complete):
    """A record that killed its reader is there; other unseen records may exist if a part was given up."""
    datacheck.checksum(write_lmdb(tmp_path / "a", raw_records(60)), tmp_path / "sums")
    against = AgainstChecksums(tmp_path / "sums")
    died = Tally(records=1, checked=1, account=Counter(died=1))
    died.count([msgspec.structs.replace(found("crash", "it killed the worker"), key="00000003", index=0)])
    report = Report(Source("a", "lmdb"), make(workers=1))
    for tally in (Tally(records=3, made=Made(seen=[(0, 3)])), died, Tally(records=55, made=Made(seen=[(4, 59)]))):
        tally.complete = complete
        against.collect(tally)
        report.add(tally)
    (lost,) = against.conclude(report)
    assert (lost.key, lost.verdict) == ("00000059", "bad" if complete else "unverifiable")
