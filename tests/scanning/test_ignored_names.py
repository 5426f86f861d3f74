"""Test families in --ignore CODE:FAMILY: one that no source has is refused, and one that any source has is right."""

import commanding
import h5py
import lmdb
import numpy as np
import pytest
from building import datum, floats, key, raw_records, write_lmdb
from leveldb_building import write_log_store

import datacheck
from datacheck.errors import UsageError


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Stores of each kind with a fault; a few keys of the LMDB are rare enough to be in no sample."""
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "train", raw_records(300) | {b"mean": b"", b"x-1": b"", b"image-0001": b""})
    write_log_store(tmp_path / "val", (raw_records(30) | {key(3): b""}).items())
    with h5py.File("demos.h5", "w") as file:
        for number in range(3):
            file[f"data/demo_{number}/actions"] = np.random.default_rng(number).random((20, 3))
        file["data/demo_1/actions"][3] = np.nan
    with lmdb.open("parts", max_dbs=2) as env:
        for name, empty in ((b"left", 7), (b"right", None)):
            handle = env.open_db(name)
            with env.begin(write=True, db=handle) as txn:
                for number in range(40):
                    txn.put(b"img-%03d" % number, b"" if number == empty else datum(floats(number), 1))


@pytest.mark.parametrize(
    ("source", "rule", "known"),
    [
        ("train", "empty:foo", "there are #, image-#, mean"),
        ("train", "empty:image-0002", "there are #, image-#, mean; did you mean 'image-#'?"),
        ("val", "empty:image-#", "there are #"),
        ("demos.h5", "nan:/data/demo_7", "there are /data/demo_#; did you mean '/data/demo_#'?"),
        ("parts", "empty:img-#", "there are left:img-#, right:img-#"),
        ("parts", "empty:middle:img-#", "there are left:img-#, right:img-#"),
    ],
)
def test_a_family_that_is_nowhere_is_refused(stores, source, rule, known):
    with pytest.raises(UsageError) as error:
        datacheck.scan(source, ignore=[rule], workers=1)
    family = rule.partition(":")[2]
    assert str(error.value).startswith(f"--ignore names the family {family!r}, which no record has; {known}")


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ("train", ["empty:mean", "empty:x-#", "empty:image-0001"]),
        ("train", ["empty:mean", "empty:x-1", "empty:image-#", "nan:#"]),
        ("val", ["empty:00000003"]),
        ("demos.h5", ["nan:/data/demo_#"]),
        ("demos.h5", ["nan:/data/demo_1"]),
        ("parts", ["empty:left:img-#", "nan:right:img-#"]),
        ("val", ["empty", "lost:gone-#", "missing:gone-#"]),  # what these name need not be there
    ],
)
def test_a_family_that_is_there_is_right(stores, source, rules):
    report = datacheck.scan(source, ignore=rules, workers=1)
    assert report.status == 0
    assert report.tally.ignored


def test_one_of_several_sources_suffices(stores):
    rules = [it for rule in ("nan:/data/demo_#", "empty:mean", "empty") for it in ("--ignore", rule)]
    assert commanding.datacheck("scan", "train", "demos.h5", *rules, "-j1").returncode == 0
    done = commanding.datacheck("scan", "val", "demos.h5", *rules, "-j1")
    assert done.returncode == 2
    assert "--ignore names the family 'mean', which no record has" in done.stderr


def test_a_configuration_that_is_found_is_told_that_its_family_is_nowhere(stores, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "datacheck.toml").write_text('ignore = ["empty:foo"]\n')
    done = commanding.datacheck("scan", "val", "-j1")
    assert done.returncode == 1
    assert "--ignore names the family 'foo', which no record has; there are #; the option is left out" in done.stderr
