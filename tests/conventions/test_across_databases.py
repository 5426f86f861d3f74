"""Samples whose records lie in several databases of one LMDB environment: one record of a sample in each."""

import pickle

import numpy as np
import pytest
from convention_stores import picture, wrong
from convention_stores import read_database as read
from convention_stores import write_databases as write

import datacheck


def pictures(keys, cut=()):
    return {key: picture(at, (8, 8))[:150] if key in cut else picture(at, (8, 8)) for at, key in enumerate(keys)}


def words(keys):
    return {key: b"word %d" % at for at, key in enumerate(keys)}


def numbered(form, numbers):
    return [form % it for it in numbers]


NAMES = [b"%c%c_%03d" % (97 + at % 26, 97 + at * 7 % 26, at * at % 997) for at in range(60)]


def arrays(keys):
    return {key: pickle.dumps({"x": np.random.default_rng(at).random(4)}) for at, key in enumerate(keys)}


FORMS = {
    "same keys": (b"%08d", b"%08d"),
    "other names": (b"image-%06d", b"label-%06d"),
    "other widths": (b"%d", b"lbl_%05d.txt"),
}


@pytest.mark.parametrize("forms", FORMS.values(), ids=FORMS)
def test_a_record_that_another_database_lacks(tmp_path, forms):
    image, label = (numbered(form, range(60)) for form in forms)
    sound = {"images": pictures(image), "labels": words(label)}
    report = datacheck.scan(write(tmp_path / "sound", sound))
    assert (report.status, wrong(report), report.groups) == (0, [], 60)
    del sound["images"][image[7]], sound["labels"][label[40]]
    report = datacheck.scan(write(tmp_path / "env", sound))
    assert wrong(report) == [("labels", "unpaired", "suspicious"), ("images", "unpaired", "suspicious")]
    first = report.findings[0]
    assert (first.name, first.details["missing"]) == (f"labels:{label[7].decode()}", [f"images:{image[7].decode()}"])
    assert f"images:{image[7].decode()} is not there; 58 of 60 samples have all of images:" in first.message


@pytest.mark.parametrize("lacks", ["images", "labels", "both"])
def test_samples_that_are_counted_are_wrong_without_a_part(tmp_path, lacks):
    """Three of 200 is more than one in a hundred, but a loader asks for all that the store counts."""
    keys = numbered(b"%05d", range(200))
    env = {"images": pictures(keys), "labels": words(keys), "meta": {b"length": b"200"}}
    assert datacheck.scan(write(tmp_path / "sound", env)).status == 0
    for at in (20, 90, 199):
        for part in ("images", "labels"):
            if lacks == part or (lacks == "both" and at == 90):
                env[part].pop(keys[at], None)
    report = datacheck.scan(write(tmp_path / "env", env))
    if lacks == "both":
        assert {it[1:] for it in wrong(report)} == {("dangling", "bad")}
    else:
        other = {"images": "labels", "labels": "images"}[lacks]
        assert wrong(report) == [(other, "unpaired", "bad")] * 3
    datacheck.rebuild(tmp_path / "env", tmp_path / "copy", drop_bad=True)
    count = int(read(tmp_path / "copy", "meta")[b"length"])
    assert count == (199 if lacks == "both" else 197)
    image, label = read(tmp_path / "copy", "images"), read(tmp_path / "copy", "labels")
    texts = {value: key for key, value in words(keys).items()}
    for at in range(count):
        assert image[b"%05d" % at] == pictures(keys)[texts[label[b"%05d" % at]]]
    assert datacheck.scan(tmp_path / "copy").status == 0


