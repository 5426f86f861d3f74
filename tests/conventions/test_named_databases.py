"""What a named database of an LMDB environment keeps of its records is checked, and true in a copy of it."""

import pickle

import numpy as np
import pytest
from building import pictures
from convention_stores import read_database as read
from convention_stores import write_databases as write
from convention_stores import wrong

import datacheck
from datacheck.scanning.keys import keeping, sample_keys

PICTURES = pictures()


def words(count, *, cut=(), said=None):
    """Return a store of word pictures as the OCR projects number them."""
    made = {b"image-%09d" % at: PICTURES[at % len(PICTURES)] for at in range(1, count + 1)}
    made |= {b"label-%09d" % at: b"word%d" % at for at in range(1, count + 1)}
    made |= {b"image-%09d" % at: PICTURES[0][:500] for at in cut}
    return made | {b"num-samples": b"%d" % (count if said is None else said)}


def arrays(count, *, nan=(), key=b"%08d", first=0):
    """Return pickled arrays under numbered keys."""
    made = {}
    for at in range(first, first + count):
        values = np.random.default_rng(at).normal(size=12).astype("f4")
        made[key % at] = pickle.dumps({"x": np.full(12, np.nan, "f4") if at in nan else values})
    return made


def rebuilt(tmp_path, source, **options):
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, **options)
    assert receipt.written
    assert datacheck.scan(tmp_path / "copy").clean
    return receipt


def test_each_database_has_its_convention(tmp_path):
    report = datacheck.scan(write(tmp_path / "env", {"train": words(60), "val": words(30)}))
    assert (report.status, report.convention_names, report.groups) == (0, ["ocr"], 90)
    assert "(convention ocr in train, val)" in str(report)
    assert report.document().conventions == ["ocr"]


def test_a_count_that_is_not_true_is_a_finding_of_its_database(tmp_path):
    report = datacheck.scan(write(tmp_path / "env", {"train": words(60), "val": words(30, said=31)}))
    assert wrong(report) == [("val", "count", "bad")]
    assert "val: num-samples says 31, there are 30" in str(report)


def test_a_sample_that_lacks_a_part_is_named_with_its_database(tmp_path):
    train = words(60)
    del train[b"label-000000007"]
    (finding,) = datacheck.scan(write(tmp_path / "env", {"train": train, "val": words(30)})).findings
    assert (finding.code, finding.name) == ("unpaired", "train:image-000000007")


def test_a_copy_of_each_database_is_true(tmp_path):
    source = write(tmp_path / "env", {"train": words(60, cut=[5]), "val": words(30, said=31)})
    receipt = rebuilt(tmp_path, source)
    train, val = read(tmp_path / "copy", "train"), read(tmp_path / "copy", "val")
    assert (len(train), train[b"num-samples"], val[b"num-samples"]) == (119, b"59", b"30")
    assert train[b"label-000000005"] == b"word6"
    assert val == words(30)
    assert dict(receipt.renamed())["train:image-000000006"] == "train:image-000000005"
    assert receipt.repairs.values == {"train:num-samples": "59", "val:num-samples": "30"}


def test_a_sample_goes_in_its_own_database_alone(tmp_path):
    source = write(tmp_path / "env", {"": {b"zz": b"a text"}, "train": words(40, cut=[5]), "val": words(41)})
    rebuilt(tmp_path, source)
    assert read(tmp_path / "copy", "val") == words(41)
    assert len(read(tmp_path / "copy", "train")) == 79


def test_bad_groups_are_those_of_each_database(tmp_path):
    source = write(tmp_path / "env", {"train": words(60, cut=[5]), "val": words(30, cut=[5])})
    groups = list(datacheck.scan(source).bad_groups())
    assert groups == [
        ("train:5", ["train:image-000000005", "train:label-000000005"]),
        ("val:5", ["val:image-000000005", "val:label-000000005"]),
    ]


