"""Test that every command that a scan prints can be pasted into a shell, and sees the records that the scan saw."""

import json
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from building import datum, floats, key, pixels, raw_records, write_lmdb
from commanding import shell

from datacheck.cli.options import SHARED
from datacheck.decoders.pictures import eyes

NAN = float("nan")


def odd_records():
    """Return records such that nearly every option affects one of them."""
    records = {key(n): datum(floats(n), n % 8 + 1) for n in range(40)}
    records[key(7)] = b""
    broken = floats(9)
    broken[0, 1, 2] = NAN
    records[key(9)] = datum(broken, 3)
    large = floats(11)
    large[1, 0, 0] = 1e6
    return records | {key(11): datum(large, 4), key(13): datum(np.zeros((2, 4, 4), np.float32), 5)}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sh(line, status=(0, 1)):
    done = shell(line, text=False)
    said, complaints = done.stdout.decode(), done.stderr.decode()
    assert done.returncode in status, (line, done.returncode, said, complaints)
    return said


def printed(said, prefix):
    (line,) = (it for it in said.splitlines() if it.startswith(prefix))
    return line.removeprefix(prefix)


def bad_keys(report):
    return {(it.get("file"), it.get("database"), it["key"]) for it in report["findings"] if it["verdict"] == "bad"}


def paste(command, copy):
    """Run a scan and paste the commands that it prints; a second scan writes a report to compare with."""
    said = sh(command, status=(1,))
    sh(command.replace("scan", "scan --report seen.json", 1), status=(1,))
    report = json.loads(Path("seen.json").read_text())
    assert len(bad_keys(report)) == report["bad"] > 0
    shown = sh(printed(said, "look at one: "), status=(1,))
    first = next(it for it in report["findings"] if it["verdict"] == "bad")
    codes = [it["code"] for it in report["findings"] if it["key"] == first["key"]]
    assert first["key"] in shown
    assert all(f"  {code} (" in shown for code in codes), (codes, shown)
    rebuild = printed(said, "a clean copy: ")
    assert f"kept {report['source']['records'] - report['bad']} of" in sh(rebuild, status=(0,))
    again = json.loads(sh(command.replace(copy[0], copy[1]).replace("scan", "scan --format json", 1)))
    assert again["bad"] == 0


CASES = {
    "backend": "--backend lmdb",
    "decoder": "--decoder datum --decoder '#=datum'",
    "ranges": "--range data=-5:5 --range label=1:",
    "labels": "--labels 8",
    "label_field": "--label-field label",
    "shape": "--shape 2,4,4",
    "allow_nan": "--allow-nan data",
    "checks": "--check finite --check label",
    "skip": "--skip finite",
    "timeout": "--timeout 7.5",
    "max_bad": "--max-bad 1%",
    "ignore": "--ignore empty --ignore 'nan:#'",
    "like": "--like like.json",
    "like_tolerance": "--like like.json --like-tolerance 5%",
}
APART = {"array", "sample", "strict", "strict_pictures", "together"}
"""Options that have tests of their own below."""


def test_every_option_that_changes_what_is_found_is_pasted():
    assert set(CASES) | APART == set(SHARED)


@pytest.mark.parametrize("name", CASES)
def test_an_option_is_in_each_printed_command(here, name):
    records = odd_records() | ({key(15): datum(floats(15), None)} if name == "ignore" else {})
    write_lmdb(here / "store", records)
    write_lmdb(here / "sound", {key(n): datum(floats(n), n % 8 + 1) for n in range(40)})
    sh("datacheck scan sound --report like.json", status=(0,))
    paste(f"datacheck scan store {CASES[name]}", ("store", "store_clean"))


@pytest.mark.skipif(not eyes.installed(), reason="numba is not installed: JPEGs are not walked")
def test_the_closest_look_is_in_each_printed_command(here):
    write_lmdb(here / "store", odd_records())
    paste("datacheck scan store --strict-pictures", ("store", "store_clean"))


def test_arrays_are_in_each_printed_command(here):
    records = {b"v%03d" % number: floats(number, (6,)).astype("f4").tobytes() for number in range(40)}
    write_lmdb(here / "store", records | {b"v007": records[b"v007"][:-1], b"v009": b"\xff" * 24})
    paste("datacheck scan store --array 'v#=f4:6'", ("store", "store_clean"))


def test_strict_drops_what_is_suspicious(here):
    write_lmdb(here / "store", raw_records(30) | {key(3): datum(np.full((3, 8, 8), 7, np.uint8), 3)})
    said = sh("datacheck scan store --strict", status=(1,))
    assert "constant (suspicious)" in sh(printed(said, "look at one: "), status=(1,))
    sh(printed(said, "a clean copy: "), status=(0,))
    sh("datacheck scan store_clean --strict", status=(0,))


