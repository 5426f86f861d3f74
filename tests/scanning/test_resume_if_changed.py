"""Test that a scan that takes unchanged parts from an earlier report can be resumed after being killed, too."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from commanding import datacheck as command
from killed_scans import Here, options, sources
from PIL import Image
from resumed_scans import interrupted_after, killed_again_and_again, without_times

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.reporting.per_file import read_per_file


def value(number):
    array = floats(number)
    if number % 11 == 3:
        array[0, 1, number % 4] = np.nan
    return datum(array, number % 10)


def write_file(path, number):
    """Write a file of two tables, one with a picture of one colour; sums of floats would depend on the other files."""
    with h5py.File(path, "w") as file:
        for at, group in enumerate(("a", "b")):
            rows = np.random.default_rng(2 * number + at).integers(0, 256, (20, 3, 8, 8), dtype=np.uint8)
            if at == number % 2:
                rows[number % 20] = 7
            file[f"{group}/data"] = rows
            file[f"{group}/label"] = np.arange(20) % 10


def build_hdf5(path):
    path.mkdir()
    for number in range(12):
        write_file(path / f"{number:02}.h5", number)
    return lambda: [write_file(path / f"{number:02}.h5", number + 13) for number in (0, 4, 5, 11)]


def build_lmdb(path):
    paths = [path, *(Path(f"{path}{it}") for it in (2, 3, 4))]
    for at, place in enumerate(paths):
        write_lmdb(place, {key(number): value(number + at) for number in range(120)})

    def change():
        for place in (paths[0], paths[2]):
            write_lmdb(place, {key(number): value(number) for number in range(100, 140)})

    return change


BUILD = {"lmdb": build_lmdb, "hdf5": build_hdf5}


def scan(kind, store, calls=None, **more):
    return datacheck.scan(sources(kind, str(store)), engine=Here, workers=1, progress=interrupted_after(calls), **more)


@pytest.fixture(params=["lmdb", "hdf5"])
def kind(request):
    return request.param


@pytest.fixture
def store(tmp_path, kind):
    """A store that was scanned and then partly changed; `store.json` is the earlier report."""
    store = tmp_path / "store"
    change = BUILD[kind](store)
    scan(kind, store, reports=[tmp_path / "store.json"], stats=True)
    change()
    return store


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr("datacheck.scanning.earlier.resuming.MARK_SECONDS", 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_scan_that_is_killed_again_and_again_comes_to_the_same_report(tmp_path, store, kind, seed):
    whole, report = tmp_path / "whole.jsonl", tmp_path / "r.jsonl"
    kind += "+changed"
    done = scan(kind, store, reports=[whole], **options(kind, store))
    if kind.startswith("hdf5"):
        assert done.by_file.reused.read == 4
    else:
        assert '"unchanged"' in whole.read_text().splitlines()[-1]
    expected = without_times(whole)
    for made in killed_again_and_again(kind, store, report, 7, seed):
        assert without_times(made) == expected


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("calls", [1, 4, 8, 9, 12])
def test_an_interrupted_scan_goes_on(tmp_path, store, kind, calls):
    """The report also has the results of each file for the next scan, including those known before."""
    more = {"if_changed": tmp_path / "store.json", "stats": True}
    with pytest.raises(KeyboardInterrupt):
        scan(kind, store, calls=calls, resume=tmp_path / "r.jsonl", **more)
    scan(kind, store, resume=tmp_path / "r.jsonl", reports=[tmp_path / "also.jsonl"], **more)
    scan(kind, store, reports=[tmp_path / "whole.jsonl"], **more)
    for name in ("r.jsonl", "also.jsonl"):
        assert without_times(tmp_path / name) == without_times(tmp_path / "whole.jsonl")
    assert not list(tmp_path.glob("*partial*"))


@pytest.mark.usefixtures("often")
def test_the_earlier_report_may_be_the_one_that_is_written(tmp_path, store, kind):
    report = tmp_path / "r.jsonl"
    for calls in (5, 9):
        with pytest.raises(KeyboardInterrupt):
            scan(kind, store, calls=calls, resume=report, if_changed=report, stats=True)
    scan(kind, store, resume=report, if_changed=report, stats=True)
    scan(kind, store, reports=[tmp_path / "whole.jsonl"], stats=True)
    assert without_times(report) == without_times(tmp_path / "whole.jsonl")


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("then", ["another", "none"])
def test_an_earlier_report_that_is_another_one_meanwhile_changes_nothing_of_what_is_found(tmp_path, store, kind, then):
    earlier = tmp_path / "store.json"
    with pytest.raises(KeyboardInterrupt):
        scan(kind, store, calls=8, resume=tmp_path / "r.jsonl", if_changed=earlier, stats=True)
    if then == "none":
        earlier.unlink()
    else:
        scan(kind, store, reports=[earlier], stats=True)
    report = scan(kind, store, resume=tmp_path / "r.jsonl", if_changed=earlier, stats=True)
    whole = scan(kind, store, stats=True)
    for it, other in [(report, whole)] if kind == "hdf5" else zip(report, whole, strict=True):
        assert list(it.findings) == list(other.findings)
        assert (it.checked, it.bad, it.counts) == (other.checked, other.bad, other.counts)


@pytest.mark.usefixtures("often")
def test_known_findings_of_what_is_answered_are_known_when_it_goes_on(tmp_path, store, kind):
    known = tmp_path / "known.json"
    scan(kind, store, reports=[known], stats=True)
    more = {"if_changed": tmp_path / "store.json", "known": known, "stats": True}
    with pytest.raises(KeyboardInterrupt):
        scan(kind, store, calls=8, resume=tmp_path / "r.jsonl", **more)
    report = scan(kind, store, resume=tmp_path / "r.jsonl", **more)
    scan(kind, store, reports=[tmp_path / "whole.jsonl"], **more)
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")
    assert report.clean


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kind", ["lmdb"], indirect=True)
def test_what_lies_behind_a_scan_whose_time_was_over_is_marked_in_no_wrong_place(tmp_path, store, kind):
    """The second of four stores is taken from the report, whether or not the time is over."""
    more = {"if_changed": tmp_path / "store.json", "stats": True}
    report = scan(kind, store, resume=tmp_path / "r.jsonl", max_time=1e-9, **more)
    assert [it.stopped for it in report] == [True, False, True, False]
    nights = 1
    while not (tmp_path / "r.jsonl").exists():
        scan(kind, store, resume=tmp_path / "r.jsonl", max_time=1e-9, **more)
        nights += 1
        assert nights < 200
    scan(kind, store, resume=tmp_path / "again.jsonl", **more)
    assert without_times(tmp_path / "r.jsonl")[:-1] == without_times(tmp_path / "again.jsonl")[:-1]
    assert nights > 3


def test_the_command_takes_both(tmp_path, store, kind):
    paths = [store] if kind == "hdf5" else [store, *(f"{store}{it}" for it in (2, 3, 4))]
    more = ["--stats", "--if-changed", tmp_path / "store.json", "--resume", tmp_path / "r.jsonl", "--no-progress"]
    done = command("scan", *paths, *more, "--max-time", "0.0001s")
    assert done.returncode in (1, 3)
    assert f"{tmp_path / 'r.jsonl.partial'} keeps what was found: the same command goes on from there" in done.stderr
    done = command("scan", *paths, *more)
    assert "continuing where" in done.stderr
    scan(kind, store, reports=[tmp_path / "whole.jsonl"], if_changed=tmp_path / "store.json", stats=True)
    assert without_times(tmp_path / "r.jsonl")[:-1] == without_times(tmp_path / "whole.jsonl")[:-1]


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("calls", [2, 3, 4, 5])
def test_what_a_file_came_to_is_whole_in_a_report_that_went_on(tmp_path, calls):
    """If a file was partly read when the scan was interrupted, that part is not kept as the whole."""
    build_hdf5(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        scan("hdf5", tmp_path / "store", calls=calls, resume=tmp_path / "r.jsonl")
    scan("hdf5", tmp_path / "store", resume=tmp_path / "r.jsonl")
    scan("hdf5", tmp_path / "store", reports=[tmp_path / "whole.jsonl"])
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")
    kept = read_per_file(without_times(tmp_path / "r.jsonl")[-1]["per_file"])
    assert [(it.state.name, it.records) for it in kept] == [(f"{it:02}.h5", 40 * it) for it in range(12)]
    write_file(tmp_path / "store" / "07.h5", 8)
    report = scan("hdf5", tmp_path / "store", if_changed=tmp_path / "r.jsonl")
    assert report.by_file.reused.read == 1
    assert report.checked == 480


def jpeg(number):
    file = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.usefixtures("often")
def test_a_scan_of_jpegs_goes_on(tmp_path):
    """The depth of JPEG checks is decided after the scan has begun, and is not an option that could differ."""
    store = write_lmdb(tmp_path / "env", {key(number): jpeg(number) for number in range(60)})

    def scan(calls=None, **more):
        return datacheck.scan(
            LmdbReader(store, 8000), engine=Here, workers=1, progress=interrupted_after(calls), **more
        )

    with pytest.raises(KeyboardInterrupt):
        scan(calls=3, resume=tmp_path / "r.jsonl")
    assert scan(resume=tmp_path / "r.jsonl").settings.eyes == "decoder"
    scan(reports=[tmp_path / "whole.jsonl"])
    assert without_times(tmp_path / "r.jsonl") == without_times(tmp_path / "whole.jsonl")
