"""Test that an interrupted or killed scan resumes where it stopped, with the report of an uninterrupted one."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from killed_scans import Here, options, sources
from resumed_scans import interrupted_after, killed_again_and_again, without_times

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.reporting.advice import advice
from datacheck.reporting.files import Reports


def value(number):
    """Return a record; one in 7 has a NaN, and one in 50 is cut short."""
    array = floats(number)
    if number % 7 == 3:
        array[0, 1, number % 4] = np.nan
    raw = datum(array, number % 10)
    return raw[: len(raw) // 2] if number % 50 == 20 else raw


def build_lmdb(path):
    write_lmdb(path, {key(number): value(number) for number in range(180)})
    write_lmdb(Path(f"{path}2"), {b"img-%06d" % number: value(number) for number in range(0, 300, 2)})


def build_hdf5(path):
    path.mkdir()
    for number in range(12):
        with h5py.File(path / f"{number:02}.h5", "w") as file:
            rows = np.stack([floats(row + number) for row in range(20)])
            rows[number, 0, 1, 2] = np.nan
            file["data"] = rows
            file["label"] = np.arange(20) % 10


def build_leveldb(path):
    import plyvel

    database = plyvel.DB(str(path), create_if_missing=True, compression=None, write_buffer_size=1 << 20)
    for number in range(500):
        big = np.concatenate([floats(number, (2, 30, 30)).ravel()])
        if number % 25 == 9:
            big[5] = np.inf
        database.put(key(number), datum(big.reshape(2, 30, 30), number % 10))
    database.close()


BUILD = {"lmdb": build_lmdb, "hdf5": build_hdf5, "leveldb": build_leveldb}


@pytest.mark.parametrize(
    ("kind", "kills"), [("lmdb", 16), ("hdf5", 6), pytest.param("leveldb", 4, marks=pytest.mark.writes_leveldb)]
)
def test_a_scan_that_is_killed_again_and_again_comes_to_the_same_report(tmp_path, kind, kills):
    store = tmp_path / "store"
    BUILD[kind](store)
    whole = tmp_path / "whole.jsonl"
    datacheck.scan(sources(kind, str(store)), engine=Here, reports=[whole], workers=1, **options(kind))
    expected = without_times(whole)
    assert len(expected) > 12

    report = tmp_path / "r.jsonl"
    for made in killed_again_and_again(kind, store, report, kills, 7):
        assert without_times(made) == expected


@pytest.fixture
def store(tmp_path):
    build_lmdb(tmp_path / "store")
    return str(tmp_path / "store")


def scan(store, report, **more):
    return datacheck.scan(sources("lmdb", store), engine=Here, resume=report, workers=1, **options("lmdb"), **more)


@pytest.fixture
def unfinished(store, tmp_path, monkeypatch):
    """The unfinished report of an interrupted scan."""
    monkeypatch.setattr("datacheck.scanning.earlier.resuming.MARK_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        scan(store, tmp_path / "r.jsonl", progress=interrupted_after(8))
    return tmp_path / "r.jsonl.partial"


def test_an_interrupted_scan_goes_on_behind_its_last_mark(store, tmp_path, unfinished):
    assert not (tmp_path / "r.jsonl").exists()
    checked = []

    class Counting(Here):
        def run(self, tasks):
            for task, result in super().run(tasks):
                checked.append(type(task).__name__)
                yield task, result

    datacheck.scan(sources("lmdb", store), engine=Counting, resume=tmp_path / "r.jsonl", workers=1, **options("lmdb"))
    shards = sum(len(reader.layout().shards) for reader in sources("lmdb", store))
    assert shards - 7 <= checked.count("Check") <= shards - 5
    datacheck.scan(
        sources("lmdb", store), engine=Here, reports=[tmp_path / "whole.jsonl"], workers=1, **options("lmdb")
    )
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")
    assert not unfinished.exists()


def test_other_reports_have_what_the_earlier_run_found_too(store, tmp_path, unfinished):
    scan(store, tmp_path / "r.jsonl", reports=[tmp_path / "r.csv", tmp_path / "again.jsonl", tmp_path / "r.json"])
    datacheck.scan(sources("lmdb", store), engine=Here, reports=[tmp_path / "whole.csv"], workers=1, **options("lmdb"))
    assert (tmp_path / "r.csv").read_text() == (tmp_path / "whole.csv").read_text()
    assert without_times(tmp_path / "again.jsonl") == without_times(tmp_path / "r.jsonl")
    lines = (tmp_path / "r.jsonl").read_text().count("\n") - 1
    assert sum(len(it["findings"]) for it in json.loads((tmp_path / "r.json").read_text())["reports"]) == lines


@pytest.mark.parametrize(
    ("more", "said"),
    [({"labels": 10}, "other options (--labels)"), ({"skip": ["constant"]}, "(--check)"), ({"sample": 5}, "--sample")],
)
def test_a_scan_with_other_options_does_not_go_on(store, tmp_path, unfinished, more, said):
    before = unfinished.read_bytes()
    with pytest.raises(datacheck.UsageError, match=r"delete .*r\.jsonl\.partial to start over") as told:
        scan(store, tmp_path / "r.jsonl", **more)
    assert said in str(told.value)
    assert unfinished.read_bytes() == before


@pytest.mark.parametrize("more", [{"strict": True}, {"max_bad": 3}, {"max_time": "1h"}])
def test_what_changes_no_finding_may_be_another(store, tmp_path, unfinished, more):
    scan(store, tmp_path / "r.jsonl", **more)
    assert (tmp_path / "r.jsonl").exists()


def test_a_store_that_has_changed_is_not_gone_on_with(store, tmp_path, unfinished):
    write_lmdb(Path(store), {b"99999999": value(1)})
    with pytest.raises(datacheck.UsageError, match="store has changed since"):
        scan(store, tmp_path / "r.jsonl")
    assert unfinished.exists()


def test_another_store_is_not_gone_on_with(store, tmp_path, unfinished):
    with pytest.raises(datacheck.UsageError, match=r"is of a scan of .*store, which is not what is scanned now"):
        datacheck.scan(Path(f"{store}2"), resume=tmp_path / "r.jsonl")


def test_a_report_that_another_version_began_is_not_gone_on_with(store, tmp_path, unfinished):
    unfinished.write_text(unfinished.read_text().replace(f'"version":"{datacheck.__version__}"', '"version":"0.0.9"'))
    with pytest.raises(datacheck.UsageError, match=r"is of datacheck 0\.0\.9"):
        scan(store, tmp_path / "r.jsonl")


def test_two_scans_do_not_write_one_report(store, tmp_path, unfinished):
    with Reports([], [], resume=tmp_path / "r.jsonl"), pytest.raises(datacheck.UsageError, match="another scan"):
        scan(store, tmp_path / "r.jsonl")


def test_an_earlier_report_stays_until_the_new_one_is_whole(store, tmp_path, unfinished, monkeypatch):
    (tmp_path / "r.jsonl").write_text("of last week\n")
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            scan(store, tmp_path / "r.jsonl", progress=interrupted_after(12))
        assert (tmp_path / "r.jsonl").read_text() == "of last week\n"
    scan(store, tmp_path / "r.jsonl")
    assert '"complete":true' in (tmp_path / "r.jsonl").read_text()


def test_a_file_that_has_a_second_name_is_not_written(store, tmp_path, unfinished):
    (tmp_path / "elsewhere").hardlink_to(unfinished)
    before = unfinished.read_bytes()
    with pytest.raises(datacheck.UsageError, match="a second name"):
        scan(store, tmp_path / "r.jsonl")
    assert unfinished.read_bytes() == before
    (tmp_path / "elsewhere").unlink()
    assert len(scan(store, tmp_path / "r.jsonl")) == 2


@pytest.mark.parametrize("seed", range(8))
def test_what_was_damaged_since_is_scanned_again(store, tmp_path, unfinished, seed):
    """Only the intact part of a file counts whose end never reached the disk, or that was overwritten."""
    rng = np.random.default_rng(seed)
    raw = bytearray(unfinished.read_bytes())
    at = int(rng.integers(len(raw) // 3, len(raw)))
    raw[at : at + 40] = rng.integers(0, 256, min(40, len(raw) - at), dtype=np.uint8).tobytes()
    unfinished.write_bytes(raw)
    scan(store, tmp_path / "r.jsonl")
    datacheck.scan(
        sources("lmdb", store), engine=Here, reports=[tmp_path / "whole.jsonl"], workers=1, **options("lmdb")
    )
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")


def test_a_finding_that_was_changed_since_is_found_again(store, tmp_path, unfinished):
    """A finding with one digit of its name changed is still valid, but would be reported for a sound record."""
    raw = unfinished.read_bytes()
    at = raw.index(b'"key":"') + len(b'"key":"00000')
    unfinished.write_bytes(raw[:at] + b"%d" % ((int(raw[at : at + 1]) + 1) % 10) + raw[at + 1 :])
    scan(store, tmp_path / "r.jsonl")
    datacheck.scan(
        sources("lmdb", store), engine=Here, reports=[tmp_path / "whole.jsonl"], workers=1, **options("lmdb")
    )
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")


def scanned_or_said(store, report):
    """Scan; return the message of the UsageError, or None if there was none."""
    try:
        scan(store, report)
    except datacheck.UsageError as exc:
        return str(exc)
    return None


def test_nothing_is_run_of_what_a_report_holds(store, tmp_path, unfinished):
    """A mark that holds a pickle, or numbers in another structure, is not valid."""
    import base64
    import pickle
    import zlib

    lines = unfinished.read_text().splitlines(keepends=True)
    at, mark = next((at, json.loads(line)) for at, line in enumerate(lines) if '"mark":"reached"' in line)
    for bad in (pickle.dumps([print]), b"\x91\x94\x00\xc2\x00\xa1x"):
        data = base64.b64encode(zlib.compress(bad)).decode()
        line = json.dumps({**mark, "data": data, "check": zlib.crc32(data.encode())}, separators=(",", ":")) + "\n"
        unfinished.write_text("".join([*lines[:at], line, *lines[at + 1 :]]))
        said = scanned_or_said(store, tmp_path / "r.jsonl")
        assert said is None or "delete it to start over" in said


def test_a_plain_report_leaves_what_a_scan_can_go_on_with(store, tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.scanning.earlier.resuming.MARK_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        datacheck.scan(
            sources("lmdb", store),
            engine=Here,
            reports=[tmp_path / "r.jsonl"],
            workers=1,
            progress=interrupted_after(9),
            **options("lmdb"),
        )
    assert '"complete":false' in (tmp_path / "r.jsonl").read_text()
    assert '"mark"' not in (tmp_path / "r.jsonl").read_text()
    scan(store, tmp_path / "r.jsonl")
    assert '"complete":false' not in (tmp_path / "r.jsonl").read_text()
    assert list(tmp_path.glob("*partial*")) == []


def test_a_budget_of_time_is_kept_and_the_scan_goes_on_the_next_night(store, tmp_path):
    report = scan(store, tmp_path / "r.jsonl", max_time=1e-9)
    assert (report.status, report[0].complete, report[0].stopped) == (1, False, True)
    assert "STOPPED after " in str(report[0])
    nights = 1
    while not (tmp_path / "r.jsonl").exists():
        scan(store, tmp_path / "r.jsonl", max_time=1e-9)
        nights += 1
    shards = sum(len(reader.layout().shards) for reader in sources("lmdb", store))
    assert 3 < nights <= shards + 1
    datacheck.scan(
        sources("lmdb", store), engine=Here, reports=[tmp_path / "whole.jsonl"], workers=1, **options("lmdb")
    )
    got, expected = (without_times(tmp_path / name) for name in ("r.jsonl", "whole.jsonl"))
    assert got[:-1] == expected[:-1]


def test_of_a_scan_that_was_stopped_is_said_what_would_decide_it(tmp_path):
    path = write_lmdb(tmp_path / "env", {key(number): datum(floats(number), number % 10) for number in range(200)})
    report = datacheck.scan(LmdbReader(path, 2000), engine=Here, workers=1, max_time=1e-9)
    assert (report.status, report.stopped) == (3, True)
    assert "to decide: allow more time (--max-time)" in str(advice(report, []))


def test_a_budget_that_is_enough_changes_nothing(store, tmp_path):
    report = datacheck.scan(Path(store), max_time="1h", workers=1)
    assert report.complete
    assert not report.stopped


@pytest.mark.parametrize("text", ["", "m", "-5", "1x", "1h-2m", "0", "nan"])
def test_a_time_that_is_none_is_refused(store, text):
    with pytest.raises(datacheck.UsageError, match="the maximum time is "):
        datacheck.scan(store, max_time=text)


def test_only_json_lines_can_be_resumed(store, tmp_path):
    with pytest.raises(datacheck.UsageError, match=r"ends in \.jsonl"):
        datacheck.scan(store, resume=tmp_path / "r.json")