def test_a_bad_record_takes_those_of_other_databases_along(tmp_path):
    image, label, mask = (numbered(form, range(60)) for form in (b"image-%04d", b"label-%04d", b"%d"))
    env = {"images": pictures(image, cut=[image[5]]), "labels": words(label), "masks": pictures(mask, cut=[mask[9]])}
    source = write(tmp_path / "env", env)
    report = datacheck.scan(source)
    assert [name for name, _ in report.bad_groups()] == ["5", "9"]
    assert next(report.bad_groups())[1] == ["images:image-0005", "labels:label-0005", "masks:5"]
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, quarantine=tmp_path / "held")
    assert (receipt.dropped, receipt.repairs.samples, receipt.quarantined) == (6, 2, 6)
    for name, keys in {"images": image, "labels": label, "masks": mask}.items():
        kept = [key for at, key in enumerate(keys) if at not in (5, 9)]
        assert sorted(read(tmp_path / "copy", name)) == sorted(kept), "nothing counts them: their numbers stay"
    datacheck.rebuild(source, tmp_path / "closed", drop_bad=True, renumber=True)
    assert sorted(read(tmp_path / "closed", "labels")) == label[:58]
    assert read(tmp_path / "closed", "labels")[b"label-0005"] == b"word 6"


def test_databases_that_count_their_records_each(tmp_path):
    keys = numbered(b"%05d", range(60))
    env = {"rgb": pictures(keys, cut=[keys[5]]), "depth": pictures(keys)}
    env = {name: records | {b"length": pickle.dumps(60)} for name, records in env.items()}
    datacheck.rebuild(write(tmp_path / "env", env), tmp_path / "copy", drop_bad=True)
    rgb, depth = read(tmp_path / "copy", "rgb"), read(tmp_path / "copy", "depth")
    assert pickle.loads(rgb.pop(b"length")) == pickle.loads(depth.pop(b"length")) == 59
    assert rgb == depth
    assert sorted(rgb) == keys[:59]
    assert datacheck.scan(tmp_path / "copy").status == 0


def test_an_earlier_report_gives_the_same_copy(tmp_path):
    keys = numbered(b"%05d", range(60))
    env = {"images": pictures(keys, cut=[keys[5]]), "labels": words(keys), "": {b"num_samples": b"60"}}
    source = write(tmp_path / "env", env)
    datacheck.scan(source).save(tmp_path / "report.json")
    datacheck.rebuild(source, tmp_path / "one", drop_bad=True)
    datacheck.rebuild(source, tmp_path / "two", drop_bad=True, from_report=tmp_path / "report.json")
    for part in ("images", "labels", ""):
        assert read(tmp_path / "one", part) == read(tmp_path / "two", part)
    assert len(read(tmp_path / "one", "labels")) == 59


def test_samples_that_have_names(tmp_path):
    image, label = [b"img/" + it + b".jpg" for it in NAMES], [it + b".txt" for it in NAMES]
    env = {"images": pictures(image), "labels": words(label)}
    report = datacheck.scan(write(tmp_path / "sound", env))
    assert (report.status, report.groups) == (0, 60)
    env = {"images": pictures(image, cut=[image[3]]), "labels": words(label)}
    del env["labels"][label[10]]
    source = write(tmp_path / "env", env)
    report = datacheck.scan(source)
    assert sorted(wrong(report)) == [("images", "truncated", "bad"), ("images", "unpaired", "suspicious")]
    assert report.findings[-1].details["missing"] == [f"labels:{label[10].decode()}"] or report.counts["unpaired"] == 1
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, drop=["suspicious"])
    assert receipt.dropped == 3
    assert len(read(tmp_path / "copy", "images")) == len(read(tmp_path / "copy", "labels")) == 58
    assert label[3] not in read(tmp_path / "copy", "labels")
    assert datacheck.scan(tmp_path / "copy").status == 0


def test_one_of_very_many_names(tmp_path):
    """One of a hundred is bad without its pair; nothing but a hash was held of the others."""
    names = [b"%x" % (at * 2654435761 % (1 << 32)) for at in range(3000)]
    env = {"x": {it: b"word %d" % at for at, it in enumerate(names)}}
    env["y"] = {it: pickle.dumps({"label": at}) for at, it in enumerate(names) if at != 1234}
    report = datacheck.scan(write(tmp_path / "env", env))
    assert [(it.name, it.code, it.verdict) for it in report.findings] == [
        (f"x:{names[1234].decode()}", "unpaired", "bad")
    ]
    assert list(report.findings) == list(datacheck.scan(tmp_path / "env", workers=2).findings)


