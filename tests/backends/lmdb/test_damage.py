"""Test damaged LMDB environments: each fault is named, and all untouched records are checked and recovered."""

import os
import random
import struct

import lmdb
import numpy as np
import pytest
from building import SHARED, datum, fingerprint, key, pixels, raw_records, write_lmdb
from lmdb_building import BRANCH, LEAF, OVERFLOW, PAGE, STORES, File, churned, corrupt, named, places

import datacheck
from datacheck.backends import open_store
from datacheck.backends.interface import StoreOptions
from datacheck.backends.lmdb.format import PageDamaged
from datacheck.backends.lmdb.page_accounting import verify
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.backends.lmdb.skeleton import skeleton
from datacheck.model.blocks import Shard
from datacheck.model.escaping import escape

PLAIN = ["small", "large", "churned", "version 3", "named", "integer keys", "reverse keys"]
"""Kinds of environments for which `places` can tell the pages of each record."""


def records(path, **options):
    """Return every record of an environment that is not damaged, and every finding of its reader."""
    reader = open_store(path)
    layout = reader.layout()
    findings, held = list(layout.findings), []
    account = {}
    for shard in layout.shards:
        for block in reader.blocks(shard, **options):
            findings += [block.place(row, finding, row) for row, finding in block.findings]
            lost = {row for row, finding in block.findings if finding.verdict == "bad"}
            held += [
                (shard.part, at, bytes(value))
                for row, (at, value) in enumerate(zip(block.keys, block.values, strict=True))
                if row not in lost
            ]
            for name, value in block.account.items():
                account[name] = account.get(name, 0) + value
    return held, findings + reader.conclude(account)


def rebuilt(path, target, **options):
    """Return the records of a rebuilt copy."""
    datacheck.rebuild(path, target, drop_bad=True, workers=1, **options)
    copied = []
    with lmdb.open(str(target), readonly=True, lock=False, max_dbs=8) as environment:
        for part in skeleton(target / "data.mdb").trees:
            handle = environment.open_db(part.encode() or None, create=False)
            with environment.begin(db=handle) as transaction:
                copied += [(part, *pair) for pair in transaction.cursor() if part or pair[0].rstrip(b"\0") not in NAMES]
    return copied


NAMES = {b"train", b"test", b"db", b"dups"}


@pytest.mark.parametrize("kind", STORES)
def test_a_sound_environment_gives_no_finding(tmp_path, kind):
    path = STORES[kind](tmp_path / "env")
    assert verify(path / "data.mdb") == []
    held, findings = records(path)
    assert findings == []
    assert records(path, limit=1) == (held, [])
    assert records(path, limit=7) == (held, [])


@pytest.mark.parametrize("kind", STORES)
def test_read_page_by_page_it_is_what_the_library_reads(tmp_path, kind, monkeypatch):
    path = STORES[kind](tmp_path / "env")
    held, _ = records(path)
    monkeypatch.setattr(LmdbReader, "_refusal", lambda self: "not this time")
    alone, findings = records(path)
    assert alone == held
    assert [finding.message for finding in findings] == ["lmdb cannot open it: not this time"]


def zero_leaf(file, chance):
    page = chance.choice(file.pages(LEAF))
    file.put(page, bytes(PAGE))
    return {page}


def zero_every_branch(file, chance):
    touched = set(file.pages(BRANCH))
    for page in touched:
        file.put(page, bytes(PAGE))
    return touched


def overwrite_leaf(file, chance):
    page = chance.choice(file.pages(LEAF))
    file.put(page, chance.randbytes(PAGE))
    return {page}


def misplace_leaf(file, chance):
    page, other = chance.sample(file.pages(LEAF), 2)
    file.put(page, file.get(other))
    return {page}


