"""Samples of several sets with numbers of their own, of several records each: no number alone tells a sample."""

import pytest
from convention_stores import picture, read, write

import datacheck

FORMS = ["{}-{}-{:09}", "{}/{}_{}.jpg", "{0}_{2:05}_{1}"]


def store(form=FORMS[0], count=None, sets=(("train", 40), ("val", 10)), parts=("image", "label")):
    made = {}
    for of_set, number in sets:
        for at in range(number):
            made[form.format(of_set, parts[0], at).encode()] = picture(len(made))
            made[form.format(of_set, parts[1], at).encode()] = b"word%d" % at
    return made if count is None else made | {b"num-samples": b"%d" % count}


def found(path):
    return [(it.code, it.verdict, it.key) for it in datacheck.scan(path).findings]


@pytest.mark.parametrize("form", FORMS)
def test_a_count_is_that_of_all_sets(tmp_path, form):
    report = datacheck.scan(write(tmp_path / "sound", store(form, 50)))
    assert (report.counts, report.groups) == ({}, 50)
    assert found(write(tmp_path / "stale", store(form, 51))) == [("count", "bad", None)]


def test_a_count_of_the_records_is_true_as_well(tmp_path):
    assert found(write(tmp_path / "store", store(count=100))) == []


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_another_set_goes(tmp_path, form):
    records = store(form, 50)
    image, label = (form.format("train", it, 3).encode() for it in ("image", "label"))
    source = write(tmp_path / "store", records | {image: records[image][:-60]})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (set(records) - set(copy), copy[b"num-samples"]) == ({image, label}, b"49")
    assert (receipt.kept, receipt.dropped) == (99, 2)
    assert datacheck.scan(tmp_path / "copy").counts == {}


@pytest.mark.parametrize(("count", "verdict"), [(50, "bad"), (None, "suspicious")])
def test_a_sample_that_lacks_a_part(tmp_path, count, verdict):
    records = store(count=count)
    del records[b"val-label-000000003"]
    assert found(write(tmp_path / "store", records)) == [("unpaired", verdict, "val-image-000000003")]


def test_sets_of_one_record_each_make_no_samples(tmp_path):
    records = {b"%s-%05d" % (of, at): picture(at + len(of) * 100) for of in (b"train", b"val") for at in range(30)}
    report = datacheck.scan(write(tmp_path / "store", records))
    assert (report.counts, report.groups) == ({}, None)


def test_a_set_of_tests_needs_no_labels(tmp_path):
    records = store(sets=(("train", 40),)) | {b"test-image-%09d" % at: picture(500 + at) for at in range(20)}
    sound = records | {b"num-samples": b"60"}
    assert found(write(tmp_path / "sound", sound)) == []
    source = write(tmp_path / "store", sound | {b"train-image-000000003": b"", b"test-image-000000007": b""})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    gone = {b"train-image-000000003", b"train-label-000000003", b"test-image-000000007"}
    assert set(sound) - set(read(tmp_path / "copy")) == gone
    assert read(tmp_path / "copy")[b"num-samples"] == b"58"
