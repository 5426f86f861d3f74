"""Samples whose records begin with the name of a part, and end with a name of their own: image-4f0a, label-4f0a."""

import hashlib

import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = {
    "digests": [hashlib.sha1(b"%d" % at).hexdigest()[:10] for at in range(50)],
    "words": [f"{first}{last}" for first in "abcdefghij" for last in ("oak", "elm", "fir", "yew", "ash")],
}


def store(names, between="-"):
    made = {}
    for at, name in enumerate(names):
        made[f"image{between}{name}".encode()] = picture(at)
        made[f"label{between}{name}".encode()] = b"%d" % (at % 5)
    return made | {b"num-samples": b"%d" % len(names)}


def found(path):
    return [(it.code, it.verdict, it.key) for it in datacheck.scan(path).findings]


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("between", ["-", "/"])
def test_a_sample_goes_as_a_whole_and_is_counted_once(tmp_path, names, between):
    records = store(names, between)
    report = datacheck.scan(write(tmp_path / "sound", records))
    assert (report.counts, report.groups) == ({}, 50)
    image, label = (f"{it}{between}{names[7]}".encode() for it in ("image", "label"))
    lacking = {key: value for key, value in records.items() if key != label}
    assert found(write(tmp_path / "lacking", lacking)) == [("unpaired", "bad", image.decode())]
    assert found(write(tmp_path / "stale", records | {b"num-samples": b"52"})) == [("count", "bad", None)]
    datacheck.rebuild(
        write(tmp_path / "cut", records | {image: records[image][:200]}), tmp_path / "copy", drop_bad=True
    )
    copy = read(tmp_path / "copy")
    assert (records.keys() - copy.keys(), copy[b"num-samples"]) == ({image, label}, b"49")
    assert datacheck.scan(tmp_path / "copy").counts == {}


def test_classes_of_the_same_names_only_in_part_are_no_parts(tmp_path):
    names = NAMES["words"]
    records = {f"cat-{name}".encode(): picture(at) for at, name in enumerate(names[:35])}
    records |= {f"dog-{name}".encode(): picture(at + 100) for at, name in enumerate(names[15:])}
    report = datacheck.scan(write(tmp_path / "store", records))
    assert (report.counts, report.groups) == ({}, None)