def test_what_a_sample_found_is_left_out_of_the_copy(here):
    write_lmdb(here / "store", raw_records(200) | {key(n): b"" for n in range(100)})
    said = sh("datacheck scan store --sample 50%", status=(1,))
    assert "--sample" not in printed(said, "a clean copy: ")
    sh(printed(said, "look at one: "), status=(1,))
    sh(printed(said, "a clean copy: "), status=(0,))
    sh("datacheck scan store_clean", status=(0,))


def test_datasets_that_do_not_fit_together_offer_no_copy_that_would_not_either(here):
    with h5py.File("rows.h5", "w") as file:
        file["a"], file["b"] = np.random.default_rng(1).random((20, 3)), np.random.default_rng(2).random((19, 3))
    said = sh("datacheck scan rows.h5 --together a,b", status=(1,))
    assert "row-count (bad): 1" in said
    assert "datacheck " not in said


def odd_name(here):
    write_lmdb(here / "-st o're", {b"-1 img": b"", **{b"-%d img" % n: datum(pixels(n), n % 3) for n in range(2, 30)}})
    return 'datacheck scan -- "-st o\'re"', ("-st o're", "-st o're_clean")


def unprintable_name(here):
    write_lmdb(here / "st\tor\xe9", raw_records(30) | {key(4): b""})
    return "datacheck scan \"$(printf 'st\\tor\\303\\251')\"", ("or\\303\\251", "or\\303\\251_clean")


def databases(here):
    with lmdb.open(str(here / "store"), max_dbs=4) as env:
        for name in (b"one", b"two"):
            handle = env.open_db(name)
            with env.begin(write=True, db=handle) as txn:
                for n in range(30):
                    txn.put(key(n), b"" if (name, n) == (b"two", 4) else datum(pixels(n), n % 3))
    return "datacheck scan store", ("store", "store_clean")


def folder(here):
    (here / "store").mkdir()
    for name in "abc":
        with h5py.File(here / "store" / f"{name}.h5", "w") as file:
            values = np.random.default_rng(1).random((20, 3))
            values[5, 1] = NAN if name == "b" else 0.5
            file["data"] = values
    return "datacheck scan store", ("store", "store_clean")


def hdf5_path(here):
    with h5py.File(here / "folds.h5", "w") as file:
        for number in range(4):
            values = np.random.default_rng(number).random((20, 3))
            values[5, 1] = 9 if number > 1 else 0.5
            file[f"data/fold_{number}/actions"] = values
    return "datacheck scan folds.h5 --range /data/fold_3/actions=:1", ("folds.h5", "folds_clean.h5")


@pytest.mark.parametrize("make", [odd_name, unprintable_name, databases, folder, hdf5_path])
def test_odd_names_are_pasted_as_they_are(here, make):
    command, copy = make(here)
    paste(command, copy)


@pytest.mark.parametrize("how", ["found", "named", "none"])
def test_the_configuration_is_repeated(here, how):
    write_lmdb(here / "store", odd_records())
    (here / "mine.toml" if how == "named" else here / "datacheck.toml").write_text('labels = 8\nallow-nan = "data"\n')
    option = {"found": "", "named": " --config mine.toml", "none": " --no-config"}[how]
    paste(f"datacheck scan store{option}", ("store", "store_clean"))


def test_a_copy_rests_on_the_report_that_was_written(here):
    write_lmdb(here / "store", odd_records())
    said = sh("datacheck scan store --labels 8 --report r.json --report r.csv", status=(1,))
    assert printed(said, "all ") == "9 findings: r.json, r.csv"  # a finding of the store: a class that never occurs
    command = printed(said, "a clean copy: ")
    assert command.endswith(" --from-report r.json")
    sh(command, status=(0,))
    sh("datacheck scan store_clean --labels 8", status=(0,))


@pytest.mark.parametrize("count", [99, 100, 101])
def test_a_hundred_findings_are_all_printed(here, count):
    write_lmdb(here / "store", raw_records(300) | {key(n): b"" for n in range(count)})
    said = sh("datacheck scan store --range data=0:255", status=(1,))
    named = [line.split()[0] for line in said.splitlines() if line.startswith("    0")]
    if count <= 100:
        assert named == [key(n).decode() for n in range(count)]
        assert "--report" not in said
        return
    assert len(named) == 3
    sh(printed(said, "all 101 findings: "), status=(1,))
    assert json.loads((here / "report.json").read_text())["bad"] == 101


def test_no_copy_is_offered_of_nothing_and_none_over_what_is_there(here):
    write_lmdb(here / "store", {key(n): b"" for n in range(9)})
    assert "rebuild" not in sh("datacheck scan store", status=(1,))
    write_lmdb(here / "half", raw_records(9) | {key(3): b""})
    (here / "half_clean").mkdir()
    said = sh("datacheck scan half", status=(1,))
    assert printed(said, "a clean copy: ") == "datacheck rebuild half half_clean2 --drop-bad"
