"""Word pictures and their texts: what a scan says, and that the loader trains on the copy."""

import random

import pytest
from convention_stores import load_words, picture, read, word_pictures, write

import datacheck

STORES = {"folder": {}, "file": {"subdir": False}}


def scanned(path, **options):
    report = datacheck.scan(path, **options)
    return report, {(finding.key, finding.code, finding.verdict) for finding in report.findings}


def test_a_sound_store_is_clean(tmp_path):
    report, said = scanned(write(tmp_path / "store", word_pictures()))
    assert (report.status, said, report.groups) == (0, set(), 60)
    assert [it.name for it in report.conventions] == ["ocr"]
    assert report.document().conventions == ["ocr"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"40", "num-samples says 40, there are 60"),
        (b"75", "num-samples says 75, there are 60"),
        (b"60.0", 'num-samples holds "60.0", which is not the whole number a loader expects'),
        (b"", "num-samples holds nothing, which is not the whole number a loader expects"),
        (b"\xff\xfe", r'num-samples holds "\xff\xfe", which is not the whole number a loader expects'),
    ],
)
def test_a_count_that_is_not_true(tmp_path, value, said):
    report, found = scanned(write(tmp_path / "store", word_pictures() | {b"num-samples": value}))
    assert report.status == 1
    assert found == {(None, "count", "bad")}
    assert [finding.message for finding in report.findings] == [said]
    assert list(report.bad_keys()) == [], "records of a convention are never dropped"


def test_parts_that_are_gone(tmp_path):
    records = word_pictures()
    del records[b"image-000000007"], records[b"label-000000031"]
    report, said = scanned(write(tmp_path / "store", records))
    assert said == {("label-000000007", "unpaired", "bad"), ("image-000000031", "unpaired", "bad")}
    assert next(iter(report.findings)).details == {"missing": ["image-000000007"]}


def test_whole_samples_that_are_gone(tmp_path):
    records = word_pictures()
    for number in (12, 40):
        del records[b"image-%09d" % number], records[b"label-%09d" % number]
    report, said = scanned(write(tmp_path / "store", records))
    assert said == {(None, "dangling", "bad")}
    assert next(iter(report.findings)).details == {"count": 2, "first": ["image-000000012", "image-000000040"]}


@pytest.mark.parametrize("form", STORES)
@pytest.mark.parametrize("how", ["scan", "report"])
def test_the_loader_trains_on_the_copy(tmp_path, form, how):
    records = word_pictures()
    records[b"image-000000005"] = picture(5)[:200]
    records[b"image-000000009"] = b""
    records[b"label-000000044"] = b"\xff\xfe\xfd"
    del records[b"label-000000020"]
    source = write(tmp_path / "store", records, **STORES[form])
    report = tmp_path / "report.json"
    datacheck.scan(source, reports=[report])
    receipt = datacheck.rebuild(
        source, tmp_path / "copy", drop_bad=True, from_report=report if how == "report" else None
    )
    assert (tmp_path / "copy").is_dir() == (form == "folder")
    assert (receipt.records, receipt.kept, receipt.dropped) == (120, 113, 7)
    kept = {number for number in range(1, 61) if number not in (5, 9, 20, 44)}
    assert load_words(tmp_path / "copy") == {f"word{number}": picture(number) for number in kept}
    assert scanned(tmp_path / "copy")[0].status == 0
    assert receipt.repairs.values == {"num-samples": "56"}


def test_samples_of_which_a_record_is_bad(tmp_path):
    records = word_pictures() | {b"image-000000009": b"no picture", b"image-000000005": b""}
    del records[b"image-000000007"]
    report = datacheck.scan(write(tmp_path / "store", records))
    assert dict(report.bad_groups()) == {
        "5": ["image-000000005", "label-000000005"],
        "9": ["image-000000009", "label-000000009"],
        "7": ["label-000000007"],
    }


def test_renamed_records_are_listed(tmp_path):
    records = word_pictures() | {b"image-000000058": b""}
    receipt = datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert dict(receipt.renamed()) == {
        f"{name}-{number:09}": f"{name}-{number - 1:09}" for name in ("image", "label") for number in (59, 60)
    }


def test_what_goes_with_another_record_is_listed_and_put_into_quarantine(tmp_path):
    source = write(tmp_path / "store", word_pictures() | {b"image-000000005": b"no picture"})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, quarantine=tmp_path / "bad")
    assert set(read(tmp_path / "bad" / "records")) == {b"image-000000005", b"label-000000005"}


def test_a_sound_store_is_copied_as_it_is(tmp_path):
    source = write(tmp_path / "store", word_pictures())
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == read(source)
    assert receipt.repairs is datacheck.rebuilding.receipt.msgspec.UNSET


def test_a_stale_count_alone_is_made_true(tmp_path):
    source = write(tmp_path / "store", word_pictures() | {b"num-samples": b"75"})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == read(source) | {b"num-samples": b"60"}
    assert (receipt.dropped, receipt.lost) == (0, [])


def test_masks_for_some_of_the_pictures_are_no_parts_that_are_missing(tmp_path):
    records = word_pictures()
    records |= {b"lexicon-%09d" % number: b"a,b" for number in range(1, 61, 3)}
    report, said = scanned(write(tmp_path / "store", records))
    assert (report.status, said) == (0, set())
    records[b"image-000000004"] = b"no picture"
    source = write(tmp_path / "faulty", records)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert {key for key in copy if key.startswith(b"lexicon")} == {
        b"lexicon-%09d" % (number - (number > 4)) for number in range(1, 61, 3) if number != 4
    }
    assert scanned(tmp_path / "copy")[0].status == 0


@pytest.mark.parametrize("seed", range(3))
def test_one_worker_or_many_say_the_same(tmp_path, seed):
    draw = random.Random(seed)
    records = word_pictures(1500)
    for key in draw.sample(sorted(records), 25):
        del records[key]
    records[b"num-samples"] = b"1500"
    source = write(tmp_path / "store", records)
    first, second = (datacheck.scan(source, workers=workers).document() for workers in (1, 3))
    assert (first.findings, first.counts, first.groups) == (second.findings, second.counts, second.groups)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    whole = {number for number in range(1, 1501) if {b"image-%09d" % number, b"label-%09d" % number} <= records.keys()}
    assert sorted(load_words(tmp_path / "copy")) == sorted(f"word{number}" for number in whole)
