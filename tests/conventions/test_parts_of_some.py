"""Parts that a sample may do without, as masks and captions, in stores that count their samples."""

import pytest
from convention_stores import picture, read, read_database, word_pictures, write, write_databases, wrong

import datacheck
from datacheck.model.escaping import escape

COUNT = 200
WITHOUT = (3, 70, 71, 150, 199)
"""Five of 200: more than one in a hundred, and less than one in twenty."""
OPTIONAL = ["mask", "caption", "wh", "lexicon", "boxes", "negative", "imageMask", "txt"]


def numbered(count=COUNT, **parts):
    """Return pictures and further parts, of which those say which numbers have none."""
    records = {b"num_samples": b"%d" % count}
    for number in range(count):
        records[b"image-%06d" % number] = picture(number, (8, 8))
        for name, without in parts.items():
            if number not in without:
                records[b"%s-%06d" % (name.encode(), number)] = b"text %d" % number
    return records


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_part_that_some_counted_samples_do_without_is_not_bad(name, tmp_path):
    source = write(tmp_path / "env", numbered(label=(), **{name: WITHOUT}))
    report = datacheck.scan(source, workers=1)
    assert report.status == 0
    assert wrong(report) == [(None, "unpaired", "suspicious")] * len(WITHOUT)


@pytest.mark.parametrize("name", ["label", "target", "gt", "audio"])
def test_a_part_that_a_loader_asks_for_is(name, tmp_path):
    report = datacheck.scan(write(tmp_path / "env", numbered(**{name: WITHOUT})), workers=1)
    assert wrong(report) == [(None, "unpaired", "bad")] * len(WITHOUT)


def test_a_sample_that_lacks_its_picture_is_bad_whatever_else_it_has(tmp_path):
    records = numbered(mask=(8, 9, 10, 11))
    for number in (4, 5):
        del records[b"image-%06d" % number]
    report = datacheck.scan(write(tmp_path / "env", records), workers=1)
    assert [(it.key, it.verdict) for it in report.findings] == [
        ("mask-000004", "bad"),
        ("mask-000005", "bad"),
        *((f"image-{number:06d}", "suspicious") for number in (8, 9, 10, 11)),
    ]


@pytest.mark.parametrize("name", ["wh", "lexicon"])
def test_the_loader_of_word_pictures_does_not_ask_for_all(name, tmp_path):
    records = {
        key: value for key, value in numbered(COUNT + 1, label=(), **{name: WITHOUT}).items() if key[-6:] != b"000000"
    }
    records = {key.replace(b"-", b"-000"): value for key, value in records.items() if b"-" in key}
    source = write(tmp_path / "env", {**records, b"num-samples": b"%d" % COUNT})
    report = datacheck.scan(source, workers=1)
    assert (report.status, report.convention_names) == (0, ["ocr"])
    del records[b"label-000000090"]
    report = datacheck.scan(write(tmp_path / "lacks", {**records, b"num-samples": b"%d" % COUNT}), workers=1)
    assert [it.key for it in report.findings if it.verdict == "bad"] == ["image-000000090"]


@pytest.mark.parametrize("name", ["masks", "captions", "boxes"])
@pytest.mark.parametrize("form", [b"%05d", b"scene %d"])
def test_a_database_of_parts_that_some_do_without_is_not_bad(name, form, tmp_path):
    keys = [form % number for number in range(COUNT)]
    env = {
        "images": {key: picture(at, (8, 8)) for at, key in enumerate(keys)},
        name: {key: b"text" for at, key in enumerate(keys) if at not in WITHOUT},
        "meta": {b"length": b"%d" % COUNT},
    }
    source = write_databases(tmp_path / "env", env)
    report = datacheck.scan(source, workers=1)
    assert report.status == 0
    assert {it.verdict for it in report.findings} <= {"suspicious"}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read_database(tmp_path / "copy", "images") == env["images"]


@pytest.mark.parametrize("written", ["%s-%09d", "%s_%d"])
@pytest.mark.parametrize("every", [1, 3])
def test_what_a_project_adds_to_word_pictures_is_closed_up_with_them(written, every, tmp_path):
    """Masks, or boxes of the letters, that no loader of the convention knows."""
    records = word_pictures(COUNT)
    records |= {(written % ("mask", it)).encode(): b"of word%d" % it for it in range(1, COUNT + 1) if it % every == 0}
    records |= {b"class-%02d" % it: b"name %d" % it for it in range(1, 31)}
    source = write(tmp_path / "sound", records)
    assert datacheck.scan(source, workers=1).status == 0
    records[b"image-000000010"] = records[b"image-000000010"][:200]
    source = write(tmp_path / "env", records)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert receipt.dropped == 2 + (every == 1)
    copy = read(tmp_path / "copy")
    for number in range(1, COUNT):
        text = copy[b"label-%09d" % number]
        whose = int(text.removeprefix(b"word"))
        mask = copy.get((written % ("mask", number)).encode())
        assert mask == (b"of " + text if whose % every == 0 else None)
    assert [copy[b"class-%02d" % it] for it in range(1, 31)] == [b"name %d" % it for it in range(1, 31)]


@pytest.mark.parametrize("name", ["letters", "mask"])
def test_what_no_loader_asks_for_may_not_be_there(name, tmp_path):
    records = word_pictures(COUNT)
    records |= {f"{name}-{it:09d}".encode(): b"x" for it in range(1, COUNT + 1) if it not in WITHOUT}
    report = datacheck.scan(write(tmp_path / "env", records), workers=1)
    assert report.status == 0
    assert {it.verdict for it in report.findings} <= {"suspicious"}


BOXED = frozenset(range(1, COUNT, 18))
"""Twelve of 200 have no boxes: fewer than 95 in a hundred are whole."""


@pytest.mark.parametrize("counted", [True, False])
def test_parts_that_some_do_without_say_nothing_of_those_that_none_does(counted, tmp_path):
    records = numbered(boxes=BOXED)
    del records[b"image-000004"]
    if not counted:
        del records[b"num_samples"]
    report = datacheck.scan(write(tmp_path / "env", records), workers=1)
    assert [it.key for it in report.findings if it.verdict == "bad"] == ["boxes-000004"]
    assert len(report.findings) == 1 + len(BOXED)


@pytest.mark.parametrize("form", [b"%05d", b"scene %d", b"%c_x"])
@pytest.mark.parametrize("counted", [True, False])
def test_nor_do_they_in_databases(counted, form, tmp_path):
    keys = [form % number for number in range(40, 40 + COUNT)]
    env = {
        "images": {key: picture(at, (8, 8)) for at, key in enumerate(keys) if at != 4},
        "boxes": {key: b"text" for at, key in enumerate(keys) if at not in BOXED},
    }
    if counted:
        env["meta"] = {b"length": b"%d" % COUNT}
    report = datacheck.scan(write_databases(tmp_path / "env", env), workers=1)
    assert [(it.database, it.key) for it in report.findings if it.verdict == "bad"] == [("boxes", escape(keys[4]))]
    assert len(report.findings) == 1 + len(BOXED)