def cut_in_the_middle(file, chance):
    size = len(file.raw) * 6 // 10
    last = len(file)
    del file.raw[size:]
    return set(range(size // PAGE, last))


def cut_off_the_last_page(file, chance):
    del file.raw[-PAGE:]
    return {len(file)}


def wrong_page_number(file, chance):
    page = chance.choice(file.pages(OVERFLOW) or file.pages(LEAF))
    struct.pack_into("=Q", file.raw, page * PAGE, 77777)
    return {page}


def cross_link(file, chance):
    """Let the first branch page lead twice to one leaf; it holds no record, and the leaf that it lost still exists."""
    page = next(it for it in file.pages(BRANCH) if skeleton(file.path).used[it] == 1)
    base = 24 if file.header == 24 else 0
    one, two = struct.unpack_from("=HH", file.raw, page * PAGE + file.header + 2)
    at, other = (page * PAGE + offset + base for offset in (one, two))
    file.raw[at : at + 6] = file.raw[other : other + 6]
    return {page}


DAMAGES = [
    zero_leaf,
    zero_every_branch,
    overwrite_leaf,
    misplace_leaf,
    cut_in_the_middle,
    cut_off_the_last_page,
    wrong_page_number,
    cross_link,
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", PLAIN)
def test_all_that_the_damage_did_not_touch_is_recovered_and_nothing_else(tmp_path, kind, damage):
    path = STORES[kind](tmp_path / "env")
    where = places(path)
    file = File(path)
    leaves, branches = file.pages(LEAF), file.pages(BRANCH)
    if (damage is misplace_leaf and len(leaves) < 2) or (damage is cross_link and not branches):
        pytest.skip("too few pages for this damage")
    free = set(range(2, len(file))) - set().union(*where.values()) - set(branches)
    touched = damage(file, random.Random(3))
    file.save()
    before = fingerprint(path)
    held, findings = records(path)
    if any(part.startswith("page-") for part, _, _ in held):  # the names of the databases are lost
        left = {record for record, pages in where.items() if not pages & touched}
        assert {record[1:] for record in left} <= {record[1:] for record in held} <= {record[1:] for record in where}
        return
    doubtful = {(finding.database or "", finding.key) for finding in findings if finding.code == "orphan"}
    intact = {record for record, pages in where.items() if not pages & touched}
    lost = {record[:2] for record in intact - set(held)}
    assert not {(part, escape(at)) for part, at in lost} - doubtful
    assert len({record[:2] for record in held}) == len(held)
    assert not {(part, escape(at)) for part, at, _ in set(held) - set(where)} - doubtful
    assert findings or touched <= free
    if damage in (zero_leaf, overwrite_leaf, misplace_leaf) and not touched <= free:
        (page,) = touched
        assert page in [finding.details.get("page") for finding in findings]
    assert fingerprint(path) == before


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("index", [0, 1])
def test_with_one_meta_page_gone_the_other_commit_is_read(tmp_path, kind, index):
    path = STORES[kind](tmp_path / "env")
    where = places(path)
    file = File(path)
    file.put(index, bytes(PAGE))
    file.save()
    held, findings = records(path)
    assert findings[0].message == f"meta page {index} is damaged: it is zeroed"
    (commit,) = [finding.details["commit"] for finding in findings if finding.details.get("kind") == "commit"]
    assert commit % 2 == 1 - index
    doubtful = {finding.key for finding in findings if finding.code == "orphan"}
    newest = [record for record in held if record not in where]
    assert len(newest) == len(held) - len(set(held) & set(where))
    if not doubtful and kind != "churned":
        assert set(held) <= set(where) or commit % 2 == 1 - index


def test_a_dataset_written_in_one_commit_survives_the_loss_of_its_only_meta_page(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(300))
    truth = set(places(path))
    file = File(path)
    file.put(1, bytes(PAGE))
    file.save()
    held, findings = records(path)
    assert set(held) == truth
    assert sum(finding.code == "orphan" and finding.verdict == "suspicious" for finding in findings) == 300


def test_of_two_commits_the_older_one_counts_and_what_only_the_newer_has_is_in_doubt(tmp_path):
    first = raw_records(100)
    path = write_lmdb(tmp_path / "env", first)
    write_lmdb(path, {key(5): datum(pixels(777), 1), key(200): datum(pixels(200), 2)})
    file = File(path)
    file.put(0, bytes(PAGE))
    file.save()
    held, findings = records(path)
    assert held == [*(("", at, value) for at, value in first.items()), ("", key(200), datum(pixels(200), 2))]
    assert [finding.key for finding in findings if finding.code == "orphan"] == [key(200).decode()]


def test_without_any_meta_page_all_leaves_are_read_in_doubt(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(300))
    truth = set(places(path))
    file = File(path)
    file.put(0, bytes(PAGE))
    file.put(1, bytes(PAGE))
    file.save()
    held, findings = records(path)
    assert set(held) == truth
    assert sum(finding.code == "orphan" for finding in findings) == 300


def test_a_deleted_record_on_a_free_page_is_not_brought_back(tmp_path):
    path = churned(tmp_path / "env")
    where = places(path)
    file = File(path)
    zero_every_branch(file, random.Random(1))
    file.save()
    held, findings = records(path)
    assert set(held) == set(where)
    assert not [finding for finding in findings if finding.code == "orphan"]
    assert ("", key(7), raw_records(8, (1, 16, 16))[key(7)]) not in held


def test_where_the_free_list_is_gone_too_what_no_branch_reaches_is_in_doubt(tmp_path):
    path = churned(tmp_path / "env")
    with_root = File(path)
    where = places(path)
    zero_every_branch(with_root, random.Random(1))
    struct.pack_into("=Q", with_root.raw, 1 * PAGE + 16 + 24 + 40, 2)
    struct.pack_into("=Q", with_root.raw, 0 * PAGE + 16 + 24 + 40, 2)
    with_root.put(2, bytes(PAGE))
    with_root.save()
    held, findings = records(path)
    assert {at for _, at, _ in held} >= {at for _, at, _ in where}
    assert [finding for finding in findings if finding.code == "orphan"]


def test_a_value_behind_the_end_of_the_file_is_named_with_its_key(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(60, (3, 60, 60)))
    where = places(path)
    os.truncate(path / "data.mdb", (path / "data.mdb").stat().st_size - 3 * PAGE - 100)
    end = (path / "data.mdb").stat().st_size
    leaf = File(path).pages(LEAF)
    starts = {record: min(pages - set(leaf)) * PAGE + 16 for record, pages in where.items()}
    lost = {record[1].decode() for record, start in starts.items() if start + len(record[2]) > end}
    report = datacheck.scan(path, workers=1)
    assert lost == set(report.bad_keys()) != set()
    assert {(finding.code) for finding in report.findings} == {"truncated-store"}
    assert (report.checked, report.complete) == (60, True)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("small", zero_leaf),
        ("small", cut_in_the_middle),
        ("version 3", zero_every_branch),
        ("named", zero_leaf),
        ("integer keys", zero_every_branch),
    ],
)
def test_a_rebuild_writes_all_that_is_left_into_a_sound_store(tmp_path, kind, damage):
    path = STORES[kind](tmp_path / "env")
    where = places(path)
    file = File(path)
    touched = damage(file, random.Random(3))
    file.save()
    copied = rebuilt(path, tmp_path / "copy", keep=["shape"])
    assert {record for record, pages in where.items() if not pages & touched} <= set(copied) <= set(where)
    assert verify(tmp_path / "copy" / "data.mdb") == []
    codes = {finding.code for finding in datacheck.scan(tmp_path / "copy", workers=1).findings}
    assert codes <= {"shape", "unknown-payload"}


def test_the_lost_are_in_the_receipt(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(60, (3, 60, 60)))
    os.truncate(path / "data.mdb", (path / "data.mdb").stat().st_size - 3 * PAGE)
    receipt = datacheck.rebuild(path, tmp_path / "copy", drop_bad=True, quarantine=tmp_path / "held", workers=1)
    assert receipt.kept + receipt.dropped == receipt.records == 60
    assert receipt.quarantined == receipt.dropped > 0
    assert [finding.code for finding in receipt.lost] == ["truncated-store"]


@pytest.mark.parametrize("kind", ["small", "named", "duplicates"])
def test_serial_and_parallel_reports_of_a_damaged_store_are_equal(tmp_path, kind):
    path = STORES[kind](tmp_path / "env")
    file = File(path)
    zero_leaf(file, random.Random(4))
    zero_every_branch(file, random.Random(4))
    file.save()
    reports = [datacheck.scan(LmdbReader(path, 20_000), workers=workers) for workers in (1, 2)]
    one, two = ([*report.findings, report.checked, report.bad, report.counts] for report in reports)
    assert one == two
    assert reports[0].complete


def test_a_damaged_page_costs_values_of_a_key_with_many_and_says_so(tmp_path):
    path = STORES["duplicates"](tmp_path / "env")
    truth, _ = records(path)
    file = File(path)
    leaf = max(page for page in file.pages(LEAF) if not skeleton(file.path).used[page])
    file.put(leaf, bytes(PAGE))
    file.save()
    held, findings = records(path)
    assert 0 < len(truth) - len(held) < 600
    assert set(held) < set(truth)
    assert "many" in [finding.key for finding in findings]


def test_two_values_on_the_same_pages_are_both_named_and_none_is_dropped(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(40, (3, 60, 60)))
    file = File(path)
    leaf = file.pages(LEAF)[0]
    one, two = (leaf * PAGE + it for it in struct.unpack_from("=HH", file.raw, leaf * PAGE + 16 + 8))
    file.raw[one + 16 : one + 24] = file.raw[two + 16 : two + 24]
    file.save()
    held, findings = records(path)
    assert len(held) == 40
    assert [(finding.key, finding.verdict) for finding in findings] == [
        (key(4).decode(), "unverifiable"),
        (key(5).decode(), "unverifiable"),
    ]


def test_wrong_counters_are_said(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(300))
    file = File(path)
    struct.pack_into("=Q", file.raw, PAGE + 16 + 72 + 32, 299)
    struct.pack_into("=Q", file.raw, PAGE + 16 + 72 + 16, 5)
    file.save()
    said = [(finding.details["kind"], finding.verdict) for finding in verify(path / "data.mdb")]
    assert said == [("records", "bad"), ("count", "suspicious")]


def test_a_page_that_is_neither_used_nor_free_is_suspicious(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(300))
    file = File(path)
    last = struct.unpack_from("=Q", file.raw, PAGE + 16 + 120)[0]
    struct.pack_into("=Q", file.raw, PAGE + 16 + 120, last + 1)
    file.raw += bytes(PAGE)
    file.save()
    (finding,) = verify(path / "data.mdb")
    assert (finding.verdict, finding.details["page"], finding.details["count"]) == ("suspicious", last + 1, 1)


def test_1000_random_corruptions_never_raise_and_no_lost_record_goes_unsaid(tmp_path):
    tiny = {
        "small": write_lmdb(tmp_path / "a", raw_records(60, (1, 16, 16))),
        "large": write_lmdb(tmp_path / "b", raw_records(4, (3, 60, 60))),
        "version 3": write_lmdb(tmp_path / "c", raw_records(60, (1, 16, 16)), lib_version=1),
        "named": write_lmdb(write_lmdb(tmp_path / "d", raw_records(9), name=b"one"), raw_records(9), name=b"two"),
        "dups": write_lmdb(tmp_path / "e", [(b"k", b"%04d" % at) for at in range(600)], name=b"d", dupsort=True),
    }
    good = {kind: (path / "data.mdb").read_bytes() for kind, path in tiny.items()}
    truth = {kind: [at for _, at, _ in salvaged(path)] for kind, path in tiny.items()}
    path = tmp_path / "broken"
    path.mkdir()
    for number in range(1000):
        chance = random.Random(number)
        kind = list(good)[number % len(good)]
        (path / "data.mdb").unlink(missing_ok=True)
        (path / "data.mdb").write_bytes(corrupt(good[kind], chance))
        try:
            findings = verify(path / "data.mdb")
        except PageDamaged:
            continue
        if not findings:
            assert sorted(at for _, at, _ in salvaged(path)) == sorted(truth[kind]), number


def salvaged(path):
    """Return the records as salvaged page by page, whether or not the environment is damaged."""
    from datacheck.backends.lmdb.pages import Pages
    from datacheck.backends.lmdb.ranges import Ranges
    from datacheck.backends.lmdb.salvage import Salvage
    from datacheck.model.blocks import ignore

    bones = skeleton(path / "data.mdb")
    held = []
    with Pages(path / "data.mdb") as pages:
        for part in bones.trees:
            salvage = Salvage(pages, bones, Shard(part), ignore)
            for piece in Ranges(pages, bones, part).pieces(Shard(part), None):
                for block in salvage.blocks(piece, None):
                    held += [(part, at, value) for at, value in zip(block.keys, block.values, strict=True)]
    return held


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real stores is not here")
@pytest.mark.parametrize(
    "name",
    [
        "lmdb-caffe-raw",
        "lmdb-caffe-encoded",
        "lmdb-caffe-encoded-original",
        "lmdb-caffe-fashion",
        "lmdb-rkv/ref_env_64",
    ],
)
def test_what_real_programs_wrote_is_sound(name):
    path = SHARED / "real" / name
    assert verify(path / "data.mdb") == []
    assert records(path)[1] == []


def test_other_files_are_not_taken_for_what_is_left_of_an_lmdb(tmp_path):
    chance = random.Random(8)
    for content in (bytes(1 << 20), chance.randbytes(1 << 20), b"\x89HDF\r\n\x1a\n" + chance.randbytes(1 << 18)):
        (tmp_path / "data.mdb").write_bytes(content)
        assert LmdbReader.recognise(tmp_path, StoreOptions()) is None
        (tmp_path / "data.mdb").unlink()


def test_named_databases_keep_their_names_when_one_of_them_is_damaged(tmp_path):
    path = named(tmp_path / "env")
    where = places(path)
    file = File(path)
    train = {page for (part, _, _), pages in where.items() if part == "train" for page in pages}
    page = min(page for page in train if file.flags(page) == LEAF)
    file.put(page, bytes(PAGE))
    file.save()
    report = datacheck.scan(path, workers=1)
    assert {finding.database for finding in report.findings if finding.details.get("page") == page} == {"train"}
    copied = rebuilt(path, tmp_path / "copy")
    assert set(copied) == {record for record, pages in where.items() if page not in pages}


def test_a_hole_in_a_value_is_named_and_zeros_that_were_written_are_not(tmp_path):
    black = {key(number): bytes(40_000) for number in range(3)}
    path = write_lmdb(tmp_path / "env", black | {key(9): b"\x01" * 200_000})
    assert verify(path / "data.mdb") == []
    raw = (path / "data.mdb").read_bytes()
    start = raw.index(b"\x01" * 150_000) // PAGE + 5
    (path / "data.mdb").unlink()
    with (path / "data.mdb").open("wb") as file:
        file.write(raw[: start * PAGE])
        file.seek((start + 16) * PAGE)
        file.write(raw[(start + 16) * PAGE :])
    if (path / "data.mdb").stat().st_blocks * 512 >= len(raw):
        pytest.skip("this file system keeps no holes")
    (finding,) = verify(path / "data.mdb")
    assert (finding.key, finding.verdict, finding.details["count"]) == (key(9).decode(), "suspicious", 16)
    assert finding.details["page"] == start


def test_a_placeholder_of_a_cloud_is_no_store_and_said_to_be_one(tmp_path):
    (tmp_path / "lock.mdb").write_bytes(bytes(8192))
    (tmp_path / ".data.mdb.icloud").write_bytes(b"bplist00" + bytes(150))
    with pytest.raises(datacheck.SourceUnknown, match=r"placeholder of a cloud drive.*\.data\.mdb\.icloud"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>Quota exceeded", "an HTML page"),
        (b"", "an empty file"),
        (b"PK\x03\x04 something else", "a zip archive"),
        (b"something else", "not an LMDB"),
    ],
)
def test_what_lies_in_the_place_of_the_data_file_is_said(tmp_path, content, said):
    (tmp_path / "lock.mdb").write_bytes(bytes(8192))
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(datacheck.SourceUnknown, match=said):
        open_store(tmp_path)