def test_sizes_of_all_samples_and_masks_of_some(tmp_path):
    keys = numbered(b"%05d", range(80))
    some = keys[3::3]
    env = {"images": pictures(keys, cut=[keys[9], keys[10]]), "labels": words(keys), "masks": pictures(some)}
    source = write(tmp_path / "env", env)
    assert wrong(datacheck.scan(source)) == [("images", "truncated", "bad")] * 2
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert sorted(read(tmp_path / "copy", "masks")) == [it for it in some if it != keys[9]]


ANY = np.random.default_rng(5)
SOUND = {
    "unrelated, of one kind": {
        "cat": pictures(numbered(b"%05d", range(90))),
        "dog": pictures(numbered(b"%05d", range(87))),
    },
    "unrelated, as many": {"a": arrays(numbered(b"%d", range(90))), "b": arrays(numbered(b"%d", range(88)))},
    "sets": {"train": pictures(numbered(b"%05d", range(90))), "val": words(numbered(b"%05d", range(89)))},
    "pictures of two sets": {
        "train_images": pictures(numbered(b"%05d", range(90))),
        "val_images": words(numbered(b"%05d", range(89))),
    },
    "sequences": {f"clip{at}": arrays(numbered(b"%05d", range(60 - at))) for at in range(5)},
    "masks for some": {
        "images": pictures(numbered(b"%05d", range(90))),
        "masks": pictures(numbered(b"%05d", [3, 4, 9, 20, *range(30, 60)])),
    },
    "names of some": {"images": pictures(NAMES), "captions": words(NAMES[:30])},
    "other names": {"images": pictures(NAMES), "texts": words([it[::-1] for it in NAMES])},
    "unrelated, of other kinds": {
        "a": pictures(numbered(b"%05d", range(300))),
        "b": arrays(numbered(b"%05d", range(299))),
    },
    "few": {"images": pictures(NAMES[:10]), "texts": words(NAMES[:9])},
    "classes": {"images": pictures(numbered(b"%d", range(90))), "classes": words(numbered(b"%d", range(12)))},
}


@pytest.mark.parametrize("env", SOUND.values(), ids=SOUND)
def test_databases_that_only_look_like_it(tmp_path, env):
    assert wrong(datacheck.scan(write(tmp_path / "env", env))) == []


def test_what_is_bad_in_an_unrelated_database_takes_nothing_along(tmp_path):
    keys = numbered(b"%05d", range(90))
    env = {"cat": pictures(keys, cut=[keys[4]]), "dog": pictures(keys)}
    datacheck.rebuild(write(tmp_path / "env", env), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy", "dog") == env["dog"]
    assert len(read(tmp_path / "copy", "cat")) == 89


@pytest.mark.parametrize("counted", [False, True])
def test_the_last_ones_may_be_missed_by_intention(tmp_path, counted):
    keys = numbered(b"%05d", range(300))
    env = {"images": pictures(keys), "labels": arrays(keys[:298])} | ({"": {b"length": b"300"}} if counted else {})
    found = ("images", "unpaired", "bad" if counted else "suspicious")
    assert wrong(datacheck.scan(write(tmp_path / "env", env))) == [found] * 2


def test_numbers_that_are_alike_by_no_accident(tmp_path):
    numbers = sorted(ANY.choice(5000, 120, replace=False).tolist())
    env = {"a": arrays(numbered(b"%06d", numbers)), "b": arrays(numbered(b"k%d", numbers))}
    del env["b"][b"k%d" % numbers[50]]
    assert wrong(datacheck.scan(write(tmp_path / "env", env))) == [("a", "unpaired", "bad")]