@pytest.mark.parametrize("where", ["", "meta"])
def test_a_count_in_another_database_is_of_that_which_has_as_many(tmp_path, where):
    counts = {b"num_samples": b"100", b"name": b"a set of arrays"}
    assert datacheck.scan(write(tmp_path / "sound", {"data": arrays(100), where: counts})).status == 0
    source = write(tmp_path / "env", {"data": arrays(100, nan=[7]), where: counts})
    assert wrong(datacheck.scan(source)) == [("data", "nan", "bad")]
    rebuilt(tmp_path, source)
    data = read(tmp_path / "copy", "data")
    assert sorted(data) == [b"%08d" % at for at in range(99)], "a loader asks for every number below the count"
    assert read(tmp_path / "copy", where)[b"num_samples"] == b"99"


def test_a_count_in_another_database_that_is_not_true(tmp_path):
    source = write(tmp_path / "env", {"data": arrays(100), "meta": {b"length": pickle.dumps(101)}})
    report = datacheck.scan(source)
    assert wrong(report) == [("data", "count", "bad")]
    assert "length in the database meta says 101, there are 100" in str(report)
    rebuilt(tmp_path, source)
    assert pickle.loads(read(tmp_path / "copy", "meta")[b"length"]) == 100


def test_a_hole_in_numbers_that_another_database_counts(tmp_path):
    data = arrays(100)
    del data[b"%08d" % 40]
    report = datacheck.scan(write(tmp_path / "env", {"data": data, "meta": {b"length": b"100"}}))
    assert wrong(report) == [("data", "dangling", "bad")]


def test_a_count_of_all_databases(tmp_path):
    source = write(tmp_path / "env", {"a": arrays(100, nan=[3]), "b": arrays(60), "meta": {b"num_samples": b"160"}})
    assert wrong(datacheck.scan(source)) == [("a", "nan", "bad")]
    rebuilt(tmp_path, source)
    assert read(tmp_path / "copy", "meta")[b"num_samples"] == b"159"


@pytest.mark.parametrize(
    "meta",
    [
        {b"size": b"224", b"name": b"a set of arrays"},
        {b"length": b"7", b"size": b"3"},
        {b"split%d" % at: b"text %d" % at for at in (0, 2, 5)} | {b"length": b"100"},
        {b"__keys__": pickle.dumps([b"cat", b"dog"])},
    ],
    ids=["a size", "other numbers", "numbered texts beside a count", "names of classes"],
)
def test_sound_databases_of_metadata(tmp_path, meta):
    source = write(tmp_path / "env", {"a": arrays(100), "b": arrays(60, key=b"x%d", first=5), "meta": meta})
    assert wrong(datacheck.scan(source)) == []


def test_where_nothing_tells_what_a_count_is_of_it_is_undecided(tmp_path):
    databases = {"a": arrays(100), "b": arrays(60), "meta": {b"num_samples": b"4000"}}
    report = datacheck.scan(write(tmp_path / "env", databases))
    assert (wrong(report), report.status) == ([("meta", "count", "unverifiable")], 3)


def test_sound_databases_of_unrelated_families(tmp_path):
    databases = {"a": arrays(100, key=b"id%d", first=3), "b": arrays(60, key=b"%d", first=2), "c": words(25)}
    assert wrong(datacheck.scan(write(tmp_path / "env", databases))) == []


def test_a_database_like_ase_keeps_it(tmp_path):
    rows = {b"%d" % at: value for at, value in enumerate(arrays(50).values(), 1)}
    counts = {b"nextid": b"51", b"deleted_ids": b"[]"}
    assert datacheck.scan(write(tmp_path / "sound", {"atoms": rows | counts})).status == 0
    del rows[b"20"]
    report = datacheck.scan(write(tmp_path / "env", {"atoms": rows | counts}))
    assert wrong(report) == [("atoms", "dangling", "bad")]


