"""Samples whose records share a text: X/rgb and X/depth."""

import random

import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.stem_parts import stems_in
from datacheck.conventions.keys.stems import Stems

ROOMS = ("kitchen", "office", "hall_b", "attic")


def stem(number):
    return f"{ROOMS[number % 4]}{number // 4 % 9}/{number * 7919 % 65536:04x}".encode()


def views(count=120, endings=(b"/depth", b"/rgb")):
    return {
        stem(number) + ending: picture(2 * number + at, (8, 8))
        for number in range(count)
        for at, ending in enumerate(endings)
    }


def said(report):
    return {(it.key, it.code, it.verdict) for it in report.findings}


@pytest.mark.parametrize(
    "endings", [(b"/depth", b"/rgb"), (b".jpg", b".mask.jpg", b".seg")[::2], (b"_left", b"_right")]
)
def test_a_sound_store(tmp_path, endings):
    report = datacheck.scan(write(tmp_path / "store", views(endings=endings)))
    assert (report.status, said(report), report.groups) == (0, set(), 120)


@pytest.mark.parametrize("how", ["scan", "report"])
def test_a_sample_that_lacks_a_part_goes_whole(tmp_path, how):
    records = views()
    del records[stem(50) + b"/rgb"]
    records[stem(70) + b"/depth"] = b"no picture"
    source, report = write(tmp_path / "store", records), tmp_path / "report.json"
    scanned = datacheck.scan(source, reports=[report])
    lone = (stem(50) + b"/depth").decode()
    assert {it for it in said(scanned) if it[1] == "unpaired"} == {(lone, "unpaired", "bad")}
    seventy = stem(70).decode()
    assert dict(scanned.bad_groups()) == {
        stem(50).decode(): [lone],
        seventy: [f"{seventy}/depth", f"{seventy}/rgb"],
    }
    receipt = datacheck.rebuild(
        source,
        tmp_path / "copy",
        drop_bad=True,
        quarantine=tmp_path / "bad",
        from_report=report if how == "report" else None,
    )
    gone = {stem(50), stem(70)}
    assert read(tmp_path / "copy") == {key: it for key, it in views().items() if key.rsplit(b"/", 1)[0] not in gone}
    assert read(tmp_path / "bad" / "records").keys() == {key for key in records if key.rsplit(b"/", 1)[0] in gone}
    assert (receipt.dropped, receipt.repairs.samples) == (3, 2)
    assert datacheck.scan(tmp_path / "copy").status == 0


def test_a_count_of_samples(tmp_path):
    assert datacheck.scan(write(tmp_path / "sound", views() | {b"length": b"120"})).status == 0
    assert datacheck.scan(write(tmp_path / "records", views() | {b"length": b"240"})).status == 0
    source = write(tmp_path / "store", views() | {b"length": b"120", stem(3) + b"/rgb": b""})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"length"] == b"119"


@pytest.mark.parametrize(
    "records",
    [
        {key: it for number, (key, it) in enumerate(views().items()) if number % 3},  # masks for some
        {stem(number) + (b"/rgb" if number % 2 else b"/depth"): picture(number, (8, 8)) for number in range(120)},
        {stem(number) + ending: picture(number, (8, 8)) for number in range(120) for ending in (b"/train", b"/val")},
        {stem(number)[:-3] + b"/%d" % at: picture(number, (8, 8)) for number in range(60) for at in range(2)},
        {key: it for key, it in views(15).items() if key != stem(3) + b"/rgb"},  # fewer than make a rule
    ],
    ids=["some", "formats", "sets", "frames", "few"],
)
def test_stores_that_only_look_like_it(tmp_path, records):
    report = datacheck.scan(write(tmp_path / "store", records))
    assert not {it for it in said(report) if it[1] == "unpaired"}


def test_stems_within_stems():
    keys = [b"a/depth", b"a/rgb", b"a/b/depth", b"a/b/rgb", b"a-c/depth", b"a-c/rgb"]
    from datacheck.conventions.keys.stems import Unpaired

    made = Unpaired(Stems((b"/depth", b"/rgb")))
    made.take(sorted(keys)[:4])
    made.take(sorted(keys)[4:])
    groups = made.groups()
    assert (groups.all, groups.unpaired) == (3, {})


def test_keys_that_are_not_in_order_tell_nothing():
    from datacheck.conventions.keys.stems import Unpaired

    made = Unpaired(Stems((b"/depth", b"/rgb")))
    made.take([b"b/depth", b"a/depth"])
    assert made.groups() is None


def test_sums_do_not_depend_on_the_split_or_the_order():
    keys = list(views())
    watch = KeyWatch(stems=stems_in(keys))
    whole = Account()
    whole.take(keys, watch)
    random.Random(1).shuffle(keys)
    parts = Account()
    for at in range(0, len(keys), 17):
        one = Account()
        one.take(keys[at : at + 17], watch)
        parts += one
    assert parts == whole
    assert len(set(whole.stems.values())) == 1


def test_one_worker_or_many_say_the_same(tmp_path):
    records = views(3000)
    for key in random.Random(5).sample(sorted(records), 20):
        del records[key]
    source = write(tmp_path / "store", records)
    first, second = (datacheck.scan(source, workers=workers).document() for workers in (1, 3))
    assert (first.findings, first.counts, first.groups) == (second.findings, second.counts, second.groups)
    assert first.counts["unpaired"] == 20