def test_a_nameless_database_may_lead_to_pages_behind_the_end_of_the_file(tmp_path):
    path = STORES["named"](tmp_path / "env")
    with_names = [page for page in File(path).pages(LEAF) if b"train" in File(path).get(page)]
    file = File(path)
    for page in with_names:
        file.put(page, bytes(PAGE))
    branch = file.pages(BRANCH)[0]
    first = branch * PAGE + struct.unpack_from("=H", file.raw, branch * PAGE + 16)[0]
    struct.pack_into("=H", file.raw, first, 9999)
    file.save()
    held, findings = records(path)
    assert held
    assert {finding.details.get("kind") for finding in findings} >= {"names", "leaf"}


@pytest.mark.parametrize("pages", [1, 16])
@pytest.mark.parametrize("workers", [1, 2])
def test_pages_of_zeros_inside_a_value_are_named(tmp_path, pages, workers):
    path = write_lmdb(tmp_path / "env", raw_records(20, (3, 160, 160)))
    file = path / "data.mdb"
    value = pixels(7, (3, 160, 160)).tobytes()
    raw = bytearray(file.read_bytes())
    start = -(-(raw.index(value[:64]) + 8000) // 4096) * 4096
    raw[start : start + pages * 4096] = bytes(pages * 4096)
    file.write_bytes(raw)
    report = datacheck.scan(path, workers=workers)
    ((key_, index, code, verdict, count),) = [
        (it.key, it.index, it.code, it.verdict, it.details["count"]) for it in report.findings
    ]
    assert (key_, index, code, verdict, count) == ("00000007", 7, "damaged-store", "suspicious", pages)


def test_black_areas_are_no_pages_of_zeros(tmp_path):
    records = {}
    for number in range(40):
        picture = pixels(number, (3, 160, 160))
        picture[:, number : number + 60, :] = 0
        records[b"%08d" % number] = datum(picture, 1)
    records[b"black"] = datum(np.zeros((3, 160, 160), np.uint8), 1)
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert report.counts == {"constant": 1}
