"""Stores with records of several kinds, of which something counts one, and which are no parts of each other."""

import pytest
from convention_stores import picture, read, read_database, write, write_databases, wrong

import datacheck

KINDS = {"classes of all": (60, 30), "texts of each": (60, 300), "many of both": (900, 100)}


def store(pictures, others, count=None):
    records = {b"image-%05d" % it: picture(it, (8, 8)) for it in range(pictures)}
    records |= {b"other-%05d" % it: b"of %d" % it for it in range(others)}
    return records | {b"length": b"%d" % (count or pictures)}


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_the_count_stays_true_of_what_it_counts(numbers, tmp_path):
    pictures, others = numbers
    records = store(*numbers)
    assert wrong(datacheck.scan(write(tmp_path / "sound", records), workers=1)) == []
    records[b"image-00005"] = records[b"image-00005"][:150]
    source = write(tmp_path / "env", records)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (receipt.dropped, copy[b"length"]) == (1, b"%d" % (pictures - 1))
    assert copy[b"image-%05d" % (pictures - 2)] == records[b"image-%05d" % (pictures - 1)]
    assert [copy[b"other-%05d" % it] for it in range(others)] == [b"of %d" % it for it in range(others)]
    assert datacheck.scan(tmp_path / "copy", workers=1).status == 0


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_one_that_is_not_there_is_missed_among_those_that_are_counted(numbers, tmp_path):
    records = store(*numbers)
    del records[b"image-00020"]
    [finding] = datacheck.scan(write(tmp_path / "env", records), workers=1).findings
    assert (finding.code, finding.verdict, finding.details["first"]) == ("dangling", "bad", ["image-00020"])


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_a_count_that_is_not_true_names_the_number_that_it_is_near(numbers, tmp_path):
    source = write(tmp_path / "env", store(*numbers, count=numbers[0] + 3))
    [finding] = datacheck.scan(source, workers=1).findings
    assert finding.message == f"length says {numbers[0] + 3}, there are {numbers[0]}"


@pytest.mark.parametrize("gone", [(0,), (0, 17)])
def test_the_first_record_may_be_the_one_that_is_missing(gone, tmp_path):
    records = {b"%d" % it: b'{"x": %d}' % it for it in range(60) if it not in gone} | {b"length": b"60"}
    source = write(tmp_path / "env", records)
    [finding] = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.details["first"]) == ("dangling", [str(it) for it in gone])
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert sorted(read(tmp_path / "copy").items()) == sorted(
        {b"%d" % at: it for at, it in enumerate(records[b"%d" % it] for it in range(60) if it not in gone)}.items()
        | {(b"length", b"%d" % (60 - len(gone)))}
    )


def test_numbers_from_1_on_are_sound(tmp_path):
    records = {b"%d" % it: b'{"x": %d}' % it for it in range(1, 61)} | {b"length": b"60"}
    assert datacheck.scan(write(tmp_path / "env", records), workers=1).status == 0
    del records[b"33"]
    [finding] = datacheck.scan(write(tmp_path / "lacks", records), workers=1).findings
    assert (finding.code, finding.details["first"]) == ("dangling", ["33"])


def test_the_last_one_is_missing_where_names_are_numbered_from_1_on(tmp_path):
    records = {b"sound-%06d" % it: b'{"x": %d}' % it for it in range(1, 60)} | {b"length": b"60"}
    [finding] = datacheck.scan(write(tmp_path / "env", records), workers=1).findings
    assert finding.message == "length says 60, there are 59"


@pytest.mark.parametrize("said", [190, 203, 219])
def test_a_length_that_is_near_the_samples_of_two_databases_is_theirs(said, tmp_path):
    keys = [b"%05d" % it for it in range(200)]
    env = {"images": {it: picture(at, (8, 8)) for at, it in enumerate(keys)}, "labels": dict.fromkeys(keys, b"text")}
    source = write_databases(tmp_path / "env", env | {"meta": {b"length": b"%d" % said}})
    [finding] = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.verdict) == ("count", "bad")
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read_database(tmp_path / "copy", "meta") == {b"length": b"200"}
    env |= {"meta": {b"size": b"192", b"length": b"77"}}
    assert datacheck.scan(write_databases(tmp_path / "sizes", env), workers=1).status == 0


@pytest.mark.parametrize("of_records", [True, False])
def test_what_counts_the_samples_of_all_databases_is_made_true(of_records, tmp_path):
    keys = [b"%05d" % it for it in range(120)]
    env = {}
    for name, count in (("train", 120), ("val", 60)):
        env[f"{name}_images"] = {key: picture(at + count, (8, 8)) for at, key in enumerate(keys[:count])}
        env[f"{name}_labels"] = dict.fromkeys(keys[:count], b"text")
    total = 360 if of_records else 180
    env["meta"] = {b"num_samples": b"%d" % total}
    report = datacheck.scan(write_databases(tmp_path / "sound", env), workers=1)
    assert (report.status, wrong(report), report.groups) == (0, [], 180)
    env["train_images"][keys[9]] = env["train_images"][keys[9]][:99]
    env["val_labels"][keys[4]] = b""
    source = write_databases(tmp_path / "env", env)
    datacheck.rebuild(source, tmp_path / "copy", drop=[f"val_labels:{keys[4].decode()}"], drop_bad=True)
    left = 356 if of_records else 178
    assert read_database(tmp_path / "copy", "meta") == {b"num_samples": b"%d" % left}
    assert datacheck.scan(tmp_path / "copy", workers=1).status == 0


def test_a_count_of_pictures_is_not_that_of_the_captions_of_some(tmp_path):
    keys = [b"%c%c%d" % (97 + it % 26, 97 + it * 7 % 26, it) for it in range(200)]
    env = {
        "captions": {key: b"text" for it, key in enumerate(keys) if it % 25},
        "images": {key: picture(it, (8, 8)) for it, key in enumerate(keys)},
        "meta": {b"num_samples": b"200"},
    }
    env["images"][keys[3]] = env["images"][keys[3]][:99]
    datacheck.rebuild(write_databases(tmp_path / "env", env), tmp_path / "copy", drop_bad=True)
    assert len(read_database(tmp_path / "copy", "images")) == 199
    assert read_database(tmp_path / "copy", "meta") == {b"num_samples": b"199"}