def test_a_list_of_keys_in_a_named_database(tmp_path):
    data = arrays(50, key=b"k%d")
    source = write(tmp_path / "env", {"a": data | {b"__keys__": pickle.dumps([*data, b"k50"])}, "b": arrays(70)})
    assert wrong(datacheck.scan(source)) == [("a", "dangling", "bad")]
    rebuilt(tmp_path, source)
    assert pickle.loads(read(tmp_path / "copy", "a")[b"__keys__"]) == list(data)


@pytest.mark.parametrize("counted", ["each", "elsewhere"])
def test_numbers_that_two_databases_share_are_closed_up_in_none_unasked(tmp_path, counted):
    """They may be pictures and labels: closed up in one of them, each label would be of the next picture."""
    databases = {"first": arrays(60, nan=[7]), "other": arrays(60)}
    if counted == "each":
        databases = {name: records | {b"length": b"60"} for name, records in databases.items()}
    else:
        databases["meta"] = {b"num_samples": b"60"}
    source = write(tmp_path / "env", databases)
    with pytest.raises(datacheck.RebuildFailed, match="first and other have the same numbers"):
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert not (tmp_path / "copy").exists()
    assert datacheck.rebuild(source, tmp_path / "dry", drop_bad=True, dry_run=True).dropped == 1
    datacheck.rebuild(source, tmp_path / "holes", drop_bad=True, renumber=False)
    assert sorted(read(tmp_path / "holes", "first").keys() - {b"length"}) == [
        b"%08d" % at for at in range(60) if at != 7
    ]
    datacheck.rebuild(source, tmp_path / "closed", drop_bad=True, renumber=True)
    assert sorted(read(tmp_path / "closed", "first").keys() - {b"length"}) == [b"%08d" % at for at in range(59)]


@pytest.mark.parametrize("part", ["", "meta"])
def test_databases_are_counted_too(tmp_path, part):
    clips = {f"clip{at:03}": dict(arrays(5, key=b"%04d")) for at in range(30)}
    source = write(tmp_path / "env", {**clips, part: {b"num_samples": b"30"}})
    assert datacheck.scan(source).status == 0
    clips["clip003"] = arrays(5, key=b"%04d", nan=[2])
    rebuilt(tmp_path, write(tmp_path / "bad", {**clips, part: {b"num_samples": b"30"}}))
    assert read(tmp_path / "copy", part)[b"num_samples"] == b"30"


def test_with_no_convention_nothing_is_held_against_them(tmp_path):
    source = write(tmp_path / "env", {"train": words(60), "val": words(30, said=31)})
    assert datacheck.scan(source, convention="none").status == 0


def test_a_named_convention_is_asked_of_some_database(tmp_path):
    source = write(tmp_path / "env", {"train": words(60), "val": arrays(30)})
    assert datacheck.scan(source, convention="ocr").convention_names == ["ocr"]
    with pytest.raises(datacheck.UsageError, match="does not keep the convention tape"):
        datacheck.scan(source, convention="tape")


def test_of_very_many_large_databases_it_is_said_that_some_were_not_looked_at(tmp_path, monkeypatch):
    source = write(tmp_path / "env", {f"db{at}": arrays(600, key=b"k%d") for at in range(6)})
    assert datacheck.scan(source).status == 0
    monkeypatch.setattr(keeping, "MOST_ASKED", 4)
    for module in (keeping, sample_keys):
        monkeypatch.setattr(module, "KEYS_A_PROBE", 8)
    report = datacheck.scan(source)
    assert [(it.code, it.verdict) for it in report.findings] == [("unsupported", "unverifiable")]
    assert "of its databases were not searched for counts and lists" in report.findings[0].message
    assert datacheck.scan(source, convention="none").status == 0


def test_one_worker_or_many_give_the_same_report(tmp_path):
    source = write(tmp_path / "env", {"train": words(60, cut=[5]), "val": words(30, said=31)})
    one, two = (datacheck.scan(source, workers=number) for number in (1, 2))
    assert list(one.findings) == list(two.findings)
    assert one.groups == two.groups
