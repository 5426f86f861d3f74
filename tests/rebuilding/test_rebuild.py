"""Test that a rebuild loses nothing good, verifies that, and leaves either the whole copy or nothing."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from building import datum, fingerprint, floats, key, pixels, raw_records, write_lmdb
from commanding import datacheck as command

import datacheck
from datacheck.backends import open_store
from datacheck.backends.leveldb.log_writer import create as write_leveldb


def pairs(path):
    """Return part, key and value of every record of a store."""
    reader = open_store(path)
    return [
        (shard.part, at, bytes(value))
        for shard in reader.layout().shards
        for block in reader.blocks(shard)
        for at, value in zip(block.keys, block.values, strict=True)
    ]


def run(*args, **options):
    return command("rebuild", *args, **options)


BAD = {key(3): b"", key(17): datum(pixels(17), 1)[:90], key(30): datum(pixels(30), None)}
SUSPICIOUS = {key(40): datum(np.full((3, 8, 8), 7, np.uint8), 1)}


@pytest.fixture
def source(tmp_path):
    return write_lmdb(tmp_path / "source", raw_records(60) | BAD | SUSPICIOUS)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


def kept(*dropped):
    return [("", at, value) for at, value in (raw_records(60) | BAD | SUSPICIOUS).items() if at not in dropped]


def left_behind(target):
    return [it.name for it in target.parent.iterdir() if "partial" in it.name]


def test_bad_records_are_left_out_and_all_others_kept(source, target):
    before = fingerprint(source)
    receipt = datacheck.rebuild(source, target, drop_bad=True)
    assert pairs(target) == kept(*BAD)
    assert (receipt.written, receipt.records, receipt.kept, receipt.dropped, receipt.altered) == (True, 60, 57, 3, 0)
    assert receipt.digests.source == receipt.digests.target
    assert datacheck.scan(target).status == 0
    assert fingerprint(source) == before
    assert left_behind(target) == []


def test_without_a_choice_a_source_with_bad_records_is_refused(source, target):
    done = run(source, target)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "3 of 60 records would be dropped:",
        "  00000003  empty",
        "  00000017  truncated",
        "  00000030  label",
        "nothing was written: choose what to do with bad records: --drop-bad, --drop, --keep or --fill",
    ]
    assert not target.exists()
    assert left_behind(target) == []


def test_a_clean_source_needs_no_choice(tmp_path, target):
    source = write_lmdb(tmp_path / "source", raw_records(20))
    assert run(source, target).returncode == 0
    assert pairs(target) == pairs(source)


@pytest.mark.parametrize(
    ("choice", "dropped"),
    [
        ({"drop": ["empty"]}, [key(3)]),
        ({"drop": ["empty", "constant"]}, [key(3), key(40)]),
        ({"drop": ["suspicious"]}, [key(40)]),
        ({"drop_bad": True, "keep": ["label"]}, [key(3), key(17)]),
        ({"drop_bad": True, "drop": ["suspicious"]}, [*BAD, key(40)]),
        ({"keep": ["bad"]}, []),
    ],
)
def test_codes_and_verdicts_refine_the_choice(source, target, choice, dropped):
    receipt = datacheck.rebuild(source, target, **choice)
    assert pairs(target) == kept(*dropped)
    assert receipt.kept + receipt.dropped == receipt.records == 60


def test_a_dry_run_says_the_same_and_writes_nothing(source, target):
    done = run(source, target, "--drop-bad", "--dry-run")
    assert (done.returncode, target.exists(), left_behind(target)) == (0, False, [])
    assert "3 of 60 records would be dropped:" in done.stdout
    assert run(source, target, "--dry-run").returncode == 1


def test_the_receipt_tells_all(source, target, tmp_path):
    done = run(source, target, "--drop-bad", "--report", tmp_path / "r.json")
    receipt = json.loads((tmp_path / "r.json").read_text())
    assert receipt["schema"] == "datacheck-receipt/1"
    assert [(it["key"], it["codes"]) for it in receipt["drops"]] == [
        ("00000003", ["empty"]),
        ("00000017", ["truncated"]),
        ("00000030", ["label"]),
    ]
    assert receipt["alterations"] == []
    assert receipt["source"]["fingerprint"]["files"][0]["name"] == "data.mdb"
    assert receipt["target"]["fingerprint"]["files"][0]["size"] == (target / "data.mdb").stat().st_size
    assert done.stdout.splitlines()[-2:] == [
        "kept 57 of 60 records, each compared with the source",
        f"the copy: {target}",
    ]


def test_an_earlier_report_will_do(source, target, tmp_path):
    datacheck.scan(source, reports=[tmp_path / "r.json"])
    receipt = datacheck.rebuild(source, target, drop_bad=True, from_report=tmp_path / "r.json")
    assert pairs(target) == kept(*BAD)
    assert receipt.dropped == 3


def test_a_report_of_the_source_as_it_was_is_refused(source, target, tmp_path):
    datacheck.scan(source, reports=[tmp_path / "r.json"])
    write_lmdb(source, {key(99): b"new"})
    with pytest.raises(datacheck.UsageError, match="was not made from"):
        datacheck.rebuild(source, target, drop_bad=True, from_report=tmp_path / "r.json")
    assert left_behind(target) == []


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"schema": "other"}'])
def test_a_report_that_is_none_is_refused(source, target, tmp_path, content):
    if content is not None:
        (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(datacheck.UsageError, match=r"r\.json: (could not be read|is not the JSON report)"):
        datacheck.rebuild(source, target, drop_bad=True, from_report=tmp_path / "r.json")


def test_a_report_of_a_sample_is_refused(source, target, tmp_path):
    datacheck.scan(source, sample=10, reports=[tmp_path / "r.json"])
    with pytest.raises(datacheck.UsageError, match="every record"):
        datacheck.rebuild(source, target, drop_bad=True, from_report=tmp_path / "r.json")


def test_dropped_records_go_into_quarantine_with_the_reasons(source, target, tmp_path):
    receipt = datacheck.rebuild(source, target, drop_bad=True, quarantine=tmp_path / "q")
    assert pairs(tmp_path / "q" / "records") == [("", at, value) for at, value in BAD.items()]
    reasons = [json.loads(line) for line in (tmp_path / "q" / "report.jsonl").read_text().splitlines()]
    assert [(it["key"], it["code"]) for it in reasons] == [
        ("00000003", "empty"),
        ("00000017", "truncated"),
        ("00000030", "label"),
    ]
    assert receipt.quarantined == 3


@pytest.mark.parametrize("packed", [False, True])
def test_values_that_are_not_finite_are_filled_on_demand(tmp_path, target, packed):
    records = {key(number): datum(floats(number), 1, packed=packed) for number in range(20)}
    broken = floats(5)
    broken[0, 1, 2], broken[1, 3, 3] = np.nan, -np.inf
    source = write_lmdb(tmp_path / "source", records | {key(5): datum(broken, 1, packed=packed), key(9): b""})
    receipt = datacheck.rebuild(source, target, drop_bad=True, fill=0.5)
    mended = broken.copy()
    mended[~np.isfinite(mended)] = 0.5
    expected = records | {key(5): datum(mended, 1, packed=packed)}
    del expected[key(9)]
    assert pairs(target) == [("", at, value) for at, value in expected.items()]
    assert (receipt.kept, receipt.dropped, receipt.altered) == (19, 1, 1)


def test_filling_is_refused_where_there_are_no_floats_to_fill(tmp_path, target):
    source = write_lmdb(tmp_path / "source", {key(number): b"\xff\xd8\xff" + bytes(9) for number in range(9)})
    with pytest.raises(datacheck.UsageError, match="float Datum"):
        datacheck.rebuild(source, target, drop_bad=True, fill=0)


@pytest.mark.parametrize("lib_version", [0, 1])
def test_databases_their_flags_and_the_file_version_are_kept(tmp_path, target, lib_version):
    source = tmp_path / "source"
    write_lmdb(source, raw_records(20) | {key(2): b""}, name=b"train", lib_version=lib_version)
    dups = [(b"k%d" % (number // 4), b"v%03d" % number) for number in range(40)]
    write_lmdb(source, dups, name=b"dups", dupsort=True, lib_version=lib_version)
    integers = {number.to_bytes(8, "little"): b"x%d" % number for number in (300, 7, 70_000)}
    write_lmdb(source, integers, name=b"ints", integerkey=True, lib_version=lib_version)
    write_lmdb(
        source,
        dict.fromkeys((b"az", b"by", b"ca"), b"y"),
        name=b"back",
        reverse_key=True,
        lib_version=lib_version,
    )
    before = pairs(source)
    datacheck.rebuild(source, target, drop_bad=True)
    assert pairs(target) == [pair for pair in before if pair[:2] != ("train", key(2))]
    with lmdb.open(str(target), readonly=True, lock=False, max_dbs=8) as copy:
        flags = {}
        for name in (b"train", b"dups", b"ints", b"back"):
            flags[name] = {flag for flag, on in copy.open_db(name, create=False).flags().items() if on}
    assert flags == {b"train": set(), b"dups": {"dupsort"}, b"ints": {"integerkey"}, b"back": {"reverse_key"}}
    versions = [(path / "data.mdb").read_bytes()[16 + 8 * lib_version :][4:8] for path in (source, target)]
    assert versions[0] == versions[1]


def test_the_map_fits_the_data(tmp_path, target):
    source = tmp_path / "source"
    with lmdb.open(str(source), map_size=1 << 33) as environment, environment.begin(write=True) as transaction:
        for at, value in raw_records(200).items():
            transaction.put(at, value)
    datacheck.rebuild(source, target)
    size = (target / "data.mdb").stat().st_size
    header = (target / "data.mdb").read_bytes()[:8192]
    for page in (0, 4096):
        assert size <= int.from_bytes(header[page + 32 : page + 40], "little") <= size + (1 << 17)
    with lmdb.open(str(target), map_size=1 << 25) as environment, environment.begin(write=True) as transaction:
        assert transaction.put(b"more", bytes(1 << 20))


def test_the_copy_is_sound_to_lmdbs_own_verifier(source, target):
    pytest.importorskip("lmdb.verify")
    datacheck.rebuild(source, target, drop_bad=True)
    done = subprocess.run(
        [sys.executable, "-m", "lmdb", "verify", "-e", target], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.writes_leveldb
@pytest.mark.parametrize("kind", ["lmdb", "leveldb"])
@pytest.mark.parametrize("to", ["lmdb", "leveldb"])
def test_key_value_stores_convert_into_each_other(tmp_path, target, kind, to):
    records = raw_records(60) | BAD
    if kind == "lmdb":
        source = write_lmdb(tmp_path / "source", records)
    else:
        write_leveldb(tmp_path / "source", records.items())
        source = tmp_path / "source"
    before = fingerprint(source)
    receipt = datacheck.rebuild(source, target, drop_bad=True, to=to, quarantine=tmp_path / "q")
    assert open_store(target).backend == to == receipt.target.backend
    assert pairs(target) == [("", at, value) for at, value in records.items() if at not in BAD]
    assert len(pairs(tmp_path / "q" / "records")) == 3
    assert fingerprint(source) == before


def test_leveldb_without_plyvel_is_one_sentence(source, target, monkeypatch):
    code = (
        "import sys; sys.modules['plyvel'] = None\n"
        "import importlib.util; importlib.util.find_spec = (lambda real: lambda name, *a: None if name == 'plyvel' "
        "else real(name, *a))(importlib.util.find_spec)\n"
        "from datacheck.rebuilding.pair_copier import PairCopier\n"
        "from datacheck.backends import open_store\n"
        f"print(*PairCopier('leveldb').objections(open_store({str(source)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        done.stdout == "writing a LevelDB needs plyvel, which is not installed here; --to lmdb writes an LMDB instead\n"
    )


def test_what_leveldb_cannot_hold_is_said_before_anything_is_written(tmp_path, target):
    source = write_lmdb(tmp_path / "source", raw_records(5), name=b"train")
    with pytest.raises(datacheck.UsageError, match=r"LevelDB (has no named databases|needs plyvel)|plyvel"):
        datacheck.rebuild(source, target, to="leveldb")
    assert not target.exists()


def test_a_key_too_long_for_lmdb_is_said_and_leaves_nothing(tmp_path, target):
    write_leveldb(tmp_path / "source", [(b"k" * 600, datum(pixels(1), 1)), (b"l", datum(pixels(2), 1))])
    with pytest.raises(datacheck.UnfitRecord, match="1 to 511 bytes"):
        datacheck.rebuild(tmp_path / "source", target, to="lmdb", keep=["bad"])
    assert not target.exists()
    assert left_behind(target) == []


def test_an_existing_target_is_refused_until_it_is_forced(source, target):
    target.mkdir()
    (target / "precious").write_text("mine")
    done = run(source, target, "--drop-bad")
    assert (done.returncode, done.stderr) == (
        2,
        f"datacheck: {target}: exists already; name another target, or replace it with --force\n",
    )
    done = run(source, target, "--drop-bad", "--force")
    assert (done.returncode, done.stderr) == (
        2,
        f"datacheck: {target}: holds precious, which no store has, and --force replaces nothing else; "
        "move it away, or name another target\n",
    )
    assert (target / "precious").read_text() == "mine"
    (target / "precious").unlink()
    write_lmdb(target, raw_records(2))
    assert run(source, target, "--drop-bad", "--force").returncode == 0
    assert pairs(target) == kept(*BAD)
    assert left_behind(target) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SOURCE", "SOURCE", "--drop-bad"], "the same path"),
        (["SOURCE", "SOURCE/inside", "--drop-bad"], "is inside the source"),
        (["SOURCE", "TARGET", "--drop", "nonsense"], "neither a verdict nor a code"),
        (["SOURCE", "TARGET", "--drop-bad", "--quarantine", "SOURCE/q"], "is inside the source"),
        (["SOURCE", "TARGET", "--drop-bad", "--quarantine", "TARGET"], "the same path"),
        (["SOURCE", "TARGET", "--drop-bad", "--report", "SOURCE/r.json"], "never written to"),
        (["SOURCE", "TARGET", "--drop-bad", "--report", "r.doc"], "ends in .json"),
        (["SOURCE", "missing/TARGET", "--drop-bad"], "does not exist"),
        (["missing", "TARGET", "--drop-bad"], "there is nothing at this path"),
        (["SOURCE", "TARGET", "--drop-bad", "--sample", "5"], "every record"),
        (["SOURCE", "TARGET", "--to", "hdf5"], "hdf5"),
    ],
)
def test_mistakes_are_said_and_nothing_is_written(source, target, arguments, said, tmp_path):
    before = fingerprint(source)
    places = {"SOURCE": str(source), "TARGET": str(target)}
    words = []
    for word in arguments:
        for name, place in places.items():
            word = word.replace(name, place) if not word.startswith("missing/") else str(tmp_path / "missing" / "t")
        words.append(word)
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not target.exists()
    assert fingerprint(source) == before


def test_a_source_that_may_only_be_read(source, target):
    for file in (*source.iterdir(), source):
        file.chmod(0o555 if file.is_dir() else 0o444)
    assert datacheck.rebuild(source, target, drop_bad=True).written


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, target):
    source = write_lmdb(tmp_path / "source", raw_records(200, (3, 64, 64)))
    done = run(source, target, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)))
    assert done.returncode == 2
    assert f"{target}: could not be written:" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not target.exists()
    assert left_behind(target) == []


def test_too_little_disk_is_said_with_the_numbers_before_writing(source, target, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1234}))
    with pytest.raises(datacheck.RebuildFailed, match=r"needs about [\d,]+ bytes, and the disk has 1,234 free"):
        datacheck.rebuild(source, target, drop_bad=True)
    assert left_behind(target) == []


def test_killed_at_any_moment_the_target_is_absent_or_complete(tmp_path):
    source = write_lmdb(tmp_path / "source", raw_records(400, (3, 32, 32)) | BAD)
    expected = [pair for pair in pairs(source) if pair[1] not in BAD]
    target = tmp_path / "target"
    seen = set()
    for number in range(16):
        with subprocess.Popen(
            [sys.executable, "-m", "datacheck", "rebuild", source, target, "--drop-bad", "--quiet"]
        ) as process:
            time.sleep(0.06 * number)
            process.send_signal(signal.SIGKILL)
        complete = target.exists()
        seen.add(complete)
        if complete:
            assert pairs(target) == expected
            for file in target.iterdir():
                file.unlink()
            target.rmdir()
    assert run(source, target, "--drop-bad").returncode == 0
    assert pairs(target) == expected
    assert left_behind(target) == []


def test_two_rebuilds_of_one_target_do_not_mix(source, target):
    from datacheck.files.staging import Workplace

    with Workplace(target), pytest.raises(datacheck.UsageError, match="another rebuild is writing there"):
        datacheck.rebuild(source, target, drop_bad=True)


def test_a_target_on_another_file_system(source):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == source.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    target = other / f"datacheck-test-{os.getpid()}"
    try:
        assert datacheck.rebuild(source, target, drop_bad=True).written
        assert pairs(target) == kept(*BAD)
    finally:
        for file in target.iterdir():
            file.unlink()
        target.rmdir()


def test_a_copy_that_came_out_wrong_is_not_published(source, target, monkeypatch):
    from datacheck.rebuilding.work import Work

    def verified(work, *args, real=Work.verified):
        """Return what a verification finds in a copy of which one bit has flipped."""
        count, digest = real(work, *args)
        return count, digest[:-1] + "x"

    monkeypatch.setattr(Work, "verified", verified)
    with pytest.raises(datacheck.RebuildFailed, match="differs from what was written"):
        datacheck.rebuild(source, target, drop_bad=True)
    assert not target.exists()


def test_progress_tells_each_phase(source, target):
    told = []
    datacheck.rebuild(source, target, drop_bad=True, progress=lambda *it: told.append(it))
    assert list(dict.fromkeys(phase for phase, *_ in told)) == ["scan", "copy", "verify"]
    assert [it[1:3] for it in told if it[0] == "copy"][-1] == (60, 60)


def test_the_script_under_the_name_people_look_for(source, target):
    script = Path(__file__).parents[2] / "scripts" / "rebuild_lmdb.py"
    assert subprocess.run([sys.executable, script, source, target, "--drop-bad"], check=False).returncode == 0
    assert pairs(target) == kept(*BAD)


def test_codes_that_do_not_exist_are_refused(source, target):
    with pytest.raises(datacheck.UsageError, match="neither a verdict nor a code"):
        datacheck.rebuild(source, target, drop=("nonsense",))
    assert not target.exists()


def test_a_record_whose_value_lies_behind_the_end_of_the_file_is_left_out(tmp_path, target):
    records = {key(number): datum(pixels(number, (3, 100, 100)), 1) for number in range(30)}
    source = write_lmdb(tmp_path / "source", records)
    size = (source / "data.mdb").stat().st_size
    with lmdb.open(str(source), map_size=1 << 28) as environment, environment.begin(write=True) as transaction:
        transaction.put(key(30), datum(pixels(30, (3, 100, 100)), 1))
    os.truncate(source / "data.mdb", size + 4096 * 3)
    receipt = datacheck.rebuild(source, target, drop_bad=True, quarantine=tmp_path / "q")
    assert pairs(target) == [("", at, value) for at, value in records.items()]
    assert (receipt.kept, receipt.dropped, receipt.quarantined) == (30, 1, 1)
    assert receipt.lost[0].code == "truncated-store"


def test_what_a_bad_block_of_a_leveldb_cost_is_in_the_receipt(tmp_path, target):
    write_leveldb(tmp_path / "source", raw_records(60).items())
    log = tmp_path / "source" / "000003.log"
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    log.write_bytes(damaged)
    assert run(tmp_path / "source", target, "--to", "lmdb").returncode == 1
    receipt = datacheck.rebuild(tmp_path / "source", target, to="lmdb", drop_bad=True)
    assert [finding.code for finding in receipt.lost] == ["checksum"]
    assert (receipt.records, receipt.kept, receipt.dropped) == (59, 59, 0)
    assert len(pairs(target)) == 59


def test_a_clean_store_copied_is_the_same_to_an_ordinary_loop(tmp_path, target):
    source = write_lmdb(tmp_path / "source", raw_records(100))
    datacheck.rebuild(source, target)
    with (
        lmdb.open(str(source), readonly=True, lock=False) as one,
        lmdb.open(str(target), readonly=True, lock=False) as two,
        one.begin() as here,
        two.begin() as there,
    ):
        assert list(here.cursor()) == list(there.cursor())


@pytest.fixture
def table(tmp_path):
    """An HDF5 file with two bad rows and a bad label, in compressed and checksummed chunks, and other objects."""
    path = tmp_path / "table.h5"
    data = np.stack([floats(number, (3, 8, 8)) for number in range(50)])
    label = (np.arange(50) % 5).astype(np.float64)
    data[7, 0, 1, 2], data[20, 2, 7, 7], label[33] = np.nan, np.inf, np.nan
    with h5py.File(path, "w") as file:
        made = file.create_dataset("data", data=data, chunks=(8, 3, 8, 8), compression="gzip", fletcher32=True)
        made.attrs["unit"] = "V"
        file["label"] = label
        file["more/notes"] = "kept"
    return path


def rows(path):
    with h5py.File(path) as file:
        return file["data"][:], file["label"][:], file["more/notes"][()], file["data"].attrs["unit"]


def test_rows_of_hdf5_are_dropped_from_every_dataset_together(table, tmp_path):
    target = tmp_path / "clean.h5"
    before = fingerprint(table)
    receipt = datacheck.rebuild(table, target, drop_bad=True, quarantine=tmp_path / "q")
    stay = [row for row in range(50) if row not in (7, 20, 33)]
    for here, there in zip(rows(table)[:2], rows(target)[:2], strict=True):
        assert here[stay].tobytes() == there.tobytes()
    assert rows(target)[2:] == (b"kept", "V")
    assert (receipt.kept, receipt.dropped, receipt.quarantined) == (47, 3, 3)
    assert receipt.digests.source == receipt.digests.target
    with h5py.File(tmp_path / "q" / "records.h5") as held:
        assert held["data"][:].tobytes() == rows(table)[0][[7, 20, 33]].tobytes()
    assert datacheck.scan(target).clean
    assert fingerprint(table) == before


def test_rows_of_hdf5_are_filled_on_demand(table, tmp_path):
    target = tmp_path / "clean.h5"
    receipt = datacheck.rebuild(table, target, drop_bad=True, fill=-1)
    expected = np.delete(rows(table)[0], 33, axis=0)
    expected[~np.isfinite(expected)] = -1
    assert rows(target)[0].tobytes() == expected.tobytes()
    assert (receipt.kept, receipt.dropped, receipt.altered) == (49, 1, 2)


def test_hdf5_is_refused_forced_and_cleaned_up_like_the_others(table, tmp_path):
    target = tmp_path / "clean.h5"
    assert run(table, target).returncode == 1
    assert not target.exists()
    target.write_bytes(b"mine")
    assert run(table, target, "--drop-bad").returncode == 2
    assert run(table, target, "--drop-bad", "--force").returncode == 2
    assert target.read_bytes() == b"mine"
    target.write_bytes(table.read_bytes())
    assert run(table, target, "--drop-bad", "--force").returncode == 0
    assert len(rows(target)[0]) == 47
    assert left_behind(target) == []
    assert run(table, tmp_path / "other", "--drop-bad", "--to", "lmdb").returncode == 2


def test_a_full_disk_leaves_no_hdf5_either(tmp_path):
    source, target = tmp_path / "source.h5", tmp_path / "clean.h5"
    with h5py.File(source, "w") as file:
        data = np.random.default_rng(3).normal(size=(400, 3, 32, 32))
        data[3, 0, 0, 0] = np.nan
        file["data"] = data
    limit = (2_000_000, 2_000_000)
    done = run(source, target, "--drop-bad", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert done.returncode == 2
    assert done.stderr.startswith(f"datacheck: {target}: could not be written:")
    assert len(done.stderr.splitlines()) == 1
    assert not target.exists()
    assert left_behind(target) == []


def test_hdf5_killed_at_any_moment_is_absent_or_complete(table, tmp_path):
    target = tmp_path / "clean.h5"
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-m", "datacheck", "rebuild", table, target, "--drop-bad", "--quiet"]
        ) as process:
            time.sleep(0.12 * number)
            process.send_signal(signal.SIGKILL)
        if target.exists():
            assert len(rows(target)[0]) == 47
            target.unlink()
    assert run(table, target, "--drop-bad").returncode == 0
    assert left_behind(target) == []


def test_what_hdf5_cannot_keep_is_named_before_anything_is_written(table, tmp_path):
    with h5py.File(table, "r+") as file:
        file.attrs["region"] = file["data"].regionref[3:9]
    target = tmp_path / "clean.h5"
    with pytest.raises(datacheck.UsageError, match=r"cannot keep everything: .*region.*--accept-losses writes it"):
        datacheck.rebuild(table, target, drop_bad=True)
    assert not target.exists()
    receipt = datacheck.rebuild(table, target, drop_bad=True, accept_losses=True)
    assert receipt.written
    assert "region" in receipt.unkept[0]
    assert len(rows(target)[0]) == 47


def test_an_hdf5_file_that_loses_no_row_is_copied_byte_for_byte(tmp_path):
    source, target = tmp_path / "source.h5", tmp_path / "copy.h5"
    with h5py.File(source, "w", userblock_size=512) as file:
        file["data"] = floats(1, (40, 3, 3))
        file.attrs["region"] = file["data"].regionref[3:9]
    assert datacheck.rebuild(source, target).written
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.writes_leveldb
def test_a_leveldb_copy_is_sound_to_plyvel(tmp_path, target):
    import plyvel

    records = raw_records(60)
    write_leveldb(tmp_path / "source", records.items())
    datacheck.rebuild(tmp_path / "source", target)
    with plyvel.DB(str(target), create_if_missing=False, paranoid_checks=True) as store:
        assert list(store.iterator(verify_checksums=True)) == list(records.items())


@pytest.mark.skipif(shutil.which("mdb_stat") is None, reason="lmdb-utils is not installed")
def test_an_lmdb_copy_is_sound_to_lmdbs_own_tools(source, target):
    datacheck.rebuild(source, target, drop_bad=True)
    said = subprocess.run(["mdb_stat", target], capture_output=True, text=True, check=True).stdout
    assert "Entries: 57" in said


def test_the_receipt_of_a_refused_source_names_what_would_be_dropped(source, target, tmp_path):
    assert run(source, target, "--report", tmp_path / "r.json").returncode == 1
    receipt = json.loads((tmp_path / "r.json").read_text())
    assert (receipt["written"], receipt["dropped"]) == (False, 3)
    assert [it["key"] for it in receipt["drops"]] == [at.decode() for at in BAD]
